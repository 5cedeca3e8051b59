"""Local archives: one folder for each archive, below a root folder."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from anyio import CancelScope

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from server.adapters.archives.folders import archive_folder, check_no_links, check_owner, list_archive_places
from server.adapters.archives.streams import StoredFileReader
from server.adapters.archives.writing import ArchiveFolderWriter
from server.infra.filesystem.durable import draft_target_name, flush_folder
from server.infra.filesystem.errors import translate_os_errors
from server.infra.filesystem.threads import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from domain.ports import ArchiveOrder, Json


class LocalArchives:
    """The `Archives` port on a local folder, which is created at once and must not disappear."""

    def __init__(self, root: Path) -> None:
        """Create the folder. Raises ArchiveFailedError."""
        self._root = root
        self._worker = Worker("archives", 8)
        with translate_os_errors(ArchiveFailedError, "make the archive folder", root):
            root.mkdir(parents=True, exist_ok=True)

    async def write(self, order: ArchiveOrder) -> Json:
        folder = archive_folder(self._root, order.place)
        writer = await self._worker.call(partial(ArchiveFolderWriter, self._root, folder, order))
        try:
            await self._worker.call(writer.write_small_files)
            if order.documents is not None:
                async for page in order.documents():
                    await self._worker.call(partial(writer.write_documents, page))
            manifest = await self._worker.call(writer.commit)
        finally:
            # Drafts have to go also when the caller was cancelled, or the next writer finds them.
            with CancelScope(shield=True):
                await self._worker.call(writer.discard)
        return manifest.as_dict()

    async def verify(self, place: str) -> Json:
        folder = archive_folder(self._root, place)
        manifest = await self._worker.run(partial(self._verify, folder))
        return manifest.as_dict()

    async def read_manifest(self, place: str) -> Json | None:
        folder = archive_folder(self._root, place)
        manifest = await self._worker.call(partial(self._load_manifest, folder))
        return None if manifest is None else manifest.as_dict()

    async def read(self, place: str, name: str) -> AsyncIterator[bytes]:
        folder = archive_folder(self._root, place)
        source = await self._worker.call(partial(self._open_file, folder, name))
        try:
            chunks = source.chunks()
            with translate_os_errors(ArchiveFailedError, "read", folder / source.name):
                while chunk := await self._worker.call(partial(next, chunks, b"")):
                    yield chunk
        finally:
            source.close()

    @contextmanager
    def open_documents(self, place: str) -> Iterator[Iterator[bytes]]:
        folder = archive_folder(self._root, place)
        with self._open_file(folder, form.DOCUMENTS) as source:
            yield _whole_lines(source.chunks(), folder / source.name)

    async def list_places(self) -> Sequence[str]:
        return await self._worker.call(self._list_places)

    async def purge(self, place: str) -> None:
        folder = archive_folder(self._root, place)
        await self._worker.call(partial(self._purge, folder))

    def location(self, place: str) -> str:
        return str(archive_folder(self._root, place))

    def _load_manifest(self, folder: Path) -> form.Manifest | None:
        check_no_links(self._root, folder)
        path = folder / form.MANIFEST
        with translate_os_errors(ArchiveFailedError, "read", path):
            try:
                with StoredFileReader(path) as source:
                    data = b"".join(source.chunks())
            except FileNotFoundError:
                return None
        manifest = form.parse_manifest(data)
        if manifest.dataset_id != folder.name:
            message = f"{folder} contains the archive of {manifest.dataset_id}."
            raise ArchiveFailedError(message, file=form.MANIFEST)
        return manifest

    def _require_manifest(self, folder: Path) -> form.Manifest:
        manifest = self._load_manifest(folder)
        if manifest is None:
            raise ArchiveFailedError(f"There is no archive in {folder}.", file=form.MANIFEST)
        return manifest

    def _verify(self, folder: Path, checkpoint: Callable[[], None]) -> form.Manifest:
        manifest = self._require_manifest(folder)
        with translate_os_errors(ArchiveFailedError, "read", folder):
            form.check_file_names(
                manifest, [each.name for each in folder.iterdir() if not draft_target_name(each.name)]
            )
            for name, expected in sorted(manifest.files.items()):
                with StoredFileReader(folder / name) as source:
                    self._verify_file(source, expected, manifest, checkpoint)
        return manifest

    def _verify_file(
        self,
        source: StoredFileReader,
        expected: form.StoredFile,
        manifest: form.Manifest,
        checkpoint: Callable[[], None],
    ) -> None:
        name = source.name
        lines, content, metadata = 0, sha256(), b""
        for chunk in source.chunks():
            checkpoint()
            lines += chunk.count(b"\n")
            content.update(chunk)
            if name == form.METADATA:
                metadata += chunk
        if source.stored_file() != expected:
            raise ArchiveFailedError(f"{name} is damaged: it was changed after it was written.", file=name)
        if name == form.METADATA:
            form.check_manifest_agreement(manifest, form.parse_metadata(metadata))
        expected_content = (manifest.record_count, manifest.checksum)
        if name.startswith(form.DOCUMENTS) and (lines, content.hexdigest()) != expected_content:
            raise ArchiveFailedError(
                f"{name} does not contain the documents that the manifest describes.", file=name
            )

    def _open_file(self, folder: Path, name: str) -> StoredFileReader:
        manifest = self._require_manifest(folder)
        known = {form.MANIFEST, *manifest.files}
        stored = next((each for each in (name, name + form.COMPRESSED) if each in known), None)
        if stored is None:
            raise ArchiveFailedError(f"The archive in {folder} has no {name}.", file=name)
        with translate_os_errors(ArchiveFailedError, "read", folder / stored):
            source = StoredFileReader(folder / stored)
        if stored in manifest.files and source.size != manifest.files[stored].size:
            source.close()
            raise ArchiveFailedError(
                f"{stored} is damaged: it was changed after it was written.", file=stored
            )
        return source

    def _list_places(self) -> list[str]:
        check_no_links(self._root, self._root)
        with translate_os_errors(ArchiveFailedError, "list", self._root):
            return list_archive_places(self._root)

    def _purge(self, folder: Path) -> None:
        check_no_links(self._root, folder)
        if not folder.exists():
            return
        with translate_os_errors(ArchiveFailedError, "remove", folder):
            check_owner(folder)
            # The manifest goes first: without it a half-deleted folder is no archive, and can be deleted again.
            (folder / form.MANIFEST).unlink(missing_ok=True)
            flush_folder(folder)
            for each in list(folder.iterdir()):
                each.unlink(missing_ok=True)
            folder.rmdir()
            flush_folder(folder.parent)


def _whole_lines(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The same bytes in chunks that end with a newline; only the last chunk may lack one."""
    partial_line: list[bytes] = []
    while True:
        with translate_os_errors(ArchiveFailedError, "read", path):
            chunk = next(chunks, b"")
        if not chunk:
            break
        whole, newline, rest = chunk.rpartition(b"\n")
        if newline:
            yield b"".join((*partial_line, whole, newline))
            partial_line = []
        partial_line.append(rest)
    if last := b"".join(partial_line):
        yield last
