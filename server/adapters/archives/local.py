"""Archives in a local folder, one folder for each."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from anyio import CancelScope

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from server.adapters.archives.folders import archives_below, check_owner, check_way, folder_of
from server.adapters.archives.streams import Source
from server.adapters.archives.writing import Writing
from server.disk.durable import drafted, flush_folder
from server.disk.faults import told_as
from server.disk.threads import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from domain.ports import ArchiveOrder, Json


class LocalArchives:
    """The `Archives` port on a local folder, which is made at once and must stay there."""

    def __init__(self, root: Path) -> None:
        """Make the folder. Raises ArchiveFailedError."""
        self._root = root
        self._worker = Worker("archives", 8)
        with told_as(ArchiveFailedError, "make the archive folder", root):
            root.mkdir(parents=True, exist_ok=True)

    async def write(self, order: ArchiveOrder) -> Json:
        folder = folder_of(self._root, order.place)
        writing = await self._worker.call(partial(Writing, self._root, folder, order))
        try:
            await self._worker.call(writing.small_files)
            if order.documents is not None:
                async for page in order.documents():
                    await self._worker.call(partial(writing.documents, page))
            manifest = await self._worker.call(writing.commit)
        finally:
            with CancelScope(shield=True):
                await self._worker.call(writing.discard)
        return manifest.as_dict()

    async def verify(self, place: str) -> Json:
        folder = folder_of(self._root, place)
        manifest = await self._worker.run(partial(self._verify, folder))
        return manifest.as_dict()

    async def manifest(self, place: str) -> Json | None:
        folder = folder_of(self._root, place)
        manifest = await self._worker.call(partial(self._manifest, folder))
        return None if manifest is None else manifest.as_dict()

    async def read(self, place: str, name: str) -> AsyncIterator[bytes]:
        folder = folder_of(self._root, place)
        source = await self._worker.call(partial(self._open, folder, name))
        try:
            chunks = source.chunks()
            with told_as(ArchiveFailedError, "read", folder / source.name):
                while chunk := await self._worker.call(partial(next, chunks, b"")):
                    yield chunk
        finally:
            source.close()

    @contextmanager
    def documents(self, place: str) -> Iterator[Iterator[bytes]]:
        folder = folder_of(self._root, place)
        with self._open(folder, form.DOCUMENTS) as source:
            yield _whole_lines(source.chunks(), folder / source.name)

    async def places(self) -> Sequence[str]:
        return await self._worker.call(self._places)

    async def purge(self, place: str) -> None:
        folder = folder_of(self._root, place)
        await self._worker.call(partial(self._purge, folder))

    def location(self, place: str) -> str:
        return str(folder_of(self._root, place))

    def _manifest(self, folder: Path) -> form.Manifest | None:
        check_way(self._root, folder)
        path = folder / form.MANIFEST
        with told_as(ArchiveFailedError, "read", path):
            try:
                with Source(path) as source:
                    data = b"".join(source.chunks())
            except FileNotFoundError:
                return None
        manifest = form.manifest_from(data)
        if manifest.dataset_id != folder.name:
            message = f"{folder} holds the archive of {manifest.dataset_id}."
            raise ArchiveFailedError(message, file=form.MANIFEST)
        return manifest

    def _required(self, folder: Path) -> form.Manifest:
        manifest = self._manifest(folder)
        if manifest is None:
            raise ArchiveFailedError(f"There is no archive in {folder}.", file=form.MANIFEST)
        return manifest

    def _verify(self, folder: Path, checkpoint: Callable[[], None]) -> form.Manifest:
        manifest = self._required(folder)
        with told_as(ArchiveFailedError, "read", folder):
            form.check_names(manifest, [each.name for each in folder.iterdir() if not drafted(each.name)])
            for name, expected in sorted(manifest.files.items()):
                with Source(folder / name) as source:
                    self._check(source, expected, manifest, checkpoint)
        return manifest

    def _check(
        self, source: Source, expected: form.Stored, manifest: form.Manifest, checkpoint: Callable[[], None]
    ) -> None:
        name = source.name
        lines, content, metadata = 0, sha256(), b""
        for chunk in source.chunks():
            checkpoint()
            lines += chunk.count(b"\n")
            content.update(chunk)
            if name == form.METADATA:
                metadata += chunk
        if source.stored() != expected:
            raise ArchiveFailedError(f"{name} is damaged: it is not as it was written.", file=name)
        if name == form.METADATA:
            form.check_agreement(manifest, form.metadata_from(metadata))
        said = (manifest.record_count, manifest.checksum)
        if name.startswith(form.DOCUMENTS) and (lines, content.hexdigest()) != said:
            raise ArchiveFailedError(
                f"{name} does not hold the documents that the manifest tells of.", file=name
            )

    def _open(self, folder: Path, name: str) -> Source:
        manifest = self._required(folder)
        known = {form.MANIFEST, *manifest.files}
        stored = next((each for each in (name, name + form.COMPRESSED) if each in known), None)
        if stored is None:
            raise ArchiveFailedError(f"The archive in {folder} has no {name}.", file=name)
        with told_as(ArchiveFailedError, "read", folder / stored):
            source = Source(folder / stored)
        if stored in manifest.files and source.size != manifest.files[stored].size:
            source.close()
            raise ArchiveFailedError(f"{stored} is damaged: it is not as it was written.", file=stored)
        return source

    def _places(self) -> list[str]:
        check_way(self._root, self._root)
        with told_as(ArchiveFailedError, "list", self._root):
            return archives_below(self._root)

    def _purge(self, folder: Path) -> None:
        check_way(self._root, folder)
        if not folder.exists():
            return
        with told_as(ArchiveFailedError, "remove", folder):
            check_owner(folder)
            (folder / form.MANIFEST).unlink(missing_ok=True)
            flush_folder(folder)
            for each in list(folder.iterdir()):
                each.unlink(missing_ok=True)
            folder.rmdir()
            flush_folder(folder.parent)


def _whole_lines(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The same bytes, cut only behind a newline; what follows the last newline comes as it is."""
    begun: list[bytes] = []
    while True:
        with told_as(ArchiveFailedError, "read", path):
            chunk = next(chunks, b"")
        if not chunk:
            break
        whole, newline, rest = chunk.rpartition(b"\n")
        if newline:
            yield b"".join((*begun, whole, newline))
            begun = []
        begun.append(rest)
    if last := b"".join(begun):
        yield last
