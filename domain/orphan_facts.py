"""What is said about orphans: the evidence, and what a scan or a sweep did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from domain.errors import BlockingCheck, LifecycleError
    from domain.model import Dataset
    from domain.orphans import OrphanReason
    from domain.requests import Approval
    from domain.vocabulary import JourneyState


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
class SweepCaps:
    """How much one sweep may take.

    `count` datasets, and the `share` of the live ones when more than `share_from` are due.
    """

    count: int = 25
    share: float = 0.30
    share_from: int = 10

    def sweep_refusal(self, due: int, live: int) -> str | None:
        """Why a sweep of that many takes nothing at all; None when it may go on."""
        if due > self.count:
            return f"{due} datasets are due, and one sweep takes {self.count} at most."
        if self._is_too_great(due, live):
            return f"{due} of {live} live datasets are due, and one sweep takes {self.share:.0%} of them at most."
        return None

    def purge_refusal(self, due: int, held: int) -> str | None:
        """Why a purge of that many archives, of those held, takes nothing at all; None when it may go on."""
        if due > self.count:
            return f"{due} archives are past their time, and one purge takes {self.count} at most."
        if self._is_too_great(due, held):
            share = f"{self.share:.0%}"
            return (
                f"{due} of {held} archives are past their time, and one purge takes {share} of them at most."
            )
        return None

    def _is_too_great(self, due: int, of: int) -> bool:
        return due > self.share_from and due > self.share * of


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
