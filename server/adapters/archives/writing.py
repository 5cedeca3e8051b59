"""An archive being written."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from server.adapters.archives.folders import check_no_links, check_owner, check_spelling
from server.adapters.archives.streams import Sink
from server.infra.filesystem.durable import draft_target_name, flush_folder, make_folders
from server.infra.filesystem.errors import translate_os_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports import ArchiveOrder


class ArchiveFolderWriter:
    """One archive being written beside what its folder holds, and put in its place at the very end."""

    def __init__(self, root: Path, folder: Path, order: ArchiveOrder) -> None:
        """Make the folder ready. Raises ArchiveFailedError when it is not this dataset's."""
        self._folder = folder
        self._order = order
        self._ending = form.COMPRESSED if order.compressed else ""
        self._lines = 0
        self._content = sha256()
        self._sinks: list[Sink] = []
        self._files: dict[str, form.StoredFile] = {}
        self._metadata = form.encode_json(order.metadata)
        self._said = form.parse_metadata(self._metadata)
        if self._said.dataset_id != folder.name:
            raise ArchiveFailedError(
                f"{folder} is not the place of {self._said.dataset_id}.", file=form.METADATA
            )
        check_no_links(root, folder)
        with translate_os_errors(ArchiveFailedError, "write to", folder):
            check_spelling(root, folder)
            check_owner(folder)
            make_folders(root, *folder.relative_to(root).parts)
            for each in [each for each in folder.iterdir() if draft_target_name(each.name)]:
                each.unlink(missing_ok=True)

    def write_small_files(self) -> None:
        """Everything but documents and manifest; the documents' file is begun."""
        order = self._order
        with translate_os_errors(ArchiveFailedError, "write to", self._folder):
            self._write_file(form.METADATA, self._metadata)
            self._write_file(form.SAMPLE + self._ending, b"[\n" + b",\n".join(order.sample) + b"\n]\n")
            self._write_file(form.REPORTS + self._ending, form.encode_json(order.reports))
            if order.documents is not None:
                self._open_sink(form.DOCUMENTS + self._ending)

    def write_documents(self, page: Sequence[bytes]) -> None:
        """The next lines."""
        data = b"".join(line + b"\n" for line in page)
        self._lines += len(page)
        self._content.update(data)
        with translate_os_errors(ArchiveFailedError, "write to", self._folder):
            self._sinks[-1].write(data)

    def commit(self) -> form.Manifest:
        """Put every file in its place, the manifest last."""
        with translate_os_errors(ArchiveFailedError, "write to", self._folder):
            if self._order.documents is not None:
                self._close_sink()
            manifest = self._build_manifest()
            (self._folder / form.MANIFEST).unlink(missing_ok=True)
            flush_folder(self._folder)
            for name in form.NAMES - self._files.keys():
                (self._folder / name).unlink(missing_ok=True)
            for sink in self._sinks:
                sink.publish()
            flush_folder(self._folder)
            last = self._write_file(form.MANIFEST, form.encode_json(manifest))
            last.publish()
            flush_folder(self._folder)
        return manifest

    def discard(self) -> None:
        """Remove what was not put in its place."""
        with translate_os_errors(ArchiveFailedError, "clean up", self._folder):
            for sink in self._sinks:
                sink.discard()

    def _build_manifest(self) -> form.Manifest:
        said, full = self._said, self._order.documents is not None
        count, checksum = said.record_count, said.checksum
        if full:
            count, checksum = self._lines, self._content.hexdigest()
        if not said.incomplete and (count, checksum) != (said.record_count, said.checksum):
            message = (
                f"Staging gave {count} documents that are not the {said.record_count} of {said.dataset_id}."
            )
            raise ArchiveFailedError(message, file=form.DOCUMENTS, dataset_id=said.dataset_id)
        return form.Manifest(
            format_version=form.VERSION,
            dataset_id=said.dataset_id,
            archived_at=said.archived_at,
            restorable_until=said.restorable_until,
            record_count=count,
            checksum=checksum,
            full_data=full,
            incomplete=said.incomplete,
            files=dict(sorted(self._files.items())),
        )

    def _open_sink(self, name: str) -> Sink:
        sink = Sink(self._folder / name)
        self._sinks.append(sink)
        return sink

    def _close_sink(self) -> None:
        sink = self._sinks[-1]
        self._files[sink.name] = sink.close()

    def _write_file(self, name: str, data: bytes) -> Sink:
        sink = self._open_sink(name)
        sink.write(data)
        self._close_sink()
        return sink
