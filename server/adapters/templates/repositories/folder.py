"""Repository in a folder: a plain one, a clone or a git submodule. No symbolic link in it is followed."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from domain.errors import MockDataMissingError, TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.repositories.repository import (
    FILE,
    FOLDER,
    LINK,
    OTHER,
    build_stored_file,
    changed_file_error,
    file_identity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from server.adapters.templates.repositories.repository import StoredFile


class FolderRepository:
    """Implements `Repository` over a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def scan(self, folder: str) -> Sequence[tuple[str, str]]:
        with os.scandir(self._path / folder) as found:
            return [(each.name, _kind(each)) for each in found]

    @contextmanager
    def open(self, name: str) -> Iterator[StoredFile]:
        with _open_regular_file(self._path, name) as file:
            before = file_identity(os.fstat(file.fileno()))
            yield build_stored_file(file, name, before)
            if file_identity(os.fstat(file.fileno())) != before or not self._is_same_file(name, before):
                raise changed_file_error(name)

    def _is_same_file(self, name: str, before: tuple[int, ...]) -> bool:
        try:
            return file_identity(os.lstat(self._path / name)) == before
        except OSError:
            return False


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return LINK
    if entry.is_dir(follow_symlinks=False):
        return FOLDER
    try:
        is_file = stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return FILE  # opening it says what is wrong
    return FILE if is_file else OTHER


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
