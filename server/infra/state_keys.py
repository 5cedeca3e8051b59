"""The keys that seal what a client holds between a question and its answer.

With keys in the configuration, several replicas understand each other; without, the data folder has one, so that a
process does that comes after this one or runs beside it.
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
    """The keys, those that are configured or else the data folder's: the first seals, each of them opens.

    Raises SettingsError when the data folder cannot hold one, or what it holds is none.
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
            f"{folder / STATE_KEY_FILE} holds no key.",
            field="data_dir",
            suggested_action="Remove that file and start again; questions that are open then have to be asked anew.",
        )
    return key


def _read_or_create_key_file(file: Path) -> str:
    """The key in the file, made by whichever process comes first while the others wait."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+", encoding="ascii", errors="replace") as opened:
        lock_file(handle, fcntl.LOCK_EX, file)
        if found := opened.read():
            return found.strip()
        key = secrets.token_hex(_BYTES)
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
        return key
