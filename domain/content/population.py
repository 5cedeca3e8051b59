"""The one pass over a template's records: read, checked, made into neutral documents, encoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from domain.content.checks import QualityChecker, quality_score
from domain.content.documents import (
    DECODE_ERRORS,
    PLACEHOLDER,
    RECORD_KINDS,
    InvalidRecordError,
    RecordBatch,
    encode_document,
    encode_documents,
    parse_document_id,
    repair_record,
)
from domain.content.duplicates import DuplicateDetector
from domain.content.spill import MemorySpill
from domain.errors import QuotaExceededError, Recovery, StagingFailedError, TemplateInvalidError
from domain.model import Content, QualityReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.content.documents import Document, RepairedRecord
    from domain.content.spill import Spill
    from domain.model import DatasetType, Template
    from domain.ports import RecordStream, Staged

_TOGETHER: Final = 256
_CONTAINERS: Final = 1000
"""How many containers a connector's settings may list: Glean reads them as one configuration."""


@runtime_checkable
class ExtendedRecordStream(Protocol):
    """A record stream that can do more for its reader than give records."""

    @property
    def file(self) -> str:
        """The file that the records stand in, as its repository names it."""
        ...

    @property
    def spill(self) -> Spill:
        """Room for what the pass must remember, gone when the stream is closed."""
        ...

    @property
    def conforms(self) -> Callable[[bytes], bool] | None:
        """Whether a record fits the schema that the template brings along; None when it brings none."""
        ...


