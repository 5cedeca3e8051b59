"""`drain`: have what runs end, and nothing new made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.output import format_value, render_table

if TYPE_CHECKING:
    from domain.lifecycle import DrainStatus

app = typer.Typer(help="Have what runs end, and nothing new made.", no_args_is_help=True)


@command(app, "on")
async def start_drain(run: Invocation) -> None:
    """Refuse new provisions, retries and restores from now on, in every process; what runs goes on to its end."""
    async with run.open_services() as services:
        _print_drain_status(run, await services.drain.begin_drain(run.principal))


@command(app, "off")
async def stop_drain(run: Invocation) -> None:
    """Let new datasets be made again."""
    async with run.open_services() as services:
        _print_drain_status(run, await services.drain.end_drain(run.principal))


@command(app, "status")
async def show_drain_status(
    run: Invocation,
    wait: Annotated[bool, typer.Option("--wait", help="Answer when nothing runs any more.")] = False,
) -> None:
    """Tell whether new datasets are refused, and what still runs."""
    async with run.open_services() as services:
        ask = services.drain.wait_until_idle if wait else services.drain.load_status
        _print_drain_status(run, await ask())


def _print_drain_status(run: Invocation, drain: DrainStatus) -> None:
    running = [(each.name, each.dataset_id, each.run) for each in drain.running if each.run]
    document: dict[str, Any] = {
        "draining": drain.draining,
        **({"since": format_timestamp(drain.since), "by": drain.by} if drain.draining else {}),
        "running": [
            {
                "name": name,
                "dataset_id": dataset_id,
                "kind": each.kind,
                "since": format_timestamp(each.started_at),
            }
            for name, dataset_id, each in running
        ],
    }
    told = (
        f"Draining since {format_value(drain.since)}, begun by {format_value(drain.by)}: nothing new is made."
        if drain.draining
        else "Not draining: new datasets are made."
    )
    rows = [(name, each.kind, each.started_at, dataset_id) for name, dataset_id, each in running]
    columns = ("still running", "what", "since", "id")
    run.output.print_answer(document, told, render_table(columns, rows, empty="Nothing runs."))
