"""`schedules`: what happens by itself, when it did last, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.output import render_table

if TYPE_CHECKING:
    from domain.governance import ScheduledRun, ScheduleStatus

app = typer.Typer(help="What happens by itself, and what came of it.", no_args_is_help=True)
_COLUMNS = ("schedule", "when", "last", "outcome", "what came of it", "next")


@app.callback()
def group() -> None:
    """Take the group's name even while it has one command only."""


@command(app, "list")
async def list_schedules(run: Invocation) -> None:
    """List the schedules, each with its last turn, in whichever process it was, and its next one."""
    async with run.open_services() as services:
        found = await services.schedules.list()
    run.output.print_answer(
        {"items": [_serialize_schedule(each) for each in found], "count": len(found)},
        render_table(_COLUMNS, map(_row, found), empty=""),
        "They run in servers (`serve`) on this store, unless started with --no-schedules.",
    )


def _serialize_schedule(scheduled: ScheduleStatus) -> dict[str, Any]:
    known = {
        "name": scheduled.plan.name,
        "when": scheduled.plan.description,
        "last": _serialize_scheduled_run(scheduled.last) if scheduled.last else None,
        "next_at": format_timestamp(scheduled.next_at),
    }
    return {name: value for name, value in known.items() if value is not None}


def _serialize_scheduled_run(turn: ScheduledRun) -> dict[str, Any]:
    known = {
        "tick": turn.tick,
        "began_at": format_timestamp(turn.began_at),
        "ended_at": format_timestamp(turn.ended_at),
        "outcome": turn.outcome,
        "told": turn.told,
        "error": turn.error,
    }
    return {name: value for name, value in known.items() if value}


def _row(scheduled: ScheduleStatus) -> tuple[object, ...]:
    last = scheduled.last
    if last is None:
        return (scheduled.plan.name, scheduled.plan.description, None, None, None, scheduled.next_at)
    said = last.error["message"] if last.error else _format_counts(last.told or {})
    return (
        scheduled.plan.name,
        scheduled.plan.description,
        last.began_at,
        last.outcome,
        said or None,
        scheduled.next_at,
    )


def _format_counts(told: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items() if count)
