"""Orphan facts: the results of listing, scanning and sweeping orphans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from domain.errors import BlockingCheck, LifecycleError
    from domain.model import Approval, ClockDisagreement, Dataset, JourneyState, OrphanReason


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanFacts:
    """Facts about one orphan.

    `journey_state` is the current state, None without a journey. `eligible_at` is an estimate, None while the dataset
    is not marked, or when a person decides. `blocking` are the checks that forbid its teardown as an orphan.
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
    """Page of orphans, in the order of their dataset ids; of `unknown` datasets it is not known whether they are."""

    items: tuple[OrphanFacts, ...]
    unknown: tuple[str, ...]
    next_cursor: str | None
    scanned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """Result of a complete scan: the number of orphans `seen`, and the datasets marked, cleared, or not known.

    `disagreement` is how the clock and the machine's uptime disagree since the scan before.
    """

    seen: int
    marked: tuple[str, ...]
    cleared: tuple[str, ...]
    unknown: tuple[str, ...]
    scanned_at: datetime
    disagreement: ClockDisagreement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """Sweep plan: the eligible datasets, those left to a person with the reason, and why the sweep is refused.

    A plan that is only shown names the first of them; `more_eligible` and `more_skipped` count the others. `clock` is
    the check that finds the clock in doubt: then the sweep takes nothing, and asks nobody.
    """

    eligible: tuple[Dataset, ...]
    skipped: tuple[tuple[Dataset, BlockingCheck], ...]
    refused: str | None
    clock: BlockingCheck | None = None
    more_eligible: int = 0
    more_skipped: int = 0

    @property
    def to_approve(self) -> tuple[Dataset, ...]:
        """The skipped datasets that need nothing but a person's approval."""
        return tuple(each for each, check in self.skipped if check.code == "confirmation_required")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """Sweep result: the datasets taken down or failed, and the approval requests for the others; empty for a dry run.

    `asked` is the one request for the whole list, when the sweep exceeds its caps.
    """

    plan: SweepPlan
    taken: tuple[Dataset, ...] = ()
    failed: tuple[tuple[Dataset, LifecycleError], ...] = ()
    requests: tuple[Approval, ...] = ()
    asked: Approval | None = None
