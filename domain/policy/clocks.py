"""Rules of the clock: how much time a run may count, and when nothing is deleted because the clock is in doubt.

The clock can be set, by a person or by a time server that is wrong; the uptime clock of a machine cannot. So a run
counts only the time past the latest instant that any run has seen: a clock that goes to and fro serves nothing. Between
two runs of one boot it counts no more than the uptime clock says has passed. Across boots and machines, and where a
machine does not tell its uptime, the rest of the rules has to do.

A time that has to outlive its process (the deadline of a sync, a backoff, a re-check that may have died, the window of
a rate limit) is stored as a reading, and measured by `time_since`. Within a process a wait is measured by the monotonic
clock alone. An instant decides by itself only where a person means a date: leases, protections, retention, schedules.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from domain.errors import BlockingCheck, PreconditionUnknownError, Recovery
from domain.model import ClockDisagreement, ClockReading, ClockRecord
from domain.ports import Setting

if TYPE_CHECKING:
    from domain.ports import Clock, UnitOfWork

MAX_CLOCK_DISAGREEMENT: Final = timedelta(hours=1)
_SET_THE_CLOCK: Final = (
    "Check the time of the machine (`dataset-lifecycle doctor`) and set it right where it is wrong. The next scan of "
    "orphans that finds the clock and the uptime in agreement, an hour or more later, clears this."
)


ClockSetting: TypeAlias = "Setting[ClockRecord | datetime]"
"""A former release stored nothing but the instant of the last run."""


def _clock_setting(name: str) -> ClockSetting:
    return Setting(name, cast("type[ClockRecord | datetime]", ClockRecord | datetime))


ORPHAN_SCAN_CLOCK: Final = _clock_setting("orphans.last_scan")
RETENTION_CLOCK: Final = _clock_setting("archives.last_retention")


def read_clock(clock: Clock) -> ClockReading:
    """Read the clock and the uptime."""
    return ClockReading(at=clock.now(), uptime=clock.uptime())


def load_clock_record(uow: UnitOfWork, setting: ClockSetting = ORPHAN_SCAN_CLOCK) -> ClockRecord | None:
    """What the runs of that kind have seen of the clock; None before the first one."""
    stored = uow.settings.get(setting)
    if isinstance(stored, datetime):
        return ClockRecord(latest=stored, last=ClockReading(at=stored))
    return stored


def time_to_count(record: ClockRecord | None, reading: ClockReading) -> timedelta:
    """How much time a run at that reading may count."""
    if record is None:
        return timedelta()
    passed, lived = reading.at - record.latest, _uptime_since(record.last, reading)
    return max(timedelta(), passed if lived is None else min(passed, lived))


def time_since(then: ClockReading, now: ClockReading) -> timedelta | None:
    """How much time has passed since a stored reading; None when that cannot be told.

    By the uptime within one boot, whatever was done to the clock meanwhile. Across boots and machines, and without an
    uptime, by the clock; one that reads earlier than the stored reading tells nothing.
    """
    lived = _uptime_since(then, now)
    if lived is not None:
        return max(timedelta(), lived)  # two readings of one moment may be stored in either order
    passed = now.at - then.at
    return None if passed < timedelta() else passed


def find_clock_disagreement(record: ClockRecord, reading: ClockReading) -> ClockDisagreement | None:
    """How the clock and the uptime disagree since the last run; None when they agree, or cannot be compared."""
    lived = _uptime_since(record.last, reading)
    if lived is None:
        return None
    passed = reading.at - record.last.at
    if abs(passed - lived) <= MAX_CLOCK_DISAGREEMENT:
        return None
    return ClockDisagreement(clock_s=passed.total_seconds(), uptime_s=lived.total_seconds())


def next_clock_record(record: ClockRecord | None, reading: ClockReading) -> ClockRecord:
    """What has been seen of the clock after a run at that reading."""
    if record is None:
        return ClockRecord(latest=reading.at, last=reading)
    lived = _uptime_since(record.last, reading)
    # Of two runs at once the one that began earlier may end later. Its reading would let the time between count twice.
    behind = lived is not None and lived < timedelta()
    # A run that is repeated at once, as after the death of its process, clears nothing.
    repeated = lived is not None and lived < MAX_CLOCK_DISAGREEMENT
    found = find_clock_disagreement(record, reading) or (record.disagreement if repeated else None)
    return ClockRecord(
        latest=max(record.latest, reading.at), last=record.last if behind else reading, disagreement=found
    )


def check_clock(uow: UnitOfWork, reading: ClockReading) -> BlockingCheck | None:
    """The check that forbids to delete what time alone has made due; None when the clock is not in doubt.

    It is in doubt while the last scan of orphans found that the clock disagrees with the uptime, and when it disagrees
    now.
    """
    record = load_clock_record(uow)
    if record is None:
        return None
    found = find_clock_disagreement(record, reading) or record.disagreement
    return clock_block(found) if found else None


def clock_block(found: ClockDisagreement) -> BlockingCheck:
    """The check that finds the clock in doubt."""
    return BlockingCheck(
        code=PreconditionUnknownError.code,
        what=f"It is not known how much time has passed. {found.message}",
        clears=_SET_THE_CLOCK,
        recovery=Recovery.NEEDS_HUMAN,
    )


def clock_refusal(check: BlockingCheck, what: str) -> PreconditionUnknownError:
    """The refusal of work on what time alone has made due; `what` says what was not done."""
    return PreconditionUnknownError(
        f"{what} {check.what}",
        recovery=check.recovery,
        blocking=(check,),
        suggested_action=check.clears,
    )


def _uptime_since(last: ClockReading, reading: ClockReading) -> timedelta | None:
    """The time since a reading by the uptime clock; None across boots and machines, or where it is not told."""
    before, now = last.uptime, reading.uptime
    if before is None or now is None or before.boot != now.boot:
        return None
    return timedelta(seconds=now.seconds - before.seconds)
