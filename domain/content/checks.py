"""Quality checks: counted while documents stream past, in bounded memory."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Final

from domain.content.documents import foreign_reference_pattern
from domain.model import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from domain.content.documents import Document, NeutralDocument, RecordKind, RepairedRecord
    from domain.content.duplicates import DuplicateDetector

_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)
"""How far the clock of a source may be ahead of ours."""
_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,63}")
_ADDRESS_LENGTH: Final = 254
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
        self._lost_links = 0
        self.without_zone = 0
        self.left_out = 0
        self._tallies = {check: CheckCounter(check) for check in CHECK_WEIGHTS}

    def results(self) -> tuple[CheckResult, ...]:
        """The result of every check, in the order of their weights."""
        return tuple(each.result() for each in self._tallies.values())

    def check_documents(self, documents: Sequence[Document | NeutralDocument], first: int) -> None:
        """Check timestamps, authors and references; convert every timestamp to UTC."""
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
        if not repaired.conforms:
            self._tallies["schema_conformity"].count_failure(position, record_id)
        if not repaired.complete:
            self._tallies["completeness"].count_failure(position, record_id)

    def count_misfit(self, position: int, record_id: str) -> None:
        """Count a record that does not conform to the template's own schema."""
        self._tallies["schema_conformity"].count_failure(position, record_id)

    def count_lost_link(self, position: int) -> None:
        """Count a link to a site that does not exist."""
        self._tallies["referential_integrity"].of += 1
        self._tallies["referential_integrity"].count_failure(position)

    def count_duplicate(self, position: int, record_id: str | None = None) -> None:
        """Count a record whose id an earlier record has."""
        self._tallies["uniqueness"].count_failure(position, record_id)

    def count_dangling_references(self) -> None:
        """Count the references that lead to no document, once all ids are registered."""
        tally = self._tallies["referential_integrity"]
        dangling = self._duplicates.find_dangling(MAX_EXAMPLES)
        self.left_out = dangling.left_out
        tally.of += self._duplicates.references - dangling.left_out
        for position in dangling.positions:
            tally.count_failure(position)
        tally.failed += dangling.total - len(dangling.positions)

    def check_volume(self, declared: int | None, made: int) -> None:
        """Compare the number of documents with the number that the template declares."""
        tally = self._tallies["volume"]
        tally.of = made if declared is None else declared
        tally.failed = max(0, tally.of - made)

    def _has_only_valid_authors(self, documents: Sequence[Document | NeutralDocument]) -> bool:
        also = self._kind.also
        known = self._valid.issuperset({each.author.email for each in documents})
        return known and (
            also is None
            or self._valid.issuperset({each.properties[also] for each in documents if each.properties})
        )

    def _has_only_plausible_timestamps(self, documents: Sequence[Document | NeutralDocument]) -> bool:
        """Whether all timestamps of a batch are plausible and in UTC, as in most batches.

        One test for the batch is much faster than one for each document.
        """
        latest = self._latest
        updated = [each.updated for each in documents]
        created = [each.created for each in documents if each.created]
        if {each.tzinfo for each in chain(updated, created)} != {UTC}:
            return False
        if created and not (
            min(created) >= _EARLIEST
            and all(each.created <= each.updated for each in documents if each.created)
        ):
            return False
        return min(updated) >= _EARLIEST and max(updated) <= latest

    def _check_authors(self, document: Document | NeutralDocument, position: int) -> None:
        emails = [document.author.email]
        if self._kind.also is not None and document.properties:
            emails.append(document.properties.get(self._kind.also) or "")
        for email in emails:
            if email in self._valid:
                continue
            if (
                len(email) > _ADDRESS_LENGTH
                or email.endswith(_INVALID_DOMAIN)
                or not _ADDRESS.fullmatch(email)
            ):
                self._tallies["authors"].count_failure(position, document.id)
                return
            if len(self._valid) < _MAX_VALID_ADDRESSES:
                self._valid.add(email)

    def _check_timestamps(self, document: Document | NeutralDocument, position: int) -> None:
        document.updated = updated = self._normalize_to_utc(document.updated)
        plausible = _EARLIEST <= updated <= self._latest
        if document.created is not None:
            document.created = created = self._normalize_to_utc(document.created)
            plausible = plausible and _EARLIEST <= created <= updated
        if not plausible:
            self._tallies["timestamps"].count_failure(position, document.id)

    def _normalize_to_utc(self, instant: datetime) -> datetime:
        if instant.tzinfo is UTC:
            return instant
        if instant.tzinfo is None:
            self.without_zone += 1
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)

    def _register_references(self, documents: Sequence[Document | NeutralDocument], first: int) -> None:
        if self._foreign is None and documents:
            self._foreign = foreign_reference_pattern(self._kind, documents[0].id)
            self._foreign_line = re.compile(rf"\n(?:{self._foreign.pattern})$", re.MULTILINE)
        given = [each.references for each in documents]
        references = list(chain.from_iterable(given))
        if not references:
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


CHECK_WEIGHTS: Final = {
    "schema_conformity": 25,
    "completeness": 20,
    "uniqueness": 20,
    "timestamps": 10,
    "authors": 10,
    "referential_integrity": 10,
    "volume": 5,
}
MAX_EXAMPLES: Final = 5
_SHOWABLE: Final = re.compile(r"[\w./:#@-]{1,80}")


class CheckCounter:
    """Counter of one check: how many of how many records failed, with the first few as examples."""

    __slots__ = ("check", "examples", "failed", "of")

    def __init__(self, check: str, of: int = 0, failed: int = 0, examples: Iterable[str] = ()) -> None:
        self.check = check
        self.of = of
        self.failed = failed
        self.examples = list(examples)

    def count_failure(self, position: int, record_id: str | None = None) -> None:
        """Count one failure, of the record at this position (from 1)."""
        self.failed += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(failure_example(position, record_id))

    def result(self) -> CheckResult:
        """The result so far."""
        return CheckResult(
            check=self.check,
            weight=CHECK_WEIGHTS[self.check],
            of=self.of,
            failed=min(self.failed, self.of),
            examples=tuple(self.examples),
        )


def failure_example(position: int, record_id: str | None = None) -> str:
    """A record's position, with its id when that is short and plain enough to show."""
    return f"record {position}" + (f" ({record_id})" if record_id and _SHOWABLE.fullmatch(record_id) else "")


def quality_score(checks: Iterable[CheckResult]) -> float:
    """The weighted score, 0 to 100, to two decimals, rounded down."""
    # Exact fractions: a score must not pass the threshold, or miss it, by a rounding error.
    weighed = [
        (each.weight, Fraction(each.of - each.failed, each.of) if each.of else Fraction(1)) for each in checks
    ]
    share = sum((weight * passed for weight, passed in weighed), Fraction(0)) / sum(
        weight for weight, _ in weighed
    )
    return int(share * 10_000) / 100
