"""`glean-sandbox`: serve the Glean emulator on a port of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.command import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "glean-sandbox")(serve_glean_sandbox)


def serve_glean_sandbox(
    run: Invocation,
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=0, max=65_535)] = 8765,
    token: Annotated[
        str | None,
        typer.Option("--token", help="The token of clients; by default a new one.", show_default=False),
    ] = None,
) -> None:
    """Serve the data folder's Glean sandbox, to see what a search finds. `/` has a page for people."""
    from domain.errors import InvalidArgumentError
    from server.composition.glean.platform import serve_sandbox

    try:
        serve_sandbox(run.load_settings(), "127.0.0.1", port, token)
    except OSError as error:
        message = f"Cannot listen on port {port} of 127.0.0.1: {error.strerror}."
        raise InvalidArgumentError(
            message, field="port", suggested_action="Choose another --port."
        ) from error
