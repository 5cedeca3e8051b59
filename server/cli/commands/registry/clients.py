"""`clients`: add and list the clients for whom datasets are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.model import Client
from server.cli.command import Invocation, command
from server.cli.listing import Cursor, Everything, Limit, Listing, Paging, load_by_key, print_listing
from server.cli.output import render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

app = typer.Typer(help="Add and list the clients for whom datasets are made.", no_args_is_help=True)


@command(app, "add")
async def add_client(
    run: Invocation,
    client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID", help="Letters, digits, '.', '_' and '-'.")],
    name: Annotated[str, typer.Option("--name", help="The client's name.")],
    industry: Annotated[str, typer.Option("--industry", help="Such as fintech; it selects the templates.")],
    use_case: Annotated[
        str, typer.Option("--use-case", help="Such as developer_productivity; it selects the templates.")
    ],
) -> None:
    """Add a client. Adding the same client again changes nothing."""
    from domain.model import Client

    client = Client(client_id=client_id, name=name, industry=industry, use_case=use_case)
    async with run.open_services() as services:
        added = await services.registry.add_client(client, run.principal)
    run.output.print_answer(
        _serialize_client(added), f"Client {added.client_id} ({added.name}) is registered."
    )


@command(app, "list")
async def list_clients(
    run: Invocation, limit: Limit = None, cursor: Cursor = None, everything: Everything = False
) -> None:
    """List the clients."""
    paging = Paging.parse(limit, cursor, everything=everything)
    async with run.open_services() as services:
        listing = Listing(
            load=load_by_key(
                "clients",
                lambda after, count: services.registry.list_clients(run.principal, after=after, limit=count),
                lambda last: last.client_id,
            ),
            serialize=_serialize_client,
            render=_render_clients,
        )
        await print_listing(run, listing, paging)


def _render_clients(found: Sequence[Client]) -> list[RenderableType]:
    rows = [(each.client_id, each.name, each.industry, each.use_case) for each in found]
    columns = ("client", "name", "industry", "use case")
    empty = (
        "There is no client yet. Add one with "
        "`dataset-lifecycle clients add CLIENT --name NAME --industry INDUSTRY --use-case USE_CASE`."
    )
    return [render_table(columns, rows, empty=empty)]


def _serialize_client(client: Client) -> dict[str, str]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "industry": client.industry,
        "use_case": client.use_case,
    }
