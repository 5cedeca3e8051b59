"""Finding about the clock: whether it agrees with the machine's uptime, and whether scans count grace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import format_timestamp
from domain.policy import MAX_CLOCK_DISAGREEMENT, check_clock, load_clock_record
from server.doctor.report import Finding

if TYPE_CHECKING:
    from domain.model import ClockReading
    from domain.ports import UnitOfWork

_AREA: Final = "clock"
_NO_UPTIME: Final = (
    "this machine tells no uptime, so a scan counts 26 hours of grace at most, whatever the clock says"
)
_NOTHING_TO_COMPARE: Final = (
    "no scan of orphans since this machine was started, so there is nothing to compare it with"
)
_AHEAD: Final = (
    "Check the time of every machine that scans; the grace of orphans counts again from that instant on."
)


def find_clock_problem(uow: UnitOfWork, reading: ClockReading) -> Finding:
    """Make the finding, from what the scans of orphans have seen and the reading of this moment."""
    doubt, record = check_clock(uow, reading), load_clock_record(uow)
    if doubt:
        message = f"{doubt.what} No sweep and no purge takes anything."
        return Finding(area=_AREA, ok=False, message=message, action=doubt.clears)
    if record and record.latest - reading.at > MAX_CLOCK_DISAGREEMENT:
        message = f"a scan has seen {format_timestamp(record.latest)}, which is still to come, so no scan counts grace"
        return Finding(area=_AREA, ok=True, warning=True, message=message, action=_AHEAD)
    if reading.uptime is None:
        return Finding(area=_AREA, ok=True, message=_NO_UPTIME)
    last = record.last if record else None
    if last is None or last.uptime is None or last.uptime.boot != reading.uptime.boot:
        return Finding(area=_AREA, ok=True, message=_NOTHING_TO_COMPARE)
    message = f"agrees with the machine's uptime since the scan of orphans at {format_timestamp(last.at)}"
    return Finding(area=_AREA, ok=True, message=message)
