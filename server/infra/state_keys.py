"""State keys: they seal the request state that a client holds between a question and its answer.

With keys in the configuration, every replica can open the state that another has sealed. Without them the data folder
has one key, so that a later process, or one beside this one, can open it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from typing import TYPE_CHECKING, Final

from domain.errors import SettingsError
from server.infra.filesystem.locks import lock_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STATE_KEY_FILE: Final = "rounds.key"
_BYTES: Final = 32
_KEY: Final = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}")


def load_state_keys(configured: Sequence[str], data_dir: Path) -> list[str]:
    """The configured keys, or else the one of the data folder. The first seals; each of them opens.

    Raises SettingsError when the data folder is not writable, or its file contains no key.
    """
    return list(configured) or [_load_or_create_key(data_dir)]


def _load_or_create_key(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key = _read_or_create_key_file(folder / STATE_KEY_FILE)
    except OSError as error:
        raise SettingsError(
            f"The data folder cannot be used: {folder}: {error.strerror}.", field="data_dir"
        ) from error
    if not _KEY.fullmatch(key):
        raise SettingsError(
            f"{folder / STATE_KEY_FILE} does not contain a key.",
            field="data_dir",
            suggested_action="Delete that file and start again. Open questions then have to be asked again.",
        )
    return key


def _read_or_create_key_file(file: Path) -> str:
    """The key in the file. The first process creates it while the others wait for the lock."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+", encoding="ascii", errors="replace") as opened:
        lock_file(handle, fcntl.LOCK_EX, file)
        if key := opened.read():
            return key.strip()
        key = secrets.token_hex(_BYTES)
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
        return key
