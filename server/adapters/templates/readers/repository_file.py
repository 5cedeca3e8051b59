"""Open a file of the repository, and check after reading that it was not changed meanwhile."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from domain.errors import MockDataMissingError, TemplateInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def resolve_sibling(name: str, other: str) -> str:
    """The path in the repository of a file that a template names relative to itself.

    Raises TemplateInvalidError for a path outside the repository.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
    if not other or "\0" in other or path.startswith(("/", "../")) or path in {".", ".."}:
        raise TemplateInvalidError(
            f"{quote_foreign(name)} names a file outside the repository: {quote_foreign(other)}.",
            file=quote_foreign(name),
            record_field="source.file",
        )
    return path


@contextmanager
def open_repository_file(repository: Path, name: str) -> Iterator[BinaryIO]:
    """Open a regular file of the repository, without following symbolic links.

    Raises:
        MockDataMissingError: the file does not exist.
        TemplateInvalidError: it is a link, not a regular file, not readable, or was changed by the end of the block.
    """
    with _open_regular_file(repository, name) as file:
        before = os.fstat(file.fileno())
        yield file
        if _file_identity(before) != _file_identity(os.fstat(file.fileno())) or not _is_same_file(
            repository, name, before
        ):
            raise TemplateInvalidError(
                f"{quote_foreign(name)} was changed while it was being read.",
                file=quote_foreign(name),
                suggested_action="Do not change the file while it is being read, and call again.",
            )


def _file_identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _is_same_file(repository: Path, name: str, before: os.stat_result) -> bool:
    try:
        return _file_identity(os.lstat(repository / name)) == _file_identity(before)
    except OSError:
        return False


def _open_regular_file(repository: Path, name: str) -> BinaryIO:
    try:
        descriptor = _open_below(os.open(repository, os.O_RDONLY | os.O_DIRECTORY), name.split("/"))
    except OSError as error:
        raise _opening_error(error, name) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TemplateInvalidError(f"{quote_foreign(name)} is not a regular file.", file=quote_foreign(name))
    return os.fdopen(descriptor, "rb", 0)


def _open_below(folder: int, parts: list[str]) -> int:
    """Open the file at a path below a folder, one part at a time; the folder's descriptor is closed."""
    # O_NONBLOCK: a pipe must not keep us waiting for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | (os.O_DIRECTORY if parts[1:] else os.O_NONBLOCK)
    try:
        inner = os.open(parts[0], flags, dir_fd=folder)
    finally:
        os.close(folder)
    return _open_below(inner, parts[1:]) if parts[1:] else inner


def _opening_error(error: OSError, name: str) -> TemplateInvalidError | MockDataMissingError:
    shown = quote_foreign(name)
    if error.errno == errno.ENOENT:
        return MockDataMissingError(f"{shown} is not in the repository.", file=shown)
    if error.errno in {errno.ELOOP, errno.ENOTDIR}:
        return TemplateInvalidError(
            f"{shown} is reached through a symbolic link, which is not followed.", file=shown
        )
    return TemplateInvalidError(f"{shown} cannot be read: {error.strerror}.", file=shown)
