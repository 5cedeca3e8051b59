"""An archive being written."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from server.adapters.archives.folders import check_owner, check_spelling, check_way
from server.adapters.archives.streams import Sink
from server.disk.durable import drafted, flush_folder, make_folders
from server.disk.faults import told_as

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports import ArchiveOrder


class Writing:
    """One archive being written beside what its folder holds, and put in its place at the very end."""

    def __init__(self, root: Path, folder: Path, order: ArchiveOrder) -> None:
        """Make the folder ready. Raises ArchiveFailedError when it is not this dataset's."""
        self._folder = folder
        self._order = order
        self._ending = form.COMPRESSED if order.compressed else ""
        self._lines = 0
        self._content = sha256()
        self._sinks: list[Sink] = []
        self._files: dict[str, form.Stored] = {}
        self._metadata = form.encode(order.metadata)
        self._said = form.metadata_from(self._metadata)
        if self._said.dataset_id != folder.name:
            raise ArchiveFailedError(
                f"{folder} is not the place of {self._said.dataset_id}.", file=form.METADATA
            )
        check_way(root, folder)
        with told_as(ArchiveFailedError, "write to", folder):
            check_spelling(root, folder)
            check_owner(folder)
            make_folders(root, *folder.relative_to(root).parts)
            for each in [each for each in folder.iterdir() if drafted(each.name)]:
                each.unlink(missing_ok=True)

    def small_files(self) -> None:
        """Everything but documents and manifest; the documents' file is begun."""
        order = self._order
        with told_as(ArchiveFailedError, "write to", self._folder):
            self._put(form.METADATA, self._metadata)
            self._put(form.SAMPLE + self._ending, b"[\n" + b",\n".join(order.sample) + b"\n]\n")
            self._put(form.REPORTS + self._ending, form.encode(order.reports))
            if order.documents is not None:
                self._begin(form.DOCUMENTS + self._ending)

    def documents(self, page: Sequence[bytes]) -> None:
        """The next lines."""
        data = b"".join(line + b"\n" for line in page)
        self._lines += len(page)
        self._content.update(data)
        with told_as(ArchiveFailedError, "write to", self._folder):
            self._sinks[-1].write(data)

    def commit(self) -> form.Manifest:
        """Put every file in its place, the manifest last."""
        with told_as(ArchiveFailedError, "write to", self._folder):
            if self._order.documents is not None:
                self._end()
            manifest = self._manifest()
            (self._folder / form.MANIFEST).unlink(missing_ok=True)
            flush_folder(self._folder)
            for name in form.NAMES - self._files.keys():
                (self._folder / name).unlink(missing_ok=True)
            for sink in self._sinks:
                sink.publish()
            flush_folder(self._folder)
            last = self._put(form.MANIFEST, form.encode(manifest))
            last.publish()
            flush_folder(self._folder)
        return manifest

    def discard(self) -> None:
        """Remove what was not put in its place."""
        with told_as(ArchiveFailedError, "clean up", self._folder):
            for sink in self._sinks:
                sink.discard()

    def _manifest(self) -> form.Manifest:
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

    def _begin(self, name: str) -> Sink:
        sink = Sink(self._folder / name)
        self._sinks.append(sink)
        return sink

    def _end(self) -> None:
        sink = self._sinks[-1]
        self._files[sink.name] = sink.close()

    def _put(self, name: str, data: bytes) -> Sink:
        sink = self._begin(name)
        sink.write(data)
        self._end()
        return sink
