"""The checks on a content, their weights, and the score.

    schema_conformity 25 · completeness 20 · uniqueness 20
    timestamps 10 · authors 10 · referential_integrity 10 · volume 5

A check's share is what passed of what was looked at (all of it when there was nothing to look at); the score is the
weighted share times 100, rounded down, so that 94.999 never passes for 95.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from domain.model import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """A count of one check while records go by."""

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
        """What was counted."""
        return CheckResult(
            check=self.check,
            weight=CHECK_WEIGHTS[self.check],
            of=self.of,
            failed=min(self.failed, self.of),
            examples=tuple(self.examples),
        )


def failure_example(position: int, record_id: str | None = None) -> str:
    """A record's position, with its id unless that could be mistaken for more than an id."""
    return f"record {position}" + (f" ({record_id})" if record_id and _SHOWABLE.fullmatch(record_id) else "")


def quality_score(checks: Iterable[CheckResult]) -> float:
    """0 to 100, to two decimals, rounded down."""
    weighed = [
        (each.weight, Fraction(each.of - each.failed, each.of) if each.of else Fraction(1)) for each in checks
    ]
    share = sum((weight * passed for weight, passed in weighed), Fraction(0)) / sum(
        weight for weight, _ in weighed
    )
    return int(share * 10_000) / 100
