"""`schedules`: list the schedules with their last and next runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.output import render_table

if TYPE_CHECKING:
    from domain.governance import ScheduledRun, ScheduleStatus

app = typer.Typer(help="List the schedules, with their last and next runs.", no_args_is_help=True)
_COLUMNS = ("schedule", "when", "last", "outcome", "result", "next")


@app.callback()
def group() -> None:
    """Keep the group's name: typer would drop it while the group has only one command."""


@command(app, "list")
async def list_schedules(run: Invocation) -> None:
    """List the schedules, each with its last run in any process, and its next one."""
    async with run.open_services() as services:
        found = await services.schedules.list()
    run.output.print_answer(
        {"items": [_serialize_schedule(each) for each in found], "count": len(found)},
        render_table(_COLUMNS, map(_row, found), empty=""),
        "Servers (`serve`) on this store run them, except those started with --no-schedules.",
    )


def _serialize_schedule(scheduled: ScheduleStatus) -> dict[str, Any]:
    values = {
        "name": scheduled.plan.name,
        "when": scheduled.plan.description,
        "last": _serialize_scheduled_run(scheduled.last) if scheduled.last else None,
        "next_at": format_timestamp(scheduled.next_at),
    }
    return {name: value for name, value in values.items() if value is not None}


def _serialize_scheduled_run(last: ScheduledRun) -> dict[str, Any]:
    values = {
        "tick": last.tick,
        "began_at": format_timestamp(last.began_at),
        "ended_at": format_timestamp(last.ended_at),
        "outcome": last.outcome,
        "told": last.told,
        "error": last.error,
    }
    return {name: value for name, value in values.items() if value}


def _row(scheduled: ScheduleStatus) -> tuple[object, ...]:
    last = scheduled.last
    if last is None:
        return (scheduled.plan.name, scheduled.plan.description, None, None, None, scheduled.next_at)
    result = last.error["message"] if last.error else _format_counts(last.told or {})
    return (
        scheduled.plan.name,
        scheduled.plan.description,
        last.began_at,
        last.outcome,
        result or None,
        scheduled.next_at,
    )


def _format_counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