class Population:
    """One attempt to populate: `documents` streams, then `content` tells what became of it.

    Args:
        template: what is populated from.
        dataset_type: what its records are.
        wanted: how many documents, None for all that the template has.
        limit: how many a dataset may have, None for any number.
        sites: the addresses of the client's own copies, which `{{site:TYPE}}` in a record stands for.
        now: the instant that timestamps are compared with.
        progress: hears how many documents are made, and of how many (None: not known).
    """

    def __init__(
        self,
        template: Template,
        *,
        dataset_type: DatasetType,
        wanted: int | None,
        sites: Mapping[DatasetType, str],
        now: datetime,
        progress: Callable[[int, int | None], None],
        limit: int | None = None,
    ) -> None:
        self._template = template
        self._kind = RECORD_KINDS[dataset_type]
        self._wanted = wanted
        self._limit = limit
        self._site = sites[dataset_type].rstrip("/")
        self._places = [
            (b"{{site:%b}}" % each.value.encode(), encode_document(address.rstrip("/"))[1:-1])
            for each, address in sites.items()
        ]
        self._now = now
        self._progress = progress
        self._read = 0
        self._made = 0
        self._containers: dict[str, None] = {}
        self._warnings: list[str] = list(template.warnings)

    def stream_documents(self, stream: RecordStream) -> Iterator[bytes]:
        """The neutral documents as JSON Lines, in chunks of whole lines.

        Raises:
            TemplateInvalidError: a record cannot be parsed or has no id, there is no record at all, or there are fewer
                than wanted; `facts` name the file, the position (from 1) and the field.
            QuotaExceededError: there are more than a dataset may have; the rest of them is not read.
        """
        self._stream = stream
        self._conforms = stream.conforms if isinstance(stream, ExtendedRecordStream) else None
        self._seen = DuplicateDetector(
            stream.spill if isinstance(stream, ExtendedRecordStream) else MemorySpill()
        )
        self._inspection = QualityChecker(self._kind, self._site, self._seen, self._now)
        for batch in stream:
            kept = self._process_batch(batch)
            if kept:
                yield self._count_made(encode_documents(kept), len(kept))
            if self._made == self._wanted and not self._seen.references:
                break
        for lines in self._release_held():
            yield self._count_made(b"\n".join([*lines, b""]), len(lines))
        self._finish(stream)

    def build_content(self, attempt: int, staged: Staged) -> Content:
        """What was populated, once `documents` is exhausted and what it gave is staged.

        Raises:
            StagingFailedError: staging holds another number of documents.
        """
        if staged.lines != self._made:
            raise StagingFailedError(f"{self._made} documents were made and {staged.lines} are staged.")
        checks = self._inspection.results()
        return Content(
            attempt=attempt,
            record_count=staged.lines,
            size_bytes=staged.size_bytes,
            checksum=staged.checksum,
            containers=tuple(self._containers)[:_CONTAINERS],
            report=QualityReport(
                score=quality_score(checks), checks=checks, checksum=staged.checksum, evaluated_at=self._now
            ),
            warnings=tuple(self._warnings),
        )

    @property
    def _file(self) -> str:
        return self._stream.file if isinstance(self._stream, ExtendedRecordStream) else self._template.source

    def _process_batch(self, batch: Sequence[bytes]) -> list[Document]:
        """The documents of a batch that are surely to be pushed."""
        records = (
            batch.decode_records(self._kind)
            if isinstance(batch, RecordBatch) and self._conforms is None
            else None
        )
        there = len(batch if records is None else records)
        wanted = there if self._wanted is None else min(there, self._wanted - self._made)
        first = self._read + 1
        if records is None:
            documents = [
                self._check_record(line, position) for position, line in enumerate(batch[:wanted], first)
            ]
        else:
            make, site = self._kind.document, self._site
            documents = [make(each, site) for each in records[:wanted]]
        self._read += wanted
        suspects = self._seen.register_ids([each.id for each in documents])
        self._inspection.check_documents(documents, first)
        self._note_containers(documents)
        if wanted < there and self._seen.references:
            self._register_left_out(batch[wanted:])
        for at in suspects:
            self._seen.hold_record(documents[at].id, first + at, encode_document(documents[at]))
        for at in reversed(suspects):
            del documents[at]
        return documents

    def _check_record(self, line: bytes, position: int) -> Document:
        """The document of one record, with what is wrong about the record counted."""
        if PLACEHOLDER in line:
            line = self._resolve_placeholders(line, position)
        try:
            document, fits = self._kind.document(self._kind.decode(line), self._site), True
        except DECODE_ERRORS:
            mended = self._repair_record(line, position)
            document, fits = self._kind.document(mended.record, self._site), mended.conforms
            self._inspection.count_repaired_record(mended, position, document.id)
        if fits and self._conforms is not None and not self._conforms(line):
            self._inspection.count_misfit(position, document.id)
        return document

    def _resolve_placeholders(self, line: bytes, position: int) -> bytes:
        for placeholder, address in self._places:
            line = line.replace(placeholder, address)
        if PLACEHOLDER in line:
            self._inspection.count_lost_link(position)
        return line

    def _repair_record(self, line: bytes, position: int) -> RepairedRecord:
        try:
            return repair_record(self._kind, line)
        except InvalidRecordError as error:
            raise TemplateInvalidError(
                f"{self._file}: record {position} {error.problem}.",
                file=self._file,
                position=position,
                record_field=error.field,
            ) from None

    def _note_containers(self, documents: Sequence[Document]) -> None:
        listed = self._containers
        if len(listed) > _CONTAINERS:
            return
        by_id = self._kind.listed_by_id
        for container in dict.fromkeys([each.id if by_id else each.container for each in documents]):
            if len(listed) <= _CONTAINERS:
                listed[container] = None

    def _register_left_out(self, batch: Sequence[bytes]) -> None:
        """Remember what is there beyond what was wanted, so that references to it count as left out, not as broken."""
        for line in batch:
            try:
                self._seen.register_left_out(self._kind.document(self._kind.decode(line), self._site).id)
            except DECODE_ERRORS:
                continue

    def _release_held(self) -> Iterator[list[bytes]]:
        """The lines of those held back that are to be pushed after all, some at a time."""
        kept: list[bytes] = []
        for each in self._seen.resolve_held():
            if each.is_duplicate:
                self._inspection.count_duplicate(each.position, parse_document_id(each.line))
            elif self._wanted is None or self._made + len(kept) < self._wanted:
                kept.append(each.line)
                if len(kept) == _TOGETHER:
                    yield kept
                    kept = []
        if kept:
            yield kept

    def _count_made(self, chunk: bytes, count: int) -> bytes:
        self._made += count
        if self._limit is not None and self._made > self._limit:
            raise self._quota_exceeded_error(self._limit)
        self._progress(self._made, self._expected_total())
        return chunk

    def _quota_exceeded_error(self, limit: int) -> QuotaExceededError:
        return QuotaExceededError(
            f"{self._file} holds more than {limit} records, and a dataset may have {limit}.",
            field="record_count",
            recovery=Recovery.FIX_INPUT,
            suggested_action=(
                "Take the failed dataset down for the reason provision_failed, and provision again with a "
                f"record_count of {limit} or fewer; or have limits.records_per_dataset raised."
            ),
        )

    def _expected_total(self) -> int | None:
        return self._wanted or self._template.default_record_count

    def _finish(self, stream: RecordStream) -> None:
        if not self._made:
            raise TemplateInvalidError(f"{self._file} holds no records.", file=self._file)
        if self._wanted is not None and self._made < self._wanted:
            raise TemplateInvalidError(
                f"{self._file} holds {self._made} records, and {self._wanted} were asked for.",
                file=self._file,
                field="record_count",
                available=self._made,
                suggested_action=(
                    "Take the failed dataset down for the reason provision_failed, and provision again with "
                    f"{self._made} records or fewer."
                ),
            )
        declared = self._template.default_record_count
        self._inspection.count_dangling_references()
        self._inspection.check_volume(
            min(declared, self._wanted or declared) if declared else None, self._made
        )
        self._collect_warnings(stream)

    def _collect_warnings(self, stream: RecordStream) -> None:
        self._warnings += [each for each in stream.warnings if each not in self._warnings]
        if self._inspection.without_zone:
            self._warnings.append(
                f"{self._inspection.without_zone} timestamps name no zone; they were taken as UTC."
            )
        if self._inspection.left_out:
            self._warnings.append(
                f"{self._inspection.left_out} references lead to records that were not asked for."
            )
        if len(self._containers) > _CONTAINERS:
            self._warnings.append(
                f"The connector's settings list the first {_CONTAINERS} of more containers."
            )
