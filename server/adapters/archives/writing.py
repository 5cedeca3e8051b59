"""Write one archive: drafts first, then their final names, the manifest last."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from server.adapters.archives.folders import check_no_links, check_owner, check_spelling
from server.adapters.archives.streams import StoredFileWriter
from server.infra.filesystem.durable import draft_target_name, flush_folder, make_folders
from server.infra.filesystem.errors import translate_os_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports import ArchiveOrder


class ArchiveFolderWriter:
    """Writer of one archive. Its drafts stand beside the present files of the folder until `commit` replaces them."""

    def __init__(self, root: Path, folder: Path, order: ArchiveOrder) -> None:
        """Create and clean the folder. Raises ArchiveFailedError when it belongs to another dataset."""
        self._folder = folder
        self._order = order
        self._ending = form.COMPRESSED if order.compressed else ""
        self._lines = 0
        self._content = sha256()
        self._files_written: list[StoredFileWriter] = []
        self._files: dict[str, form.StoredFile] = {}
        self._metadata = form.encode_json(order.metadata)
        self._facts = form.parse_metadata(self._metadata)
        if self._facts.dataset_id != folder.name:
            raise ArchiveFailedError(
                f"{folder} is not the archive folder of {self._facts.dataset_id}.", file=form.METADATA
            )
        check_no_links(root, folder)
        with translate_os_errors(ArchiveFailedError, "write to", folder):
            check_spelling(root, folder)
            check_owner(folder)
            make_folders(root, *folder.relative_to(root).parts)
            # A killed process cannot clean up; its drafts would otherwise stay for ever.
            for each in [each for each in folder.iterdir() if draft_target_name(each.name)]:
                each.unlink(missing_ok=True)

    def write_small_files(self) -> None:
        """Write all files but documents and manifest, and open the file of documents."""
        order = self._order
        with translate_os_errors(ArchiveFailedError, "write to", self._folder):
            self._write_file(form.METADATA, self._metadata)
            self._write_file(form.SAMPLE + self._ending, b"[\n" + b",\n".join(order.sample) + b"\n]\n")
            self._write_file(form.REPORTS + self._ending, form.encode_json(order.reports))
            if order.documents is not None:
                self._open_file(form.DOCUMENTS + self._ending)

    def write_documents(self, page: Sequence[bytes]) -> None:
        """Append the next lines of documents."""
        data = b"".join(line + b"\n" for line in page)
        self._lines += len(page)
        self._content.update(data)
        with translate_os_errors(ArchiveFailedError, "write to", self._folder):
            self._files_written[-1].write(data)

    def commit(self) -> form.Manifest:
        """Publish every file, the manifest last; the manifest."""
        with translate_os_errors(ArchiveFailedError, "write to", self._folder):
            if self._order.documents is not None:
                self._close_last_file()
            manifest = self._build_manifest()
            # From here until the new manifest is published the folder is no archive. The old manifest must be gone
            # from the disk before the first old file is replaced, and every new file must be on it before the new
            # manifest: so a crash at any point leaves a whole archive or none.
            (self._folder / form.MANIFEST).unlink(missing_ok=True)
            flush_folder(self._folder)
            for name in form.NAMES - self._files.keys():
                (self._folder / name).unlink(missing_ok=True)
            for file in self._files_written:
                file.publish()
            flush_folder(self._folder)
            last = self._write_file(form.MANIFEST, form.encode_json(manifest))
            last.publish()
            flush_folder(self._folder)
        return manifest

    def discard(self) -> None:
        """Delete the drafts that were not published."""
        with translate_os_errors(ArchiveFailedError, "clean up", self._folder):
            for file in self._files_written:
                file.discard()

    def _build_manifest(self) -> form.Manifest:
        facts, full = self._facts, self._order.documents is not None
        count, checksum = facts.record_count, facts.checksum
        if full:
            count, checksum = self._lines, self._content.hexdigest()
        if not facts.incomplete and (count, checksum) != (facts.record_count, facts.checksum):
            message = f"Staging has {count} documents, which are not the {facts.record_count} of {facts.dataset_id}."
            raise ArchiveFailedError(message, file=form.DOCUMENTS, dataset_id=facts.dataset_id)
        return form.Manifest(
            format_version=form.VERSION,
            dataset_id=facts.dataset_id,
            archived_at=facts.archived_at,
            restorable_until=facts.restorable_until,
            record_count=count,
            checksum=checksum,
            full_data=full,
            incomplete=facts.incomplete,
            files=dict(sorted(self._files.items())),
        )

    def _open_file(self, name: str) -> StoredFileWriter:
        file = StoredFileWriter(self._folder / name)
        self._files_written.append(file)
        return file

    def _close_last_file(self) -> None:
        file = self._files_written[-1]
        self._files[file.name] = file.close()

    def _write_file(self, name: str, data: bytes) -> StoredFileWriter:
        file = self._open_file(name)
        file.write(data)
        self._close_last_file()
        return file
