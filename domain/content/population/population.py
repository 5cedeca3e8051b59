"""Population: one pass over a template's records, which checks them and makes neutral documents of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.content.checks import DuplicateDetector, QualityChecker, quality_score
from domain.content.checks.spill import MemorySpill
from domain.content.documents import (
    RECORD_KINDS,
    ClientSite,
    InvalidRecordError,
    encode_document,
    encode_documents,
    parse_document_id,
)
from domain.content.population.anchor import Anchor, find_newest_instant
from domain.content.population.limits import find_large_document, find_long_id
from domain.content.population.reader import RecordReader
from domain.content.population.streams import ExtendedRecordStream
from domain.errors import QuotaExceededError, Recovery, StagingFailedError, TemplateInvalidError
from domain.model import Content, QualityReport, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.content.documents import Document
    from domain.content.population.limits import Excess
    from domain.model import DatasetType, Template
    from domain.ports import RecordStream, Staged

_TOGETHER: Final = 256
_CONTAINERS: Final = 1000
"""How many containers a connector's settings may list: Glean reads the settings as one configuration."""


_OWNERS: Final = ("owner", "organization")
"""The custom fields of a template's header that name the owner of its repositories."""
MOCK_ORGANIZATION: Final = "mock-org"
"""The organisation of the connectors' own settings, for where no other is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorFacts:
    """What the settings of the connector say of the records that it serves.

    `organization` is the owner of repositories for which neither their records nor the template's header name one.
    With `lists_containers` the settings list the containers, so that those of records may have names that they cannot
    list.
    """

    organization: str | None = None
    lists_containers: bool = False


NO_FACTS: Final = ConnectorFacts()


class Population:
    """One population of a dataset: `stream_documents` makes the documents, then `build_content` reports on them.

    Args:
        template: the source of the records.
        dataset_type: the type of its records.
        wanted: how many documents to make, None for as many as the template declares, or else all that it has.
        limit: how many documents a dataset may have, None for any number.
        sites: the base address of the client's copy of each type, which replaces `{{site:TYPE}}` in a record.
        now: the instant that timestamps are compared with.
        progress: called with the number of documents made and their total (None: not known).
        connector: what the connector's settings say.
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
        connector: ConnectorFacts = NO_FACTS,
    ) -> None:
        self._template = template
        self._kind = RECORD_KINDS[dataset_type]
        self._wanted = wanted
        self._most = wanted or template.default_record_count
        self._limit = limit
        self._sites = sites
        self._site = ClientSite(
            sites[dataset_type].rstrip("/"),
            _named_owner(template.custom_fields) or connector.organization or MOCK_ORGANIZATION,
        )
        self._now = now
        self._progress = progress
        self._read = 0
        self._made = 0
        self._containers: dict[str, None] = {}
        self._containers_listed = connector.lists_containers
        self._container_form = self._kind.connector.container_form
        self._warnings: list[str] = list(template.warnings)

    def stream_documents(self, stream: RecordStream) -> Iterator[bytes]:
        """Make the neutral documents, as JSON Lines in chunks of whole lines.

        Raises:
            TemplateInvalidError: a record cannot be parsed, has no id, or makes a document that Glean does not take;
                there is no record at all, or there are fewer than wanted, where another number is wanted than the
                template declares. `facts` name the file, the position (from 1) and the field.
            QuotaExceededError: there are more records than a dataset may have; the rest is not read.
        """
        self._stream = stream
        extended = stream if isinstance(stream, ExtendedRecordStream) else None
        self._duplicates = DuplicateDetector(extended.spill if extended else MemorySpill())
        self._checker = QualityChecker(self._kind, self._site.url, self._duplicates, self._now)
        self._reader = self._open_reader(self._checker, extended)
        self._anchor = self._find_anchor(extended) if self._template.is_relative else None
        for batch in stream:
            lines, count = self._process_batch(batch)
            if count:
                yield self._count_made(lines, count)
            # A template may be far larger than what is wanted. Only references make the rest worth reading.
            if self._made == self._most and not self._duplicates.references:
                break
            # Memory that is free before the next batch is read serves for it while a core has it cached.
            del batch, lines
        for held in self._release_held():
            yield self._count_made(b"\n".join([*held, b""]), len(held))
        self._finish(stream)

    def _open_reader(self, checker: QualityChecker, stream: ExtendedRecordStream | None) -> RecordReader:
        return RecordReader(
            self._kind,
            self._site,
            sites=self._sites,
            checker=checker,
            find_misfit=stream.find_misfit if stream else None,
            read_again=stream.read_again if stream else None,
        )

    def _find_anchor(self, stream: ExtendedRecordStream | None) -> Anchor:
        """The anchor of the records, which are read once more for it; their faults are counted later."""
        counts_nothing = QualityChecker(
            self._kind, self._site.url, DuplicateDetector(MemorySpill()), self._now
        )
        reader = self._open_reader(counts_nothing, stream)
        again = stream.read_again() if stream else ()
        newest = find_newest_instant(again, reader, self._kind, self._site)
        if newest is None:
            raise TemplateInvalidError(
                f"{self._file}: its time is relative, but no record has an instant that can be read.",
                file=self._file,
                record_field="time",
                suggested_action="Give the records their instants, or leave the member `time` out.",
            )
        return Anchor.for_newest(newest, self._now)

    def build_content(self, attempt: int, staged: Staged) -> Content:
        """The content that was populated, once `stream_documents` is exhausted and its chunks are staged.

        Raises:
            StagingFailedError: staging holds another number of documents.
        """
        if staged.lines != self._made:
            raise StagingFailedError(f"{self._made} documents were made, but {staged.lines} are staged.")
        checks = self._checker.results()
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
        stream = self._stream
        # A template names the file of its records, so the name may be any text.
        return quote_foreign(
            stream.file if isinstance(stream, ExtendedRecordStream) else self._template.source
        )

    def _process_batch(self, batch: Sequence[bytes]) -> tuple[bytes, int]:
        """The lines of a batch's documents that are surely no duplicates, and their number; others are held back."""
        left = None if self._most is None else self._most - self._made
        records = self._reader.decode_plain(batch, left)
        size = len(batch if records is None else records)
        wanted = size if left is None else min(size, left)
        first = self._read + 1
        if records is None:
            documents = [
                self._read_document(line, position) for position, line in enumerate(batch[:wanted], first)
            ]
        else:
            documents = self._kind.documents(records[:wanted], self._site)
            del records  # which the documents do not need
        if self._anchor is not None:
            self._anchor.move_documents(documents)
        self._read += wanted
        positions = list(range(first, first + wanted))
        ids = [each.id for each in documents]
        self._require_no_excess(find_long_id(ids, self._kind), positions)
        suspects = self._duplicates.register_ids(ids)
        self._checker.check_documents(documents, first)
        self._note_containers(documents, first)
        if wanted < size and self._duplicates.references:
            self._register_left_out(batch[wanted:])
        for at in suspects:
            self._duplicates.hold_record(ids[at], first + at, encode_document(documents[at]))
        for at in reversed(suspects):
            del documents[at], positions[at]
        lines = encode_documents(documents)
        self._require_no_excess(find_large_document(lines, self._kind, self._site.url), positions)
        return lines, len(documents)

    def _read_document(self, line: bytes, position: int) -> Document:
        try:
            return self._reader.read_document(line, position)
        except InvalidRecordError as error:
            raise TemplateInvalidError(
                f"{self._file}: record {position} {error.problem}.",
                file=self._file,
                position=position,
                record_field=error.field,
            ) from None

    def _note_containers(self, documents: Sequence[Document], first: int) -> None:
        listed = self._containers
        if len(listed) > _CONTAINERS:
            return
        if self._kind.listed_by_id:
            names = [each.id for each in documents]
        elif listed.keys() >= {each.container for each in documents}:
            return
        else:
            names = [each.container for each in documents]
        for position, container in enumerate(names, first):
            if container not in listed and len(listed) <= _CONTAINERS:
                self._require_listable(container, position)
                listed[container] = None

    def _require_listable(self, container: str, position: int) -> None:
        """Require that the connector's settings can list a container: the connector would be refused much later."""
        form = self._container_form
        if self._containers_listed or form.form.fullmatch(container):
            return
        field = self._kind.document_fields.container
        raise TemplateInvalidError(
            f"{self._file}: record {position} has the {field} {quote_foreign(container)}, which the connector's "
            f"settings cannot list: it {form.rule}.",
            file=self._file,
            position=position,
            record_field=field,
        )

    def _require_no_excess(self, found: Excess | None, positions: Sequence[int]) -> None:
        """Require that Glean takes the documents at these positions: it would refuse them when all are pushed."""
        if found is None:
            return
        position = positions[found.at]
        raise TemplateInvalidError(
            f"{self._file}: record {position} {found.problem}. "
            f"Most of it is its {found.field} {quote_foreign(found.value)}.",
            file=self._file,
            position=position,
            record_field=found.field,
        )

    def _register_left_out(self, batch: Sequence[bytes]) -> None:
        """Register the records beyond those wanted, so that references to them count as left out, not as dangling."""
        for line in batch:
            identity = self._reader.read_id(line)
            if identity is not None:
                self._duplicates.register_left_out(identity)

    def _release_held(self) -> Iterator[list[bytes]]:
        """The lines of held records that are no duplicates after all, in lists of bounded length."""
        lines: list[bytes] = []
        for each in self._duplicates.resolve_held():
            if each.is_duplicate:
                self._checker.count_duplicate(each.position, parse_document_id(each.line))
            elif self._most is None or self._made + len(lines) < self._most:
                self._require_no_excess(
                    find_large_document(each.line, self._kind, self._site.url), [each.position]
                )
                lines.append(each.line)
                if len(lines) == _TOGETHER:
                    yield lines
                    lines = []
        if lines:
            yield lines

    def _count_made(self, chunk: bytes, count: int) -> bytes:
        self._made += count
        if self._limit is not None and self._made > self._limit:
            raise self._quota_exceeded_error(self._limit)
        self._progress(self._made, self._most)
        return chunk

    def _quota_exceeded_error(self, limit: int) -> QuotaExceededError:
        return QuotaExceededError(
            f"{self._file} holds more than {limit} records; a dataset may have {limit}.",
            field="record_count",
            recovery=Recovery.FIX_INPUT,
            suggested_action=f"Ask for {limit} records or fewer, or have limits.records_per_dataset raised.",
        )

    def _finish(self, stream: RecordStream) -> None:
        if not self._made:
            raise TemplateInvalidError(f"{self._file} holds no records.", file=self._file)
        declared = self._template.default_record_count
        # Fewer than a template declares is a matter of the check of volume, whether or not a call names that number.
        if self._wanted is not None and self._wanted != declared and self._made < self._wanted:
            raise TemplateInvalidError(
                f"{self._file} holds {self._made} records; the call asked for {self._wanted}.",
                file=self._file,
                field="record_count",
                available=self._made,
                suggested_action=f"Ask for {self._made} records or fewer.",
            )
        self._checker.count_dangling_references(self._made)
        self._checker.check_volume(min(declared, self._wanted or declared) if declared else None, self._made)
        self._collect_warnings(stream)

    def _collect_warnings(self, stream: RecordStream) -> None:
        self._warnings += [each for each in stream.warnings if each not in self._warnings]
        self._warnings += self._reader.names.warnings()
        if self._checker.without_zone:
            self._warnings.append(
                f"{self._checker.without_zone} timestamps name no time zone; they were read as UTC."
            )
        if self._checker.left_out:
            self._warnings.append(
                f"{self._checker.left_out} references lead to records that were not asked for."
            )
        if len(self._containers) > _CONTAINERS:
            self._warnings.append(
                f"The connector's settings list the first {_CONTAINERS} of more containers."
            )


def _named_owner(custom_fields: Mapping[str, object]) -> str | None:
    """The owner that a template's header names; None when it names none."""
    found = [custom_fields.get(each) for each in _OWNERS]
    return next((each.strip() for each in found if isinstance(each, str) and each.strip()), None)
