"""`drain`: refuse new datasets while the running sagas end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.output import format_value, render_table

if TYPE_CHECKING:
    from domain.lifecycle import DrainStatus

app = typer.Typer(help="Refuse new datasets, and let what runs come to its end.", no_args_is_help=True)


@command(app, "on")
async def start_drain(run: Invocation) -> None:
    """Refuse new provisions, retries and restores in every process. What runs continues to its end."""
    async with run.open_services() as services:
        _print_drain_status(run, await services.drain.begin_drain(run.principal))


@command(app, "off")
async def stop_drain(run: Invocation) -> None:
    """Allow new datasets again."""
    async with run.open_services() as services:
        _print_drain_status(run, await services.drain.end_drain(run.principal))


@command(app, "status")
async def show_drain_status(
    run: Invocation,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until nothing runs any more.")] = False,
) -> None:
    """Show whether new datasets are refused, and what still runs."""
    async with run.open_services() as services:
        load = services.drain.wait_until_idle if wait else services.drain.load_status
        _print_drain_status(run, await load())


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
    sentence = (
        f"Draining since {format_value(drain.since)}, started by {format_value(drain.by)}: new datasets are refused."
        if drain.draining
        else "Not draining: new datasets are allowed."
    )
    rows = [(name, each.kind, each.started_at, dataset_id) for name, dataset_id, each in running]
    columns = ("still running", "what", "since", "id")
    run.output.print_answer(document, sentence, render_table(columns, rows, empty="Nothing runs."))
