"""Settings of schedules: what servers do by themselves, and when."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from domain.model import (
    HEALTH_SCHEDULE,
    ORPHAN_SCAN_SCHEDULE,
    ORPHAN_SWEEP_SCHEDULE,
    REDELIVERY_SCHEDULE,
    REFRESH_SCHEDULE,
    RETENTION_SCHEDULE,
    WORKFLOW_PURGE_SCHEDULE,
    Schedule,
)
from server.settings.fields import WORDS_FOR_OFF, NeverEmpty, Number, Section, WholeNumber

_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY: Final = 24 * 60
_HOUR: Final = 60
_EXPECTED: Final = "must be `off`, or a time of day in UTC such as '03:15'"


def _parse_time_of_day(value: object) -> object:
    """Parse a time of day. YAML reads `off` and `no` as false, and an unquoted 13:30 as a number of minutes.

    No value and 0 are refused: one person means "off" by them, and another midnight or the usual time.
    """
    if isinstance(value, time):
        return value
    if value is False or (isinstance(value, str) and value.strip().lower() in WORDS_FOR_OFF):
        return "off"
    # Minutes of an unquoted time are 60 or more: YAML reads 0:30 as text.
    if isinstance(value, int) and not isinstance(value, bool) and _HOUR <= value < _DAY:
        return time(value // 60, value % 60)
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_EXPECTED)
    return time(int(match[1]), int(match[2]))


TimeOfDay = Annotated[time | Literal["off"], BeforeValidator(_parse_time_of_day), NeverEmpty()]


class SchedulesSettings(Section):
    """What servers do by themselves. One running server does each, once. Times of day are in UTC."""

    health: bool = Field(
        default=True, description="Whether connectors are checked every minute, and changes announced."
    )
    settle_s: Number = Field(
        default=60,
        ge=0,
        le=3600,
        description="Seconds that a server must have served before it begins what deletes, replaces or sends again.",
    )
    orphan_scan: TimeOfDay = Field(default=time(3, 0), description="When orphans are found and marked.")
    orphan_sweep: TimeOfDay = Field(
        default=time(3, 30), description="When orphans whose grace is over are taken down."
    )
    archive_retention: TimeOfDay = Field(
        default=time(4, 0), description="When archives that were found expired on two days are deleted."
    )
    event_redelivery: TimeOfDay = Field(
        default=time(4, 30), description="When parked events of the last week are sent again."
    )
    workflow_purge: TimeOfDay = Field(
        default=time(5, 0), description="When the records of sagas that ended a month ago are deleted."
    )

    refresh: TimeOfDay = Field(
        default="off", description="When datasets whose source moves are populated anew, as of that day."
    )
    refresh_count: WholeNumber = Field(
        default=25,
        ge=1,
        le=10_000,
        description="How many datasets one run refreshes at most: those first that were populated longest ago.",
    )

    @property
    def plans(self) -> tuple[Schedule, ...]:
        """Every schedule, as configured."""
        daily = (
            (ORPHAN_SCAN_SCHEDULE, self.orphan_scan),
            (ORPHAN_SWEEP_SCHEDULE, self.orphan_sweep),
            (RETENTION_SCHEDULE, self.archive_retention),
            (REDELIVERY_SCHEDULE, self.event_redelivery),
            (WORKFLOW_PURGE_SCHEDULE, self.workflow_purge),
            (REFRESH_SCHEDULE, self.refresh),
        )
        return (
            Schedule(name=HEALTH_SCHEDULE, off=not self.health),
            *(
                Schedule(name=name, at=time(0), off=True) if at == "off" else Schedule(name=name, at=at)
                for name, at in daily
            ),
        )
