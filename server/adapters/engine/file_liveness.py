"""Liveness by file locks: each process holds a lock on a file of its own, and the lock dies with the process.

An owner id is never used again. So a file that is missing, or whose lock can be acquired, proves that its owner is
dead. An owner that is merely slow keeps its lock.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from domain.errors import SettingsError
from server.infra.filesystem.locks import lock_file, unsupported_locks_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX = ".lock"


def _try_lock(descriptor: int, path: Path) -> bool:
    try:
        lock_file(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, path)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Presence:
    """The presence of this process: its owner id, and the lock that proves that it is alive."""

    owner: str
    path: Path
    descriptor: int

    def release(self) -> None:
        """Release the lock, so that others can adopt this owner's sagas. None of them may still run here."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


class FileLiveness:
    """The folder of the lock files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def register(self) -> Presence:
        """Register this process as alive, under a fresh id.

        Raises SettingsError when the folder is not writable, or its file system does not support locks.
        """
        owner = uuid4().hex
        path = self._lock_path(owner)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = self._acquire_lock(path)
        except OSError as error:
            raise SettingsError(
                f"The data folder cannot hold the saga engine's locks: {self._folder}: {error.strerror}",
                field="data_dir",
            ) from error
        # Some network file systems accept a lock and do not hold it: then every process would look dead.
        if not self.is_alive(owner):
            os.close(descriptor)
            raise unsupported_locks_error(self._folder)
        return Presence(owner, path, descriptor)

    def is_alive(self, owner: str) -> bool:
        """Whether the owner's process is alive. The file of a dead one is removed."""
        path = self._lock_path(owner)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            dead = _try_lock(descriptor, path)
            if dead:
                path.unlink(missing_ok=True)
            return not dead
        finally:
            os.close(descriptor)

    def is_lock_held(self, owner: str) -> bool:
        """Whether the owner's lock is held now, which is whether its process is alive."""
        return self.is_alive(owner)

    @contextmanager
    def adoption_lock(self) -> Iterator[bool]:
        """Hold the adoption lock of this folder; False when another process holds it."""
        descriptor = os.open(self._folder / "adopting", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield _try_lock(descriptor, self._folder / "adopting")
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Do nothing: nothing stays open."""

    def renew(self) -> None:
        """Do nothing: the lock is held as long as its process lives."""

    def sweep(self) -> None:
        """Remove the files of dead owners."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):  # a file that cannot be removed does no harm
                self.is_alive(path.name.removesuffix(_SUFFIX))

    def _lock_path(self, owner: str) -> Path:
        return self._folder / f"{owner}{_SUFFIX}"

    def _acquire_lock(self, path: Path) -> int:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                lock_file(descriptor, fcntl.LOCK_EX, path)
            except BaseException:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
            # Another process may have removed the file before it was locked. Then the lock is of no file: try again.
            if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
            os.close(descriptor)
