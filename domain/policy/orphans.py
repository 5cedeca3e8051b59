"""When a dataset is an orphan, how its grace is counted, and when it may go.

An orphan is a dataset whose journey protects it no longer. Its grace is counted in scans and never read off the clock:
each complete scan adds the time since the one before it, 26 hours at most, so neither a clock that jumps once nor a
scan that is missed uses it up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import BlockingCheck, Recovery, format_timestamp
from domain.model import DatasetStatus, JourneyState, OrphanMark, OrphanReason, Stage, UnreadableRow

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Dataset, Journey

ORPHANABLE_STATUSES: Final = (DatasetStatus.READY, DatasetStatus.VALIDATING, DatasetStatus.FAILED)
MAX_GRACE_PER_SCAN: Final = timedelta(hours=26)
DAY: Final = timedelta(days=1)
_LIVING: Final = frozenset({JourneyState.ACTIVE, JourneyState.PAUSED})
HUMAN_DECISION_REASONS: Final = {
    OrphanReason.JOURNEY_MISSING: "Have a person add the journey again, or take the dataset down by hand.",
    OrphanReason.STAGE_PASSED: "Have a person decide: its journey has left this stage.",
}
"""The reasons that nothing acts on by itself, with what a person can do."""


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


def orphan_reason(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime
) -> OrphanReason | None:
    """Why the dataset is an orphan; None when it is not, or when that is not known.

    `journey` is as stored, None when there is none on record. Only READY, VALIDATING and FAILED datasets that no saga
    works on can be orphans.
    """
    if not can_be_orphan(dataset) or isinstance(journey, UnreadableRow):
        return None
    if journey is None:
        return OrphanReason.JOURNEY_MISSING
    stands = journey.as_of(now)
    if stands.state not in _LIVING:
        return OrphanReason(f"journey_{stands.state}")
    return OrphanReason.STAGE_PASSED if stands.stage.order > dataset.stage.order else None


def check_orphan_teardown(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime, grace: timedelta
) -> BlockingCheck | None:
    """What keeps the dataset from being taken down as an orphan; None when nothing does."""
    if why := unknown_protection_reason(dataset, journey, now):
        return BlockingCheck(
            code="precondition_unknown",
            what=why,
            clears="Have the journey's row repaired.",
            recovery=Recovery.NEEDS_HUMAN,
        )
    reason = orphan_reason(dataset, journey, now)
    if reason is None:
        return BlockingCheck(
            code="reason_not_true",
            what="It is no orphan: its journey protects it, or it is being worked on.",
            clears="Give the reason that is true, when there is one.",
            recovery=Recovery.FIX_INPUT,
        )
    if reason in HUMAN_DECISION_REASONS:
        return BlockingCheck(
            code="reason_not_true",
            what=f"It is an orphan that a person decides on ({reason}).",
            clears=HUMAN_DECISION_REASONS[reason],
            recovery=Recovery.NEEDS_HUMAN,
        )
    days = grace / DAY
    mark = current_orphan_mark(dataset)
    if mark is None:
        return BlockingCheck(
            code="reason_not_true",
            what="No scan has found it orphaned since it was last used.",
            clears=f"The daily scan marks it, and counts its grace of {days:g} days from then on.",
        )
    if mark.served >= grace.total_seconds():
        return None
    return BlockingCheck(
        code="reason_not_true",
        what=f"It has served {span_in_days(timedelta(seconds=mark.served)):g} of the {days:g} days of grace.",
        since=mark.orphaned_at,
        clears="Wait: the daily scans count the rest.",
    )


def check_sweep(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime, grace: timedelta
) -> BlockingCheck | None:
    """What keeps a sweep from taking the dataset by itself; None when nothing does."""
    check = check_orphan_teardown(dataset, journey, now, grace) or check_protection(dataset, now)
    if check or dataset.stage is Stage.SANDBOX:
        return check
    return BlockingCheck(
        code="confirmation_required",
        what=f"It is at {dataset.stage}, where no dataset goes without an approval.",
        clears="Have a person approve its teardown.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def next_orphan_mark(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime, passed: timedelta
) -> OrphanMark | None:
    """The dataset's mark after a complete scan at `now`, `passed` after the one before it.

    What is not known leaves the mark as it is. A dataset that was used since it was marked is marked afresh.
    """
    if not can_be_orphan(dataset) or unknown_protection_reason(dataset, journey, now):
        return dataset.orphan
    reason = orphan_reason(dataset, journey, now)
    if reason is None or check_protection(dataset, now):
        return None
    mark = current_orphan_mark(dataset)
    if mark is None:
        return OrphanMark(orphaned_at=now, reason=reason)
    counted = min(max(passed, timedelta(0)), MAX_GRACE_PER_SCAN)
    return replace(mark, reason=reason, served=mark.served + counted.total_seconds())


def can_be_orphan(dataset: Dataset) -> bool:
    """Whether the dataset's status and work at hand allow it to be an orphan at all."""
    return dataset.status in ORPHANABLE_STATUSES and dataset.run is None


def unknown_protection_reason(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime
) -> str | None:
    """Why nobody can tell whether the journey protects the dataset; None when that is known."""
    if isinstance(journey, UnreadableRow):
        return f"Its journey {dataset.journey_id!r} cannot be read, so whether it is in use is not known."
    if journey is None:
        return None
    stands = journey.as_of(now)
    if stands.state in _LIVING and stands.stage.order < dataset.stage.order:
        return f"Its journey {dataset.journey_id!r} is only at {stands.stage}, which no journey should be."
    return None


def current_orphan_mark(dataset: Dataset) -> OrphanMark | None:
    """The mark, unless the dataset was used after it was made."""
    mark = dataset.orphan
    return mark if mark and dataset.last_used_at <= mark.orphaned_at else None


def protected_until(dataset: Dataset, now: datetime) -> datetime | None:
    """Until when somebody asked for the dataset to be kept; None when nobody did, or not for longer."""
    until = dataset.protected_until
    return until if until is not None and until > now else None


def check_protection(dataset: Dataset, now: datetime) -> BlockingCheck | None:
    """That somebody asked for the dataset to be kept; None when nobody did, or not for longer."""
    until = protected_until(dataset, now)
    if until is None:
        return None
    return BlockingCheck(
        code="dataset_protected",
        what=f"It is to be kept until {format_timestamp(until)}.",
        clears="Wait until then, or have a person end the protection.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def span_in_days(span: timedelta) -> float:
    """A span in days, cut to tenths: what has not reached a day never shows as one."""
    return math.floor(span / DAY * 10) / 10
