"""Rules of orphans: when a dataset is an orphan, how its grace is counted, and when it may be taken down.

An orphan is a dataset that its journey no longer protects. Grace is counted in scans and never computed from the clock:
each complete scan adds the time that it may count (`clocks.py`), at most 26 hours. So neither a clock that jumps, once
or to and fro, nor a missed scan uses it up.
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
    OrphanReason.JOURNEY_MISSING: "Ask a person to add the journey again, or to take the dataset down.",
    OrphanReason.STAGE_PASSED: "Ask a person to decide: the journey has left this stage.",
}
"""The reasons for which no sweep takes a dataset down, with what a person can do."""


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

    `journey` is the stored journey, None when there is none. Only READY, VALIDATING and FAILED datasets that no saga
    works on can be orphans.
    """
    if not can_be_orphan(dataset) or isinstance(journey, UnreadableRow):
        return None
    if journey is None:
        return OrphanReason.JOURNEY_MISSING
    journey_now = journey.as_of(now)
    if journey_now.state not in _LIVING:
        return OrphanReason(f"journey_{journey_now.state}")
    return OrphanReason.STAGE_PASSED if journey_now.stage.order > dataset.stage.order else None


def check_orphan_teardown(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime, grace: timedelta
) -> BlockingCheck | None:
    """The check that forbids to take the dataset down as an orphan; None when none does."""
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
            what="It is not an orphan: its journey protects it, or work on it is running.",
            clears="Give the reason that is true, if there is one.",
            recovery=Recovery.FIX_INPUT,
        )
    if reason in HUMAN_DECISION_REASONS:
        return BlockingCheck(
            code="reason_not_true",
            what=f"It is an orphan for the reason {reason}, on which a person decides.",
            clears=HUMAN_DECISION_REASONS[reason],
            recovery=Recovery.NEEDS_HUMAN,
        )
    days = grace / DAY
    mark = current_orphan_mark(dataset)
    if mark is None:
        return BlockingCheck(
            code="reason_not_true",
            what="No scan has found it to be an orphan since it was last used.",
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
    """The check that forbids a sweep to take the dataset down without a person; None when none does."""
    check = check_orphan_teardown(dataset, journey, now, grace) or check_protection(dataset, now)
    if check or dataset.stage is Stage.SANDBOX:
        return check
    return BlockingCheck(
        code="confirmation_required",
        what=f"It is at {dataset.stage}, where every teardown needs an approval.",
        clears="Have a person approve its teardown.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def next_orphan_mark(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime, passed: timedelta
) -> OrphanMark | None:
    """The dataset's orphan mark after a complete scan at `now`, which may count the time `passed`.

    When the journey's state is not known, the mark does not change. A dataset that was used since it was marked gets a
    new mark.
    """
    if not can_be_orphan(dataset) or unknown_protection_reason(dataset, journey, now):
        return dataset.orphan
    reason = orphan_reason(dataset, journey, now)
    if reason is None or check_protection(dataset, now):
        return None
    mark = current_orphan_mark(dataset)
    if mark is None:
        return OrphanMark(orphaned_at=now, reason=reason)
    # Bounded on both sides: a clock that jumps must neither take grace back nor use it up at once.
    counted = min(max(passed, timedelta(0)), MAX_GRACE_PER_SCAN)
    return replace(mark, reason=reason, served=mark.served + counted.total_seconds())


def can_be_orphan(dataset: Dataset) -> bool:
    """Whether a dataset of this status can be an orphan; never while a saga works on it."""
    return dataset.status in ORPHANABLE_STATUSES and dataset.run is None


def unknown_protection_reason(
    dataset: Dataset, journey: Journey | UnreadableRow | None, now: datetime
) -> str | None:
    """Why it is not known whether the journey protects the dataset; None when it is known."""
    if isinstance(journey, UnreadableRow):
        return f"Its journey {dataset.journey_id!r} cannot be read, so it is not known whether it is in use."
    if journey is None:
        return None
    journey_now = journey.as_of(now)
    if journey_now.state in _LIVING and journey_now.stage.order < dataset.stage.order:
        where = f"at {journey_now.stage}, a stage before the dataset's"
        return f"Its journey {dataset.journey_id!r} is {where}, which is an error."
    return None


def current_orphan_mark(dataset: Dataset) -> OrphanMark | None:
    """The orphan mark; None when the dataset was used after it was marked."""
    mark = dataset.orphan
    return mark if mark and dataset.last_used_at <= mark.orphaned_at else None


def protected_until(dataset: Dataset, now: datetime) -> datetime | None:
    """Until when the dataset is protected; None when it is not protected at `now`."""
    until = dataset.protected_until
    return until if until is not None and until > now else None


def check_protection(dataset: Dataset, now: datetime) -> BlockingCheck | None:
    """The check that forbids a teardown while the dataset is protected; None when it is not."""
    until = protected_until(dataset, now)
    if until is None:
        return None
    return BlockingCheck(
        code="dataset_protected",
        what=f"It is protected until {format_timestamp(until)}.",
        clears="Wait until then, or ask a person to end the protection.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def span_in_days(span: timedelta) -> float:
    """A duration in days, rounded down to tenths, so that less than a day never shows as one."""
    return math.floor(span / DAY * 10) / 10
