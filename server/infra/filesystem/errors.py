"""Errors of the operating system, in plain words."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WORDS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this process may write",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "this account has no permission",
    errno.EPERM: "this account has no permission",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EISDIR: "a folder is in its place",
    errno.ELOOP: "a symbolic link is in its place",
    errno.EIO: "the disk reports an input/output error",
    errno.ENOTEMPTY: "it contains files that are not ours",
}


def describe_os_error(error: OSError) -> str:
    """The cause of an error, as the end of a sentence."""
    return _WORDS.get(error.errno or 0) or (error.strerror or type(error).__name__)


@contextmanager
def translate_os_errors(kind: Callable[[str], Exception], doing: str, path: Path) -> Iterator[None]:
    """Translate an `OSError` in the block into `kind`, with what could not be done, where, and why."""
    try:
        yield
    except OSError as error:
        raise kind(f"Could not {doing} {path}: {describe_os_error(error)}.") from error
