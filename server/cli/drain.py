"""`drain`: have what runs end, and nothing new made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import instant
from server.cli.invocation import Invocation, command
from server.cli.output import plain, table

if TYPE_CHECKING:
    from domain.draining import Drain

app = typer.Typer(help="Have what runs end, and nothing new made.", no_args_is_help=True)


@command(app, "on")
async def on(run: Invocation) -> None:
    """Refuse new provisions, retries and restores from now on, in every process; what runs goes on to its end."""
    async with run.services() as services:
        _tell(run, await services.draining.on(run.caller))


@command(app, "off")
async def off(run: Invocation) -> None:
    """Let new datasets be made again."""
    async with run.services() as services:
        _tell(run, await services.draining.off(run.caller))


@command(app, "status")
async def status(
    run: Invocation,
    wait: Annotated[bool, typer.Option("--wait", help="Answer when nothing runs any more.")] = False,
) -> None:
    """Tell whether new datasets are refused, and what still runs."""
    async with run.services() as services:
        ask = services.draining.settled if wait else services.draining.status
        _tell(run, await ask())


def _tell(run: Invocation, drain: Drain) -> None:
    running = [(each.name, each.dataset_id, each.run) for each in drain.running if each.run]
    document: dict[str, Any] = {
        "draining": drain.draining,
        **({"since": instant(drain.since), "by": drain.by} if drain.draining else {}),
        "running": [
            {"name": name, "dataset_id": dataset_id, "kind": each.kind, "since": instant(each.started_at)}
            for name, dataset_id, each in running
        ],
    }
    told = (
        f"Draining since {plain(drain.since)}, begun by {plain(drain.by)}: nothing new is made."
        if drain.draining
        else "Not draining: new datasets are made."
    )
    rows = [(name, each.kind, each.started_at, dataset_id) for name, dataset_id, each in running]
    columns = ("still running", "what", "since", "id")
    run.output.answer(document, told, table(columns, rows, empty="Nothing runs."))
