"""`sanitize`: show what becomes of an export of production records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode

app = typer.Typer(help="Show what becomes of an export of production records.", no_args_is_help=True)
_SAMPLES: Final = 10
_MADE_UP: Final = (
    "No key is given or configured, so the pseudonyms below are of a key that was made up for this once."
)


@app.callback()
def _group() -> None:
    """Show what becomes of an export of production records."""


@command(app, "preview")
async def preview_sanitization(
    run: Invocation,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="The folder of the export, with a file for each of the four types."
        ),
    ],
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="The file with the key; by default the configured key.",
            show_default=False,
        ),
    ] = None,
) -> ExitCode | None:
    """Sanitize an export without making a dataset: what is replaced, what is left, and ten records.

    Nothing of the export is shown as it was. Exit code 1 when the leak check finds something.
    """
    from anyio import to_thread

    from server.cli.views.content import sanitization as views
    from server.composition.templates.sanitized import preview_export, read_key_file

    settings = run.load_settings().sanitization
    key = read_key_file(key_file) if key_file else None
    preview, is_key_made_up = await to_thread.run_sync(preview_export, settings, path, key, _SAMPLES)
    if is_key_made_up:
        run.output.print_note(_MADE_UP)
    run.output.print_answer(
        views.serialize_preview(preview, is_key_made_up=is_key_made_up), *views.render_preview(preview)
    )
    return ExitCode.FAILED if preview.leak_count else None
