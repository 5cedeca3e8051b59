"""Local staging: the documents of an attempt are the file `{root}/{dataset_id}/{attempt}.jsonl`."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from domain.errors import InvalidArgumentError, StagingFailedError
from domain.ports import Staged
from server.infra.filesystem.durable import Draft, draft_target_name, flush_folder, make_folders
from server.infra.filesystem.errors import translate_os_errors
from server.infra.filesystem.threads import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

T = TypeVar("T")

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_ATTEMPT: Final = re.compile(r"([1-9][0-9]*)\.jsonl")
_CHUNK: Final = 1 << 20


class LocalStaging:
    """The `Staging` port on a local folder, which is created at once and must not disappear.

    Writing is all or nothing. No file stays open between two pages, so a reader may stop at any page.
    """

    def __init__(self, root: Path) -> None:
        """Create the folder. Raises StagingFailedError."""
        self._root = root
        # Two pools, so that readers do not wait for the long work of writers.
        self._writers = Worker("staging-writers", 8)
        self._readers = Worker("staging-readers", 8)
        with translate_os_errors(StagingFailedError, "make the staging folder", root):
            root.mkdir(parents=True, exist_ok=True)

    async def write(self, dataset_id: str, attempt: int, produce: Callable[[], Iterator[bytes]]) -> Staged:
        folder = self._dataset_folder(dataset_id)
        return await self._writers.run(partial(self._write, folder, attempt, produce))

    async def iterate_pages(
        self, dataset_id: str, attempt: int, *, max_count: int, max_bytes: int
    ) -> AsyncIterator[Sequence[bytes]]:
        path = self._dataset_folder(dataset_id) / _file_name(attempt)
        pages = _PageReader(path, max_count, max_bytes)
        while page := await self._readers.call(pages.read_page):
            yield page

    async def examine(
        self,
        dataset_id: str,
        attempt: int,
        work: Callable[[Iterator[Sequence[bytes]]], T],
        *,
        max_count: int,
        max_bytes: int,
    ) -> T:
        pages = _PageReader(self._dataset_folder(dataset_id) / _file_name(attempt), max_count, max_bytes)
        return await self._readers.run(partial(self._examine, pages, work))

    async def measure(self, dataset_id: str, attempt: int) -> Staged | None:
        folder = self._dataset_folder(dataset_id)
        return await self._readers.run(partial(self._measure, folder / _file_name(attempt)))

    async def delete(self, dataset_id: str, attempt: int | None = None) -> None:
        folder = self._dataset_folder(dataset_id)
        await self._readers.call(partial(self._remove, folder, attempt))

    async def list_attempts(self, dataset_id: str) -> Sequence[int]:
        folder = self._dataset_folder(dataset_id)
        return await self._readers.call(partial(self._list_attempts, folder))

    def _dataset_folder(self, dataset_id: str) -> Path:
        if not _ID.fullmatch(dataset_id):
            raise InvalidArgumentError("A dataset's id must be a plain name.", field="dataset_id")
        return self._root / dataset_id

    def _write(
        self,
        folder: Path,
        attempt: int,
        produce: Callable[[], Iterator[bytes]],
        checkpoint: Callable[[], None],
    ) -> Staged:
        translated = partial(translate_os_errors, StagingFailedError)
        name = _file_name(attempt)
        with translated("write to", folder):
            self._has_folder(folder)
            make_folders(self._root, folder.name)
            _remove_drafts(folder, name)
            draft = Draft(folder / name)
        meter = _ContentMeter()
        try:
            with _closing(produce()) as chunks:
                for chunk in chunks:
                    checkpoint()
                    meter.add(chunk)
                    with translated("write to", folder):
                        draft.write(chunk)
            checkpoint()
            with translated("write to", folder):
                draft.close()
                draft.publish()
                flush_folder(folder)
        finally:
            with translated("clean up", folder):
                draft.discard()
        return meter.result()

    def _examine(
        self,
        pages: _PageReader,
        work: Callable[[Iterator[Sequence[bytes]]], T],
        checkpoint: Callable[[], None],
    ) -> T:
        def read_pages() -> Iterator[Sequence[bytes]]:
            while page := pages.read_page():
                checkpoint()
                yield page

        return work(read_pages())

    def _measure(self, path: Path, checkpoint: Callable[[], None]) -> Staged | None:
        with translate_os_errors(StagingFailedError, "read", path):
            self._has_folder(path.parent)
            try:
                descriptor = _open_file(path)
            except FileNotFoundError:
                return None
            meter = _ContentMeter()
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    checkpoint()
                    meter.add(chunk)
        return meter.result()

    def _remove(self, folder: Path, attempt: int | None) -> None:
        with translate_os_errors(StagingFailedError, "empty", folder):
            if not self._has_folder(folder):
                return
            if attempt is None:
                shutil.rmtree(folder)
                flush_folder(self._root)
                return
            name = _file_name(attempt)
            _remove_drafts(folder, name)
            (folder / name).unlink(missing_ok=True)
            flush_folder(folder)

    def _list_attempts(self, folder: Path) -> list[int]:
        with translate_os_errors(StagingFailedError, "list", folder):
            if not self._has_folder(folder):
                return []
            found = (_ATTEMPT.fullmatch(each.name) for each in folder.iterdir())
            return sorted(int(match[1]) for match in found if match)

    def _has_folder(self, folder: Path) -> bool:
        """Whether a dataset's folder exists. Raises StagingFailedError when it is a link, or the root is gone."""
        if not self._root.is_dir():
            raise StagingFailedError(f"The staging folder {self._root} no longer exists.")
        if folder.is_symlink():
            raise StagingFailedError(f"{folder} is a symbolic link instead of a folder; remove it.")
        return folder.exists()


