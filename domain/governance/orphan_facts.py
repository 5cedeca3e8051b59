"""What is found out about orphans: listed, scanned, and what a sweep would take and took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from domain.errors import BlockingCheck, LifecycleError
    from domain.model import Approval, Dataset, JourneyState, OrphanReason


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanFacts:
    """One orphan with the evidence.

    `journey_state` is as it stands now, None without a journey; `eligible_at` the estimate, None while it is not marked
    or when a person decides; `blocking` all that keeps it from being taken down as an orphan.
    """

    dataset: Dataset
    reason: OrphanReason
    age_days: float
    journey_state: JourneyState | None
    orphaned_at: datetime | None
    eligible_at: datetime | None
    blocking: tuple[BlockingCheck, ...]

    @property
    def eligible(self) -> bool:
        """Whether it may be taken down as an orphan now."""
        return not self.blocking


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanPage:
    """Orphans in the order of their dataset's id; `unknown` are the datasets between them of which nobody can tell."""

    items: tuple[OrphanFacts, ...]
    unknown: tuple[str, ...]
    next_cursor: str | None
    scanned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """A complete scan: orphans `seen`, and the ids of datasets that it marked, cleared, or could not judge."""

    seen: int
    marked: tuple[str, ...]
    cleared: tuple[str, ...]
    unknown: tuple[str, ...]
    scanned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What a sweep would take, what it leaves to a person and why, and why it takes nothing at all."""

    eligible: tuple[Dataset, ...]
    skipped: tuple[tuple[Dataset, BlockingCheck], ...]
    refused: str | None

    @property
    def to_approve(self) -> tuple[Dataset, ...]:
        """Those of `skipped` that a person's approval is all that is missing for."""
        return tuple(each for each, check in self.skipped if check.code == "confirmation_required")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What became of the plan, and the approval requests for the rest: empty for a dry run.

    `asked` is the one request about everything, when that is too much.
    """

    plan: SweepPlan
    taken: tuple[Dataset, ...] = ()
    failed: tuple[tuple[Dataset, LifecycleError], ...] = ()
    requests: tuple[Approval, ...] = ()
    asked: Approval | None = None
