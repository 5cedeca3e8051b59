"""`glean-sandbox`: the Glean emulator on a port of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.command import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "glean-sandbox")(serve_glean_sandbox)


def serve_glean_sandbox(
    run: Invocation,
    port: Annotated[int, typer.Option("--port", help="Where to listen.", min=0, max=65_535)] = 8765,
    token: Annotated[
        str | None,
        typer.Option("--token", help="What clients must present; a new one unless said.", show_default=False),
    ] = None,
) -> None:
    """Serve the data folder's Glean sandbox, for a look at what search finds; a page for people is at `/`."""
    from domain.errors import InvalidArgumentError
    from server.composition.glean import serve_sandbox

    try:
        serve_sandbox(run.load_settings(), "127.0.0.1", port, token)
    except OSError as error:
        message = f"Port {port} of 127.0.0.1 cannot be listened on: {error.strerror}."
        raise InvalidArgumentError(
            message, field="port", suggested_action="Choose another --port."
        ) from error
