"""`health`: check the connectors in Glean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.command import Invocation, command
from server.cli.output import format_duration, render_section, render_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tools.answers.health import HealthAnswer


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "health")(check_health)


async def check_health(
    run: Invocation,
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="Only this client's.", show_default=False)
    ] = None,
    dataset_id: Annotated[
        str | None, typer.Option("--dataset-id", help="Only this dataset's.", show_default=False)
    ] = None,
    connector_id: Annotated[
        str | None, typer.Option("--connector-id", help="Only this connector.", show_default=False)
    ] = None,
) -> None:
    """Check the connectors in Glean, and list the drift between Glean and our records. Changes nothing."""
    from tools.answers.health import health_answer

    async with run.open_services() as services:
        page = first = await services.health.check(
            run.principal, client_id=client_id, dataset_id=dataset_id, connector_id=connector_id
        )
        items = list(first.items)
        while page.next_cursor:
            page = await services.health.check(run.principal, client_id=client_id, cursor=page.next_cursor)
            items += page.items
    # Only the first page has the drift: it is of all datasources, not of the page's connectors.
    answer = health_answer(replace(first, items=tuple(items), next_cursor=None))
    run.output.print_answer(answer.as_dict(), *_render_health(answer))


def _render_health(answer: HealthAnswer) -> list[RenderableType]:
    rows = [
        (
            each.name,
            each.status.value,
            f"{format_duration(each.freshness_s)} ago" if each.freshness_s is not None else None,
            each.error_count_24h,
            each.connector_id,
        )
        for each in answer.items
    ]
    columns = ("connector", "status", "last synced", "errors in 24 h", "id")
    people: list[RenderableType] = [
        f"Glean: {answer.platform.address}",
        render_table(columns, rows, empty="There is no connector."),
    ]
    findings = [
        (each.name, finding.message, finding.suggested_action)
        for each in answer.items
        for finding in each.findings
    ]
    if findings:
        people.append(
            render_section("Findings", render_table(("connector", "what", "what to do"), findings, empty=""))
        )
    if answer.drift:
        drift = [(each.name, each.kind, each.suggested_action) for each in answer.drift]
        people.append(
            render_section("Drift", render_table(("datasource", "what", "what to do"), drift, empty=""))
        )
    return people
