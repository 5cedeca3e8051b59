"""Findings about schedules: whether their runs happen on time, and how they end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import format_timestamp
from server.doctor.report import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.governance import ScheduledRun, ScheduleStatus

_LATE: Final = timedelta(hours=1)
_MINUTE_LATE: Final = timedelta(minutes=5)
_NO_SERVER: Final = "Start `dataset-lifecycle serve`: it makes up for missed runs."
_NOT_KEPT: Final = (
    "A server runs, but none runs this schedule: start one with schedules (docs/schedules.md), and "
    "read its log."
)
_FAILED: Final = "See `dataset-lifecycle schedules list` and the servers' log; the next run tries again."
_REFUSED: Final = "A person must check what it found: docs/orphans.md says what a sweep may take down."


def schedule_findings(
    found: Sequence[ScheduleStatus], now: datetime, *, serving: bool, needed: bool = True
) -> list[Finding]:
    """Make a finding for each schedule.

    Args:
        found: the schedules.
        now: the current time.
        serving: whether a server runs.
        needed: whether there is a dataset; before the first one, servers run no schedule.
    """
    return [_schedule_finding(each, now, serving=serving, needed=needed) for each in found]


def _schedule_finding(scheduled: ScheduleStatus, now: datetime, *, serving: bool, needed: bool) -> Finding:
    plan, last = scheduled.plan, scheduled.last
    area = f"schedule {plan.name}"
    if scheduled.next_at is None:
        return Finding(area=area, ok=True, message="off")
    if last is None and not (serving and needed):
        begins = "a server runs it" if needed else "once there is a dataset, a server runs it"
        return Finding(area=area, ok=True, message=f"no run yet; {begins} {plan.description}")
    message = _describe_last_run(last)
    if last and last.outcome == "failed":
        return Finding(area=area, ok=False, message=message, action=_FAILED)
    late = needed and now - scheduled.next_at > (_MINUTE_LATE if plan.at is None else _LATE)
    stuck = last is not None and last.outcome == "running" and now - last.began_at > _LATE
    if last is None or late or stuck:
        action = _NOT_KEPT if serving else _NO_SERVER
        due = (
            f"{message}; the next one is due since {format_timestamp(scheduled.next_at)}" if late else message
        )
        return Finding(area=area, ok=True, warning=True, message=due, action=action)
    if last.outcome == "refused":
        return Finding(area=area, ok=True, warning=True, message=message, action=_REFUSED)
    return Finding(area=area, ok=True, message=f"{message}; next {format_timestamp(scheduled.next_at)}")


def _describe_last_run(last: ScheduledRun | None) -> str:
    if last is None:
        return "no run yet"
    summary = f"last run {format_timestamp(last.began_at)}: {last.outcome}"
    return f"{summary}, {last.error['message']}" if last.error else summary
