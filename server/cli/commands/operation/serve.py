"""`serve`: the MCP server."""

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
        str, typer.Option("--host", help="Where to listen; other machines need `identity`.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Where to listen.", min=0, max=65_535)] = 8000,
    toolsets: Annotated[str, typer.Option("--toolsets", help="Further tools, by commas.")] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="Only the tools that read.")] = False,
    no_schedules: Annotated[
        bool,
        typer.Option(
            "--no-schedules", help="Leave what happens by itself to other servers; --read-only does so, too."
        ),
    ] = False,
) -> None:
    """Serve the tools to MCP clients until they go away or a signal comes."""
    from server.infra.imports import pause_garbage_collection

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
