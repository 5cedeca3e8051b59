"""Locks on files, which die with their process."""

from __future__ import annotations

import errno
import fcntl
import tempfile
from pathlib import Path
from typing import Final

from domain.errors import SettingsError

_NONE: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a file system answers that has no locks, or whose lock server cannot be reached: flock(2), nfs(5)."""


def lock_file(handle: int, how: int, path: Path) -> None:
    """`flock` that open file, at that path. Raises OSError, and SettingsError where the file system keeps no locks."""
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno in _NONE:
            raise unsupported_locks_error(path.parent) from error
        raise


def unsupported_locks_error(folder: Path) -> SettingsError:
    """What is said of a folder whose file system keeps no locks."""
    return SettingsError(
        f"The file system of {folder} does not keep file locks (flock), without which two processes "
        "could do the same work twice.",
        field="data_dir",
        suggested_action="Put the data folder (data_dir) on a local disk.",
    )


def require_file_locks(folder: Path) -> None:
    """Try whether a lock in that folder, or where it will be made, keeps a second one out. Raises SettingsError."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with (
            tempfile.NamedTemporaryFile(dir=there, prefix=".locks-") as one,
            Path(one.name).open("rb") as two,
        ):
            lock_file(one.fileno(), fcntl.LOCK_EX, there / "tried")
            lock_file(two.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB, there / "tried")
    except BlockingIOError:
        return
    except OSError as error:
        raise SettingsError(
            f"The data folder cannot be used: {there}: {error.strerror}.", field="data_dir"
        ) from error
    raise unsupported_locks_error(there)
