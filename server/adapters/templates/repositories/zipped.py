"""Repository in a zip, which is read where it lies.

Nothing is extracted: the readers read onwards and begin anew at most, which a member of a zip can do as well as a file.
So no copy has to be bounded, shared between processes, or cleaned up after one that was killed.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
import zipfile
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, cast

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
from server.adapters.templates.repositories.unpacking import (
    DAMAGES,
    MOST_BYTES,
    MOST_EXPANSION,
    MOST_FILES,
    UnpackedFile,
    expands_too_far,
    is_encrypted,
    is_impossible,
    is_link,
    is_streamable,
    leads_outside,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from server.adapters.templates.repositories.repository import StoredFile

_LITTER: Final = "__MACOSX"
_MOST_DEPTH: Final = 100
"""A folder is remembered for each part of a name, so names of parts alone would fill memory."""


class ZipRepository:
    """Implements `Repository` over an open zip, from the folder `top` in it, which is empty for all of the zip.

    Raises MockDataMissingError for a zip that leads outside, or that holds more than may be unpacked.
    """

    def __init__(self, path: Path, file: BinaryIO, archive: zipfile.ZipFile, top: str) -> None:
        self._path = path
        self._file = file
        self._archive = archive
        self._top = top
        self._identity = file_identity(os.fstat(file.fileno()))
        self._members: defaultdict[str, list[zipfile.ZipInfo]] = defaultdict(list)
        self._folders: dict[str, dict[str, None]] = {"": {}}
        self._index()

    def has_folder(self, name: str) -> bool:
        """Whether there is a folder of that name."""
        return self._whole_name(name) in self._folders

    def scan(self, folder: str) -> Sequence[tuple[str, str]]:
        whole = self._whole_name(folder)
        if whole not in self._folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return [(each, self._kind(posixpath.join(whole, each))) for each in self._folders[whole]]

    @contextmanager
    def open(self, name: str) -> Iterator[StoredFile]:
        member = self._find_member(name)
        stored = UnpackedFile(name, "zip", lambda: self._archive.open(member), lambda: member.compress_size)
        identity = (*self._identity, member.header_offset)
        yield build_stored_file(cast("BinaryIO", stored), name, identity)
        if self._was_changed():
            raise changed_file_error(self._path.name)

    def _index(self) -> None:
        members = self._archive.infolist()
        if len(members) > MOST_FILES:
            raise _refused_zip_error(self._path, f"holds more than {MOST_FILES} files")
        if sum(each.file_size for each in members) > MOST_BYTES:
            raise _refused_zip_error(self._path, f"unpacks to more than {MOST_BYTES >> 30} GiB")
        for member in members:
            name = posixpath.normpath(member.filename)
            if leads_outside(member.filename):
                name = quote_foreign(member.filename)
                raise _refused_zip_error(self._path, f"holds a name that is no path inside of it: {name}")
            if name.count("/") > _MOST_DEPTH:
                raise _refused_zip_error(self._path, f"has folders that lie more than {_MOST_DEPTH} deep")
            if name.split("/")[0] == _LITTER or name == ".":
                continue
            self._add_to_folder(name)
            if member.is_dir():
                self._folders.setdefault(name, {})
            else:
                self._members[name].append(member)
        if both := self._members.keys() & self._folders.keys():
            name = quote_foreign(min(both))
            raise _refused_zip_error(self._path, f"holds {name} as a file and as a folder")

    def _add_to_folder(self, name: str) -> None:
        """Add a name to the folder that it lies in, and that to its own, unless it is known already."""
        while name:
            parent, _, last = name.rpartition("/")
            is_known = parent in self._folders
            self._folders.setdefault(parent, {})[last] = None
            if is_known:
                return
            name = parent

    def _whole_name(self, name: str) -> str:
        return posixpath.join(self._top, name) if name else self._top

    def _kind(self, name: str) -> str:
        if name in self._folders:
            return FOLDER
        member = self._members[name][0]
        if is_link(member):
            return LINK
        # Zips of systems without such modes have none.
        return FILE if stat.S_IFMT(member.external_attr >> 16) in {0, stat.S_IFREG} else OTHER

    def _find_member(self, name: str) -> zipfile.ZipInfo:
        whole, shown = self._whole_name(name), quote_foreign(name)
        found = self._members.get(whole)
        if found is None and whole not in self._folders:
            raise MockDataMissingError(f"{shown} is not in the repository.", file=shown)
        if not found or (problem := _describe_obstacle(found, self._kind(whole))):
            raise TemplateInvalidError(
                f"{shown} {problem if found else 'is not a regular file'}.",
                file=shown,
                suggested_action="Unpack the zip, put the file right, and name the folder, or zip it again.",
            )
        return found[0]

    def _was_changed(self) -> bool:
        try:
            now = file_identity(self._path.stat())
        except OSError:
            return True
        return (now, file_identity(os.fstat(self._file.fileno()))) != (self._identity, self._identity)


@contextmanager
def open_zip(path: Path, top: str) -> Iterator[ZipRepository]:
    """Open the repository in a zip. Raises MockDataMissingError, which says what to do, and OSError."""
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except DAMAGES:
            raise _no_zip_error(path) from None
        except OSError as error:
            raise (_no_zip_error(path) if is_impossible(error) else error) from None
        with archive:
            yield ZipRepository(path, file, archive, top)


def _describe_obstacle(members: Sequence[zipfile.ZipInfo], kind: str) -> str | None:
    """Why a member is not read; None when it is."""
    member = members[0]
    obstacles = {
        "is in the zip more than once": len(members) > 1,
        "is a symbolic link, which is not followed": kind == LINK,
        "is not a regular file": kind == OTHER,
        "is encrypted": is_encrypted(member),
        "is packed by a method of zip that is not read": not is_streamable(member),
        f"unpacks to more than {MOST_EXPANSION} times its size": expands_too_far(
            member.file_size, member.compress_size
        ),
    }
    return next((each for each, is_there in obstacles.items() if is_there), None)


def _no_zip_error(path: Path) -> MockDataMissingError:
    return _refused_zip_error(
        path,
        "is no zip, or is damaged, or was cut off",
        "Name the folder of a repository, or a zip of it; if it is one, copy or download it again.",
    )


def _refused_zip_error(path: Path, problem: str, action: str | None = None) -> MockDataMissingError:
    return MockDataMissingError(
        f"{path} {problem}.",
        field="mock_data_repo.path",
        suggested_action=action or "Unpack it and look at it; then name the folder.",
    )
