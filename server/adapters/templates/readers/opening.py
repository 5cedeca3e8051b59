"""Opening a file of the repository, and knowing whether it is still the same one when it has been read."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from domain.errors import MockDataMissingError, TemplateInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def resolve_sibling(name: str, other: str) -> str:
    """The name, within the repository, of a file that a template names relative to itself.

    Raises TemplateInvalidError for one that would be outside the repository.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
    if not other or "\0" in other or path.startswith(("/", "../")) or path in {".", ".."}:
        raise TemplateInvalidError(
            f"{name} names a file outside the repository: {other[:200]!r}.",
            file=name,
            record_field="source.file",
        )
    return path


@contextmanager
def open_repository_file(repository: Path, name: str) -> Iterator[BinaryIO]:
    """A regular file of the repository, reached without a symbolic link.

    Raises MockDataMissingError when it is not there, and TemplateInvalidError for a link, for what is no file, for
    one that may not be read, and, at the end, for one that was replaced or written meanwhile.
    """
    with _open_regular_file(repository, name) as file:
        before = os.fstat(file.fileno())
        yield file
        if _file_identity(before) != _file_identity(os.fstat(file.fileno())) or not _is_same_file(
            repository, name, before
        ):
            raise TemplateInvalidError(
                f"{name} was changed while it was read.",
                file=name,
                suggested_action="Leave the file alone while it is read, and call again.",
            )


def _file_identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _is_same_file(repository: Path, name: str, before: os.stat_result) -> bool:
    try:
        return _file_identity(os.lstat(repository / name)) == _file_identity(before)
    except OSError:
        return False


def _open_regular_file(repository: Path, name: str) -> BinaryIO:
    try:
        found = _open_below(os.open(repository, os.O_RDONLY | os.O_DIRECTORY), name.split("/"))
    except OSError as error:
        raise _opening_error(error, name) from None
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise TemplateInvalidError(f"{name} is no regular file.", file=name)
    return os.fdopen(found, "rb", 0)


def _open_below(folder: int, parts: list[str]) -> int:
    """The descriptor of what these names lead to from a folder, whose descriptor is closed."""
    # O_NONBLOCK: a pipe must not keep us waiting for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | (os.O_DIRECTORY if parts[1:] else os.O_NONBLOCK)
    try:
        inner = os.open(parts[0], flags, dir_fd=folder)
    finally:
        os.close(folder)
    return _open_below(inner, parts[1:]) if parts[1:] else inner


def _opening_error(error: OSError, name: str) -> TemplateInvalidError | MockDataMissingError:
    if error.errno == errno.ENOENT:
        return MockDataMissingError(f"{name} is not in the repository.", file=name)
    if error.errno in {errno.ELOOP, errno.ENOTDIR}:
        return TemplateInvalidError(
            f"{name} is reached through a symbolic link, which is not followed.", file=name
        )
    return TemplateInvalidError(f"{name} cannot be read: {error.strerror}.", file=name)
