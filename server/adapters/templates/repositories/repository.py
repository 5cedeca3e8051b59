"""Repository: what the catalogue and the readers ask of one, whether it is a folder or a zip."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.repositories.compressed import decompress, describe_misnaming

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

FILE: Final = "file"
FOLDER: Final = "folder"
LINK: Final = "link"
OTHER: Final = "other"
"""A pipe, a socket or a device."""


class StoredFile(NamedTuple):
    """An open file: its bytes as they are stored, and its content, which is unpacked where they are compressed.

    Both are one stream, so use one after the other, from its beginning. `identity` changes with the file. `warnings`
    say that the name promises another compression.
    """

    stored: BinaryIO
    content: BinaryIO
    identity: tuple[int, ...]
    warnings: tuple[str, ...]


class Repository(Protocol):
    """The files and folders of a repository, by their paths in it. Nothing outside of it is reached."""

    def scan(self, folder: str) -> Sequence[tuple[str, str]]:
        """The names in a folder, each with `FILE`, `FOLDER`, `LINK` or `OTHER`. Raises OSError."""

    def open(self, name: str) -> AbstractContextManager[StoredFile]:
        """Open a regular file.

        Raises:
            MockDataMissingError: the file does not exist.
            TemplateInvalidError: it is a link, not a regular file, not readable, or was changed by the end of the
                block; where the content is read, also that it cannot be unpacked.
        """


def build_stored_file(stored: BinaryIO, name: str, identity: tuple[int, ...]) -> StoredFile:
    """The open file of that name. Raises TemplateInvalidError where its beginning cannot be read."""
    content, compression = decompress(stored, name)
    misnaming = describe_misnaming(name, compression)
    return StoredFile(stored, content, identity, (misnaming,) if misnaming else ())


def file_identity(status: os.stat_result) -> tuple[int, ...]:
    """What a file is known by: it differs once the file was changed or replaced."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class FileChangedError(TemplateInvalidError):
    """A file was changed while it was being read."""


def changed_file_error(name: str) -> FileChangedError:
    """The error for a file that was changed while it was being read."""
    return FileChangedError(
        f"{quote_foreign(name)} was changed while it was being read.",
        file=quote_foreign(name),
        suggested_action="Do not change the file while it is being read, and call again.",
    )


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
