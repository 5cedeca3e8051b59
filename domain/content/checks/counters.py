"""Counters of checks: how many of how many failed, and the score that they make together."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from domain.content.checks.findings import Findings
from domain.model import CheckResult, SourceCount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.content.documents import Fault

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
    """Counter of one check: how many of how many failed, with the first few as examples, and by field.

    `source_of` and `source_failed` count what documents do not show.
    """

    __slots__ = ("check", "examples", "failed", "findings", "of", "source_failed", "source_of")

    def __init__(self, check: str) -> None:
        self.check = check
        self.of = self.failed = self.source_of = self.source_failed = 0
        self.examples: list[str] = []
        self.findings = Findings()

    def count_failure(
        self, position: int, record_id: str | None = None, faults: Iterable[Fault] = ()
    ) -> None:
        """Count one failure, of the record at this position (from 1), with the faults of its fields."""
        self.failed += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(failure_example(position, record_id))
        for each in faults:
            self.findings.add(each)

    def count_source_failure(self, position: int, record_id: str | None, faults: Iterable[Fault]) -> None:
        """Count one failure that the document of the record does not show."""
        self.count_failure(position, record_id, faults)
        self.source_failed += 1

    def result(self) -> CheckResult:
        """The result so far."""
        return CheckResult(
            check=self.check,
            weight=CHECK_WEIGHTS[self.check],
            of=self.of,
            failed=min(self.failed, self.of),
            examples=tuple(self.examples),
            findings=self.findings.result(),
            source=SourceCount(of=self.source_of, failed=self.source_failed),
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
