"""Presence of servers on a data folder: a file lock that a server holds while it lives."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from domain.errors import SettingsError
from server.infra.filesystem.locks import lock_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = "serving.lock"
_TURN: Final = "serving.turn"
"""A lock held while checking: a check tries to take the first lock, which another check would mistake for a server."""


@contextmanager
def hold_folder_presence(data_dir: Path) -> Iterator[None]:
    """Hold the lock of a server on this folder, shared with others. Raises SettingsError for an unwritable folder."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable_folder_error(data_dir, error) from error
    with _open_lock_file(data_dir, _NAME) as handle:
        lock_file(handle, fcntl.LOCK_SH, data_dir / _NAME)
        yield


def is_server_on_folder(data_dir: Path) -> bool:
    """Whether at least one server runs on the folder. Raises SettingsError when the folder cannot be used."""
    if not (data_dir / _NAME).exists():
        return False
    with _open_lock_file(data_dir, _TURN) as turn, _open_lock_file(data_dir, _NAME) as handle:
        lock_file(turn, fcntl.LOCK_EX, data_dir / _TURN)
        try:
            lock_file(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, data_dir / _NAME)
        except BlockingIOError:
            return True
        return False


@contextmanager
def _open_lock_file(data_dir: Path, name: str) -> Iterator[int]:
    try:
        handle = os.open(data_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable_folder_error(data_dir, error) from error
    try:
        yield handle
    finally:
        os.close(handle)


def _unusable_folder_error(data_dir: Path, error: OSError) -> SettingsError:
    return SettingsError(f"The data folder cannot be used: {data_dir}: {error.strerror}.", field="data_dir")
