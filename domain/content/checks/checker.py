"""Quality checks: counted while documents stream past, in bounded memory."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import gt
from typing import TYPE_CHECKING, Any, Final

from domain.content.checks.counters import CHECK_WEIGHTS, MAX_EXAMPLES, CheckCounter
from domain.content.checks.findings import DANGLING, IMPLAUSIBLE, NO_ADDRESS
from domain.content.documents import Fault, foreign_reference_pattern, is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from domain.content.checks.duplicates import DuplicateDetector
    from domain.content.documents import Document, NeutralDocument, RecordKind, RepairedRecord
    from domain.model import CheckResult

_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)
"""How far the clock of a source may be ahead of ours."""
_INVALID_DOMAIN: Final = ".invalid"
"""RFC 2606 reserves this domain: no real address ends with it."""
_MAX_VALID_ADDRESSES: Final = 10_000
"""How many valid addresses are remembered, so that memory stays bounded."""


class QualityChecker:
    """Quality checker: counts what each check finds. Positions count from 1, over all records that were read.

    `site` is the base address of this content's copy: a link below it is a reference to a document of this content.
    """

    def __init__(self, kind: RecordKind, site: str, duplicates: DuplicateDetector, now: datetime) -> None:
        self._kind = kind
        self._below = f"{site}/"
        self._duplicates = duplicates
        self._latest = now + _AHEAD
        self._valid: set[str] = set()
        self._foreign: re.Pattern[str] | None = None
        self.without_zone = 0
        self.left_out = 0
        self._tallies = {check: CheckCounter(check) for check in CHECK_WEIGHTS}

    def results(self) -> tuple[CheckResult, ...]:
        """The result of every check, in the order of their weights."""
        return tuple(each.result() for each in self._tallies.values())

    def check_documents(self, documents: Sequence[Document | NeutralDocument], first: int) -> None:
        """Check timestamps, authors and references of documents, of which the first has the position `first`.

        Every timestamp is converted to UTC.
        """
        for check in ("schema_conformity", "completeness", "uniqueness", "timestamps", "authors"):
            self._tallies[check].of += len(documents)
        if not self._has_only_valid_authors(documents):
            for position, document in enumerate(documents, first):
                self._check_authors(document, position)
        if not self._has_only_plausible_timestamps(documents):
            for position, document in enumerate(documents, first):
                self._check_timestamps(document, position)
        self._register_references(documents, first)

    def count_repaired_record(self, repaired: RepairedRecord, position: int, record_id: str) -> None:
        """Count the faults of a record that had to be repaired."""
        for check in ("schema_conformity", "completeness", "timestamps"):
            if faults := [each for each in repaired.faults if each.check == check]:
                self._tallies[check].count_source_failure(position, record_id, faults)

    def count_misfit(self, position: int, record_id: str, fault: Fault) -> None:
        """Count a record that does not conform to the template's own schema."""
        self._tallies["schema_conformity"].count_source_failure(position, record_id, [fault])

    def count_placeholders(self, position: int, valid: int, lost: Iterable[Fault]) -> None:
        """Count the placeholders of a record: those that lead to a site, and the faults of the others."""
        tally = self._tallies["referential_integrity"]
        tally.source_of += valid
        for each in lost:
            tally.source_of += 1
            tally.count_source_failure(position, None, [each])

    def count_duplicate(self, position: int, record_id: str | None = None) -> None:
        """Count a record whose id an earlier record has."""
        self._tallies["uniqueness"].count_failure(position, record_id)

    def count_dangling_references(self, documents: int) -> None:
        """Count the references that lead to no document, once all ids are registered.

        A reference weighs what a document weighs: among few references, one that dangles does not harm all documents.
        """
        tally = self._tallies["referential_integrity"]
        dangling = self._duplicates.find_dangling(MAX_EXAMPLES)
        self.left_out = dangling.left_out
        for position, _ in dangling.examples:
            tally.count_failure(position)
        tally.failed += dangling.total - len(dangling.examples)
        if dangling.total:
            field, (_, reference) = self._kind.document_fields.references, dangling.examples[0]
            tally.findings.add(
                Fault(tally.check, field, DANGLING, reference, "the id of a record of this file"),
                dangling.total,
            )
        tally.of = max(documents, self._duplicates.references - dangling.left_out + tally.source_of)
        tally.source_of -= dangling.left_out
        tally.source_failed -= dangling.left_out

    def check_volume(self, declared: int | None, made: int) -> None:
        """Compare the number of documents with the number that the template declares."""
        tally = self._tallies["volume"]
        tally.of = made if declared is None else declared
        tally.failed = max(0, tally.of - made)
        if tally.failed:
            problem = "declares more records than the file has"
            tally.findings.add(Fault(tally.check, "default_record_count", problem, declared), tally.failed)

    def _has_only_valid_authors(self, documents: Sequence[Document | NeutralDocument]) -> bool:
        emails = {each.author.email for each in documents}
        return self._valid.issuperset(emails) and self._valid.issuperset(self._second_emails(documents))

    def _second_emails(self, documents: Sequence[Document | NeutralDocument]) -> set[str]:
        """The addresses of the second authors, in types whose documents may have one."""
        also = self._kind.also
        given = [each.properties for each in documents if each.properties] if also else []
        if not given:
            return set()
        # Once they are staged, properties are a dict.
        get: Callable[[Any, Any], Any] = dict.get if isinstance(given[0], dict) else getattr
        return {get(each, also) for each in given} - {None, ""}

    def _has_only_plausible_timestamps(self, documents: Sequence[Document | NeutralDocument]) -> bool:
        """Whether all timestamps of a batch are plausible and in UTC, as in most batches.

        One test for the batch is much faster than one for each document.
        """
        updated = [each.updated for each in documents if each.updated]
        created = [each.created for each in documents if each.created]
        instants = updated + created
        if not instants:
            return True
        if {each.tzinfo for each in instants} != {UTC}:
            return False
        if len(updated) == len(created) == len(documents):
            # When none was changed before it was created, no other can be the earliest or the latest.
            earliest, latest = min(created), max(updated)
            in_order = not any(map(gt, created, updated))
        else:
            earliest, latest = min(instants), max(instants)
            in_order = all(
                each.created <= each.updated for each in documents if each.created and each.updated
            )
        return in_order and earliest >= _EARLIEST and latest <= self._latest

    def _check_authors(self, document: Document | NeutralDocument, position: int) -> None:
        for email in [document.author.email, *self._second_emails([document])]:
            if email in self._valid:
                continue
            if email.endswith(_INVALID_DOMAIN) or not is_address(email):
                fault = Fault(
                    "authors",
                    self._kind.document_fields.author,
                    NO_ADDRESS,
                    email,
                    "an e-mail address, or a name",
                )
                self._tallies["authors"].count_failure(position, document.id, [fault])
                return
            if len(self._valid) < _MAX_VALID_ADDRESSES:
                self._valid.add(email)

    def _check_timestamps(self, document: Document | NeutralDocument, position: int) -> None:
        fields = self._kind.document_fields
        created, updated = document.created, document.updated
        faults = []
        if updated is not None:
            document.updated = updated = self._normalize_to_utc(updated)
            if not _EARLIEST <= updated <= self._latest:
                faults.append(Fault("timestamps", fields.updated, IMPLAUSIBLE, updated.isoformat()))
        if created is not None:
            document.created = created = self._normalize_to_utc(created)
            if not _EARLIEST <= created <= (updated or self._latest):
                faults.append(Fault("timestamps", fields.created, IMPLAUSIBLE, created.isoformat()))
        if faults:
            self._tallies["timestamps"].count_failure(position, document.id, faults)

    def _normalize_to_utc(self, instant: datetime) -> datetime:
        if instant.tzinfo is UTC:
            return instant
        if instant.tzinfo is None:
            self.without_zone += 1
            return instant.replace(tzinfo=UTC)
        try:
            return instant.astimezone(UTC)
        except OverflowError:  # within a day of the first or last instant that there is
            return instant.replace(tzinfo=UTC)

    def _register_references(self, documents: Sequence[Document | NeutralDocument], first: int) -> None:
        if self._foreign is None and documents:
            self._foreign = foreign_reference_pattern(self._kind, documents[0].id)
            self._foreign_line = re.compile(rf"\n(?:{self._foreign.pattern})$", re.MULTILINE)
        given = [each.references for each in documents]
        if not any(given):
            return
        references = list(chain.from_iterable(given))
        # Nearly all references lead to records shortly before them.
        if self._duplicates.count_met(references):
            return
        positions = (position for position, each in enumerate(given, first) for _ in each)
        lines = "\n".join(("", *references))
        if "://" not in lines and not self._foreign_line.search(lines):
            self._duplicates.register_references(positions, references)
            return
        targets = [
            (position, self._referenced_id(each))
            for position, each in zip(positions, references, strict=True)
        ]
        own = [(position, each) for position, each in targets if each is not None]
        self._duplicates.register_references([position for position, _ in own], [each for _, each in own])

    def _referenced_id(self, reference: str) -> str | None:
        """The id in this content to which a reference leads; None when it leads elsewhere."""
        if "://" in reference:
            return self._kind.id_from_url(reference) if reference.startswith(self._below) else None
        return None if self._foreign and self._foreign.fullmatch(reference) else reference
