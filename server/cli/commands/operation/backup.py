"""`backup`: a copy of the data folder, taken while it is worked on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from server.cli.command import Invocation, command
from server.cli.output import format_value, render_facts


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "backup")(back_up_data_folder)


async def back_up_data_folder(
    run: Invocation,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Where to; a folder that is not there yet.")
    ],
) -> None:
    """Copy the data folder as it stands at one instant, whatever runs on it. The copy is a data folder, too."""
    from anyio import to_thread

    from server.composition.backup import create_backup

    done = await to_thread.run_sync(create_backup, run.load_settings(), to.absolute())
    unstaged = ", ".join(done.unstaged)
    run.output.print_answer(
        {"folder": str(to.absolute()), **asdict(done)},
        f"Everything as it stood at {done.at} is in {format_value(to)}.",
        render_facts(
            (
                ("still running", done.running or None),
                ("last event", done.last_event),
                ("audit head", done.audit_head),
                ("not copied", ", ".join(done.elsewhere)),
                ("not staged", unstaged and f"{unstaged}: no staged documents were found"),
            )
        ),
    )
