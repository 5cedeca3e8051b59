"""`schedules`: what happens by itself, when it did last, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from domain.errors import instant
from server.cli.invocation import Invocation, command
from server.cli.output import table

if TYPE_CHECKING:
    from domain.schedules import Scheduled, Turn

app = typer.Typer(help="What happens by itself, and what came of it.", no_args_is_help=True)

_COLUMNS = ("schedule", "when", "last", "outcome", "what came of it", "next")


@app.callback()
def group() -> None:
    """Take the group's name even while it has one command only."""


@command(app, "list")
async def show_all(run: Invocation) -> None:
    """List the schedules, each with its last turn, in whichever process it was, and its next one."""
    async with run.services() as services:
        found = await services.schedules.list()
    run.output.answer(
        {"items": [_shown(each) for each in found], "count": len(found)},
        table(_COLUMNS, map(_row, found), empty=""),
        "They run in servers (`serve`) on this store, unless started with --no-schedules.",
    )


def _shown(scheduled: Scheduled) -> dict[str, Any]:
    known = {
        "name": scheduled.plan.name,
        "when": scheduled.plan.words,
        "last": _turn(scheduled.last) if scheduled.last else None,
        "next_at": instant(scheduled.next_at),
    }
    return {name: value for name, value in known.items() if value is not None}


def _turn(turn: Turn) -> dict[str, Any]:
    known = {
        "tick": turn.tick,
        "began_at": instant(turn.began_at),
        "ended_at": instant(turn.ended_at),
        "outcome": turn.outcome,
        "told": turn.told,
        "error": turn.error,
    }
    return {name: value for name, value in known.items() if value}


def _row(scheduled: Scheduled) -> tuple[object, ...]:
    last = scheduled.last
    if last is None:
        return (scheduled.plan.name, scheduled.plan.words, None, None, None, scheduled.next_at)
    said = last.error["message"] if last.error else _counts(last.told or {})
    return (
        scheduled.plan.name,
        scheduled.plan.words,
        last.began_at,
        last.outcome,
        said or None,
        scheduled.next_at,
    )


def _counts(told: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items() if count)
