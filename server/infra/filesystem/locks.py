"""File locks, which the operating system releases when their process dies."""

from __future__ import annotations

import errno
import fcntl
import tempfile
from pathlib import Path
from typing import Final

from domain.errors import SettingsError

_NONE: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""Errors of a file system without locks, or whose lock server cannot be reached: flock(2), nfs(5)."""


def lock_file(handle: int, how: int, path: Path) -> None:
    """Call `flock` on the open file at `path`. Raises OSError, or SettingsError when the file system has no locks."""
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno in _NONE:
            raise unsupported_locks_error(path.parent) from error
        raise


def unsupported_locks_error(folder: Path) -> SettingsError:
    """The error for a folder whose file system does not support locks."""
    return SettingsError(
        f"The file system of {folder} does not support file locks (flock). Without them two processes "
        "could do the same work.",
        field="data_dir",
        suggested_action="Put the data folder (data_dir) on a local disk.",
    )


def require_file_locks(folder: Path) -> None:
    """Check that a lock in the folder, or in its nearest parent, excludes a second one. Raises SettingsError."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with (
            tempfile.NamedTemporaryFile(dir=existing, prefix=".locks-") as one,
            Path(one.name).open("rb") as two,
        ):
            lock_file(one.fileno(), fcntl.LOCK_EX, existing / "tried")
            lock_file(two.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB, existing / "tried")
    except BlockingIOError:
        return
    except OSError as error:
        raise SettingsError(
            f"The data folder cannot be used: {existing}: {error.strerror}.", field="data_dir"
        ) from error
    # Both locks were granted, so the file system only pretends to lock.
    raise unsupported_locks_error(existing)
