"""TODO describe domain.model.dataset.content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.model.enums import TemplateMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChoice:
    """Which template serves a dataset, and why that one."""

    template_id: str
    match: TemplateMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One quality check: how many passed of how many, with up to five examples (positions and ids, no content)."""

    check: str
    weight: int
    of: int
    failed: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How many of the `asked` golden questions the platform has `answered` with its first results.

    `unanswered` are up to five of the others, in the template's order. Without `answered` that is not known, and
    `unknown` says why.
    """

    asked: int
    answered: int | None = None
    unanswered: tuple[str, ...] = ()
    unknown: str | None = None

    @property
    def share(self) -> float | None:
        """What share was answered, in thousandths and rounded down: 1 means all of them. None when it is not known."""
        if self.answered is None or not self.asked:
            return None
        return 1000 * self.answered // self.asked / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """The checks' results on one content. `score` is 0 to 100, `gates` are what no score can outweigh.

    A gate is `{check, failed, of}` in the form of a `CheckResult` with weight 0. `readiness` changes neither; it is
    None where no question was asked.
    """

    score: float
    checks: tuple[CheckResult, ...]
    gates: tuple[CheckResult, ...] = ()
    checksum: str
    evaluated_at: datetime
    readiness: Readiness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one attempt populated: `record_count` documents, `size_bytes` and SHA-256 of the staged JSON Lines.

    `containers` are the spaces, repositories, channels or projects met, in order of first appearance; `report` is what
    the population pass gathered, `warnings` what a person should know about the source.
    """

    attempt: int
    record_count: int
    size_bytes: int
    checksum: str
    containers: tuple[str, ...]
    report: QualityReport
    warnings: tuple[str, ...] = ()