class _ContentMeter:
    """Counts lines and bytes, and computes the checksum, of the chunks it is given."""

    def __init__(self) -> None:
        self._lines = self._bytes = 0
        self._hash = sha256()

    def add(self, chunk: bytes) -> None:
        self._lines += chunk.count(b"\n")
        self._bytes += len(chunk)
        self._hash.update(chunk)

    def result(self) -> Staged:
        return Staged(lines=self._lines, size_bytes=self._bytes, checksum=self._hash.hexdigest())


class _PageReader:
    """Reads a file's lines page by page; each page opens the file anew where the last one ended."""

    def __init__(self, path: Path, max_count: int, max_bytes: int) -> None:
        self._path = path
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._offset = 0
        self._identity: tuple[int, int] | None = None

    def read_page(self) -> list[bytes]:
        """The next page, empty at the end."""
        with (
            translate_os_errors(StagingFailedError, "read", self._path),
            os.fdopen(
                _open_file(self._path), "rb", buffering=min(_CHUNK, max(self._max_bytes, 1 << 14))
            ) as file,
        ):
            # Pages of two versions of a file must not be mixed: an offset means nothing in another file.
            stat = os.fstat(file.fileno())
            if self._identity not in (None, (stat.st_ino, stat.st_size)):
                raise StagingFailedError(f"{self._path} was replaced while it was being read.")
            self._identity = (stat.st_ino, stat.st_size)
            file.seek(self._offset)
            return self._take_page(file)

    def _take_page(self, lines: Iterator[bytes]) -> list[bytes]:
        page: list[bytes] = []
        room = self._max_bytes
        for line in lines:
            text = line.removesuffix(b"\n")
            room -= len(text)
            if page and room < 0:
                break
            page.append(text)
            self._offset += len(line)
            if len(page) == self._max_count:
                break
        return page


@contextmanager
def _closing(chunks: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Close a generator, and so its open files, in this thread and however the block ends."""
    try:
        yield chunks
    finally:
        close: Callable[[], None] | None = getattr(chunks, "close", None)
        if close:
            close()


def _file_name(attempt: int) -> str:
    return f"{attempt}.jsonl"


def _open_file(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _remove_drafts(folder: Path, name: str) -> None:
    """Remove the drafts of that file that killed processes left."""
    for each in folder.iterdir():
        if draft_target_name(each.name) == name:
            each.unlink(missing_ok=True)
