"""Template writer: JSON Lines with a header beside them, whole or not at all.

The records are in a file whose name has their checksum, and the header names that file. So replacing the header, which
is one rename, replaces the template: no reader ever meets the header of one import with the records of another.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from domain.errors import ImportFailedError, InvalidArgumentError
from domain.model import quote_foreign
from server.adapters.templates.catalogue.location import find_place
from server.infra.filesystem.durable import Draft, flush_folder, make_folders, remove_abandoned_drafts
from server.infra.filesystem.errors import translate_os_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from domain.model import DatasetType
    from server.adapters.templates.exports.vendors.export import Record

_FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHUNK: Final = 1 << 18
_HEADER_LIMIT: Final = 1 << 20
_PARTS: Final = 2
_encode_line: Final = msgspec.json.Encoder().encode_into


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTarget:
    """Where a template is written: the repository, its folder of templates, and the industry and use case."""

    repository: Path
    subdir: str
    industry: str
    use_case: str
    replace: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders below the repository."""
        return *self.subdir.strip("/").split("/"), self.industry, self.use_case

    @property
    def folder(self) -> Path:
        """The folder of the template."""
        return self.repository.joinpath(*self.parts)

    def template_id(self, dataset_type: DatasetType) -> str:
        """The id of the template of that type."""
        return f"{self.industry}/{self.use_case}/{dataset_type.value}"


def parse_target(to: str) -> tuple[str, str]:
    """The industry and use case of `INDUSTRY/USE_CASE`. Raises InvalidArgumentError."""
    parts = to.split("/")
    if len(parts) != _PARTS or not all(map(_FOLDER_NAME.fullmatch, parts)):
        raise InvalidArgumentError(
            f"{quote_foreign(to)} is not INDUSTRY/USE_CASE: two names of letters, digits, '.', '_' and '-'.",
            field="to",
        )
    return parts[0], parts[1]


class TemplateDraft:
    """A template that is being written. It appears when it is published."""

    def __init__(self, target: ImportTarget, dataset_type: DatasetType, draft: Draft) -> None:
        self.records = 0
        self._target = target
        self._type = dataset_type
        self._draft = draft
        self._buffer = bytearray()
        self._checksum = sha256()

    def write_record(self, record: Record) -> None:
        """Write one record. Raises ImportFailedError."""
        _encode_line(record, self._buffer, -1)
        self._buffer += b"\n"
        self.records += 1
        if len(self._buffer) >= _CHUNK:
            self._flush()

    def publish(self, kind: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Make it the template; its files, and the names of older files that nothing uses now."""
        folder, name = self._target.folder, self._type.value
        header = folder / f"{name}.json"
        self._flush()
        with translate_os_errors(ImportFailedError, "write", folder):
            self._draft.flush()
            self._draft.final = folder / f"{name}-{self._checksum.hexdigest()[:8]}.jsonl"
            before = _named_records(header, name)
            with _open_draft(header) as draft:
                draft.claim()
                draft.write(msgspec.json.format(msgspec.json.encode(self._header(kind)), indent=2) + b"\n")
                draft.flush()
                self._draft.publish()
                self._publish_header(draft)
            flush_folder(folder)
            if before and before != self._draft.final.name:
                (folder / before).unlink(missing_ok=True)
        unused = tuple(each for each in _existing_files(folder, name) if each != header.name)
        return (header, self._draft.final), unused

    def _publish_header(self, header: Draft) -> None:
        """Make the header visible, and with it the template, which another import may have made in the meantime."""
        if self._target.replace:
            header.publish()
            return
        try:
            header.publish_new()
        except FileExistsError:
            if _named_records(header.final, self._type.value) != self._draft.final.name:
                self._draft.final.unlink()
            raise _existing_target_error(header.final) from None

    def _header(self, kind: str) -> dict[str, object]:
        return {
            "format_version": 2,
            "name": self._target.template_id(self._type),
            "metadata": {
                "industry": self._target.industry,
                "use_case": self._target.use_case,
                "tags": ["imported", kind],
            },
            "default_record_count": self.records,
            "source": {"file": self._draft.final.name},
        }

    def _flush(self) -> None:
        with translate_os_errors(ImportFailedError, "write", self._target.folder):
            self._draft.write(bytes(self._buffer))
        self._checksum.update(self._buffer)
        self._buffer.clear()


@contextmanager
def open_template_draft(target: ImportTarget, dataset_type: DatasetType) -> Iterator[TemplateDraft]:
    """A draft of a template. Unless it is published, the block leaves nothing behind, not even a folder.

    Drafts of the same template whose import was killed are removed.

    Raises InvalidArgumentError when the template exists and is not to be replaced, or when its folder differs from
    another only by case; and ImportFailedError.
    """
    folder, name = target.folder, dataset_type.value
    find_place(target.repository.joinpath(*target.parts[:-2]), (target.industry, target.use_case), "to")
    existing = _existing_files(folder, name)
    if existing and not target.replace:
        raise _existing_target_error(folder / existing[0])
    if target.repository.is_file():
        raise InvalidArgumentError(
            f"{target.repository} is a file.",
            field="repo",
            suggested_action="Name a folder; a zip has to be unpacked first.",
        )
    if not target.repository.parent.is_dir():
        raise InvalidArgumentError(
            f"There is no folder {target.repository.parent}.",
            field="repo",
            suggested_action="Make it first, or name another.",
        )
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with translate_os_errors(ImportFailedError, "make", folder):
            target.repository.mkdir(exist_ok=True)
            make_folders(target.repository, *target.parts)
        with _open_draft(folder / f"{name}.jsonl") as draft:
            draft.claim()
            with translate_os_errors(ImportFailedError, "read", folder):
                remove_abandoned_drafts(folder, lambda final: final in {f"{name}.jsonl", f"{name}.json"})
            yield TemplateDraft(target, dataset_type, draft)
    except BaseException:
        for each in made:
            with suppress(OSError):  # another import may have begun there
                each.rmdir()
        raise


def _existing_target_error(file: Path) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{file} exists already.",
        field="to",
        suggested_action="Name another INDUSTRY/USE_CASE, or add --replace.",
    )


@contextmanager
def _open_draft(final: Path) -> Iterator[Draft]:
    with translate_os_errors(ImportFailedError, "write", final):
        draft = Draft(final)
    try:
        yield draft
    finally:
        draft.discard()


def _existing_files(folder: Path, name: str) -> list[str]:
    """The files that are, or that would hide, the template of that name."""
    return sorted(each.name for each in folder.glob(f"{name}.*")) if folder.is_dir() else []


def _named_records(header: Path, name: str) -> str | None:
    """The file of records that the header of an earlier import names."""
    try:
        if header.stat().st_size > _HEADER_LIMIT:
            return None
        found = msgspec.json.decode(header.read_bytes())["source"]["file"]
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return None
    ours = re.fullmatch(rf"{name}-[0-9a-f]{{8}}\.jsonl", found) if isinstance(found, str) else None
    return ours and ours[0]
