"""Source tree: the files of an export, whether it is one file, a folder or a zip, by their paths in it."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import ExportInvalidError
from domain.model import quote_foreign
from server.adapters.templates.repositories.unpacking import (
    DAMAGES,
    MOST_BYTES,
    MOST_EXPANSION,
    MOST_FILES,
    expands_too_far,
    is_encrypted,
    is_link,
    is_streamable,
    leads_outside,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    Opener = Callable[[], BinaryIO]

_ZIP: Final = b"PK\x03\x04"
_LITTER: Final = ("__MACOSX", ".DS_Store", "Thumbs.db", ".git")
_READ_ERRORS: Final = (OSError, EOFError, RuntimeError, *DAMAGES)


class SourceTree:
    """The files of an export by their paths, each with its size; `progress` is called with the bytes of each read."""

    def __init__(
        self, shown: str, files: Mapping[str, tuple[int, Opener]], progress: Callable[[int], None]
    ) -> None:
        self.shown = shown
        self.names = sorted(files)
        self.size = sum(size for size, _ in files.values())
        self._files = files
        self._progress = progress

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file. Reading it raises ExportInvalidError where it is damaged."""
        with _translate_read_errors(name):
            inner = self._files[name][1]()
        with inner:
            yield _ReportedFile(inner, name, self._progress)  # type: ignore[misc]

    def read_opening(self, name: str, count: int) -> bytes:
        """The first bytes of a file, which are not counted as progress."""
        with _translate_read_errors(name), self._files[name][1]() as file:
            return file.read(count)


class _ReportedFile(io.RawIOBase):
    """A file whose reads are reported, and whose errors are those of a damaged export."""

    def __init__(self, inner: BinaryIO, name: str, progress: Callable[[int], None]) -> None:
        super().__init__()
        self._inner = inner
        self._name = name
        self._progress = progress

    def readable(self) -> bool:
        return True

    # The type of a buffer that io declares is private.
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _translate_read_errors(self._name):
            data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self._progress(len(data))
        return len(data)


@contextmanager
def open_tree(source: Path, progress: Callable[[int], None]) -> Iterator[SourceTree]:
    """Open an export: a file, a folder with all that is below it, or a zip. Links are not followed.

    Raises ExportInvalidError for a source that does not exist or cannot be read, and for a zip that has a name outside
    of it, a link, an encrypted file, or more than may be unpacked.
    """
    shown = quote_foreign(source.name or str(source))
    with _translate_read_errors(str(source)):
        status = source.stat()
    if stat.S_ISDIR(status.st_mode):
        yield SourceTree(shown, _folder_files(source), progress)
    elif not stat.S_ISREG(status.st_mode):
        raise ExportInvalidError(
            f"{shown} is no file or folder.",
            field="source",
            suggested_action="Save the export as a file first: an import reads it twice.",
        )
    elif _is_zip(source):
        with _open_zip(source) as archive:
            yield SourceTree(shown, _zip_files(archive, shown), progress)
    else:
        yield SourceTree(shown, {source.name: (status.st_size, lambda: source.open("rb"))}, progress)


def _folder_files(folder: Path) -> dict[str, tuple[int, Opener]]:
    def note(error: OSError) -> None:
        raise error

    files: dict[str, tuple[int, Opener]] = {}
    with _translate_read_errors(str(folder)):
        for parent, folders, names in os.walk(folder, onerror=note):
            folders[:] = [each for each in folders if each not in _LITTER]
            for name in names:
                path = Path(parent, name)
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and name not in _LITTER:
                    files[path.relative_to(folder).as_posix()] = found.st_size, _opener(path)
            _require_few(files, str(folder))
    return files


def _opener(path: Path) -> Opener:
    return lambda: path.open("rb")


def _is_zip(source: Path) -> bool:
    with _translate_read_errors(str(source)), source.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _open_zip(source: Path) -> zipfile.ZipFile:
    with _translate_read_errors(str(source)):
        return zipfile.ZipFile(source)


def _zip_files(archive: zipfile.ZipFile, shown: str) -> dict[str, tuple[int, Opener]]:
    files: dict[str, tuple[int, Opener]] = {}
    for each in archive.infolist():
        _require_harmless(each, shown)
        if not each.is_dir() and not set(_LITTER).intersection(each.filename.split("/")):
            files[each.filename] = each.file_size, _member_opener(archive, each)
    _require_few(files, shown)
    if sum(size for size, _ in files.values()) > MOST_BYTES:
        raise _refused_zip_error(shown, f"unpacks to more than {MOST_BYTES >> 30} GiB")
    return files


def _member_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Opener:
    return lambda: archive.open(member)  # type: ignore[return-value] # it is read as any binary file


def _require_harmless(member: zipfile.ZipInfo, shown: str) -> None:
    name = member.filename
    if leads_outside(name):
        raise _refused_zip_error(shown, f"holds a file outside of it: {quote_foreign(name)}")
    if is_link(member):
        raise _refused_zip_error(shown, f"holds a link: {quote_foreign(name)}")
    if is_encrypted(member):
        raise _refused_zip_error(
            shown,
            f"is encrypted: {quote_foreign(name)}",
            "Unpack it with its password, and import the folder.",
        )
    if not is_streamable(member):
        raise _refused_zip_error(
            shown,
            f"is packed by a method that is not read: {quote_foreign(name)}",
            "Unpack it, and import the folder.",
        )
    if expands_too_far(member.file_size, member.compress_size):
        raise _refused_zip_error(
            shown, f"unpacks to more than {MOST_EXPANSION} times its size at {quote_foreign(name)}"
        )


def _require_few(files: Mapping[str, object], shown: str) -> None:
    if len(files) > MOST_FILES:
        raise ExportInvalidError(
            f"{quote_foreign(shown)} holds more than {MOST_FILES} files.",
            field="source",
            suggested_action="Import a part of it: nothing was written.",
        )


def _refused_zip_error(shown: str, problem: str, action: str | None = None) -> ExportInvalidError:
    return ExportInvalidError(
        f"The zip {shown} {problem}.",
        field="source",
        suggested_action=action
        or "Import only what the vendor's export made; if it did, unpack it and look at it.",
    )


@contextmanager
def _translate_read_errors(name: str) -> Iterator[None]:
    try:
        yield
    except _READ_ERRORS as error:
        shown = quote_foreign(name.rpartition("/")[2] or name)
        if isinstance(error, FileNotFoundError):
            raise ExportInvalidError(
                f"There is no {shown}.",
                field="source",
                suggested_action="Name the file, folder or zip of the export by its path.",
            ) from None
        if isinstance(error, OSError) and error.strerror:
            raise ExportInvalidError(
                f"{shown} cannot be read: {error.strerror}.",
                field="source",
                suggested_action="Make it readable for you, or copy it to a disk that is whole; then import again.",
            ) from None
        raise ExportInvalidError(
            f"{shown} is damaged, or was cut off: it cannot be unpacked.",
            field="source",
            file=shown,
            suggested_action="Export or download it again, whole, and import it again: nothing was written.",
        ) from None
