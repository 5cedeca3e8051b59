"""`backup`: copy the data folder while it is in use."""

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
        Path, typer.Option("--to", metavar="FOLDER", help="The folder to create; it must not exist yet.")
    ],
) -> None:
    """Copy the data folder as it is at one instant, even while it is in use. The copy is a complete data folder."""
    from anyio import to_thread

    from server.composition.backup import create_backup

    manifest = await to_thread.run_sync(create_backup, run.load_settings(), to.absolute())
    unstaged = ", ".join(manifest.unstaged)
    run.output.print_answer(
        {"folder": str(to.absolute()), **asdict(manifest)},
        f"The data folder as it was at {manifest.at} is in {format_value(to)}.",
        render_facts(
            (
                ("still running", manifest.running or None),
                ("last event", manifest.last_event),
                ("audit head", manifest.audit_head),
                ("not copied", ", ".join(manifest.elsewhere)),
                ("not staged", unstaged and f"{unstaged}: found no staged documents"),
            )
        ),
    )
