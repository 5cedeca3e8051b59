"""`serve`: run the MCP server."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from server.cli.command import Invocation, command


class Transport(StrEnum):
    """How clients reach the server."""

    STDIO = "stdio"
    HTTP = "http"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "serve")(serve)


def serve(
    run: Invocation,
    transport: Annotated[
        Transport, typer.Option("--transport", help="stdio for one client, http for many.")
    ] = Transport.STDIO,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; beyond loopback it needs `identity`.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=0, max=65_535)] = 8000,
    toolsets: Annotated[str, typer.Option("--toolsets", help="Further toolsets, separated by commas.")] = "",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer only tools that change nothing.")
    ] = False,
    no_schedules: Annotated[
        bool,
        typer.Option("--no-schedules", help="Leave the schedules to other servers; --read-only implies it."),
    ] = False,
) -> None:
    """Serve the tools to MCP clients, until the client disconnects (stdio) or a signal comes."""
    from server.infra.imports import pause_garbage_collection

    # A host waits for the first answer, and garbage collection while importing delays it.
    with pause_garbage_collection():
        from server.mcp_server.serve import run_server

        settings = run.load_settings()
    run_server(
        settings,
        transport.value,
        host,
        port,
        read_only=read_only,
        schedules=not (no_schedules or read_only),
        toolsets=tuple(each.strip() for each in toolsets.split(",") if each.strip()),
    )
