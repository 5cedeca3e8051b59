"""What a run of these tests comes to: calls by what was answered, deletions, and how many of them were wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

PROPERTY: Final = "adversarial"
"""The property of a test's report that carries its figures; the summary of the run shows it."""


@dataclass
class RunStatistics:
    """Counted as a run goes on. What is wrong fails the run at once, so a run that ended well had none of it."""

    title: str
    sequences: int = 0
    calls: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    deletions: int = 0
    given_back: int = 0
    wrongful: int = 0
    probes: int = 0
    leaks: int = 0
    audited: int = 0

    def summary(self) -> str:
        """All of it on one line."""
        refused = ", ".join(f"{code} {count}" for code, count in self.answers.most_common())
        return (
            f"{self.title}: {self.sequences} sequences, {self.calls} calls ({refused}), {self.deletions} deletions, "
            f"{self.given_back} given back, {self.wrongful} wrongful; {self.probes} probes, {self.leaks} leaks; "
            f"{self.audited} attempts found on record"
        )

    def record(self, record_property: Callable[[str, object], None]) -> None:
        """Put them into the test's report, even when the test fails later."""
        record_property(PROPERTY, self.summary())
