"""Schedules: what a server does by itself, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zlib import crc32

HEALTH_SCHEDULE: Final = "health"
ORPHAN_SCAN_SCHEDULE: Final = "orphan_scan"
ORPHAN_SWEEP_SCHEDULE: Final = "orphan_sweep"
RETENTION_SCHEDULE: Final = "archive_retention"
REDELIVERY_SCHEDULE: Final = "event_redelivery"
WORKFLOW_PURGE_SCHEDULE: Final = "workflow_purge"
REFRESH_SCHEDULE: Final = "refresh"
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Schedule: every minute, or daily at a time of day in UTC; `off` for never.

    `offset` is where in the minute the runs of an every-minute schedule begin.
    """

    name: str
    at: time | None = None
    off: bool = False
    offset: timedelta = timedelta()

    @property
    def description(self) -> str:
        """The schedule in words."""
        if self.off:
            return "off"
        return "every minute" if self.at is None else f"daily at {self.at:%H:%M} UTC"

    @property
    def period(self) -> timedelta:
        """The time from one run to the next."""
        return _MINUTE if self.at is None else _DAY

    def offset_for(self, installation: str) -> Schedule:
        """The schedule at the installation's own second, so that many installations do not call one Glean at once."""
        if self.at is not None:
            return self
        return replace(self, offset=timedelta(seconds=crc32(installation.encode()) % 60))

    def due_since(self, now: datetime) -> datetime:
        """When the current run became due."""
        if self.at is None:
            return (now - self.offset).replace(second=0, microsecond=0) + self.offset
        today = datetime.combine(now.date(), self.at, UTC)
        return today if today <= now else today - _DAY

    def tick(self, now: datetime) -> str:
        """The tick of the current run: `2026-03-01T12:05`, or `2026-03-01` for a daily one."""
        since = self.due_since(now)
        return f"{since:%Y-%m-%dT%H:%M}" if self.at is None else f"{since:%Y-%m-%d}"

    def next_due(self, now: datetime) -> datetime:
        """When the next run is due."""
        return self.due_since(now) + self.period
