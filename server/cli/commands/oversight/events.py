"""`events`: what happened, who was told of it, and telling it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.output import format_value, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.events import EventWithDeliveries, WebhookStatus
    from domain.model import Delivery

app = typer.Typer(help="What happened, and which webhooks were told of it.", no_args_is_help=True)
_COLUMNS = ("event", "what", "when", "dataset", "webhook", "state", "tries", "next", "last error")


@command(app, "list")
async def list_events(
    run: Invocation,
    parked: Annotated[
        bool, typer.Option("--parked", help="Only those that a webhook could not be told of, oldest first.")
    ] = False,
    dataset_id: Annotated[
        str | None, typer.Option("--dataset-id", help="Only this dataset's.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many.", min=1, max=1000)] = 50,
) -> None:
    """List the last events, each with how it stands with the webhooks that are told of it."""
    if parked and dataset_id is not None:
        raise typer.BadParameter("--parked and --dataset-id exclude each other.")
    async with run.open_services() as services:
        if parked:
            found = await services.events.list_parked(run.principal, limit=limit)
        else:
            found = await services.events.list_latest(run.principal, dataset_id=dataset_id, limit=limit)
        unsettled = await services.events.list_unsettled_webhooks()
    known = {each.name for each in run.load_settings().events.webhooks}
    unknown = [each for each in unsettled if each.webhook not in known]
    empty = "Nothing is parked." if parked else "Nothing has happened yet."
    run.output.print_answer(
        {
            "items": [_serialize_event(each) for each in found],
            "count": len(found),
            **({"not_configured": [_serialize_webhook_status(each) for each in unknown]} if unknown else {}),
        },
        render_table(_COLUMNS, (row for each in found for row in _delivery_rows(each)), empty=empty),
        *(
            f"{format_value(each.webhook)} is not configured here, and a server that is configured like this tells it "
            f"nothing: {each.waiting + each.behind} wait, {each.parked} parked."
            for each in unknown
        ),
    )


@command(app, "redeliver")
async def redeliver_event(
    run: Invocation,
    event: Annotated[
        str, typer.Argument(metavar="ID", help="The event's id, as a list or receiver shows it.")
    ],
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", help="Only to this one; else where it is parked.", show_default=False),
    ] = None,
) -> None:
    """Have an event sent again by the servers on this store: where it is parked, else wherever it was sent."""
    async with run.open_services() as services:
        told = await services.events.redeliver(event, run.principal, webhook=webhook)
    waiting = [each.webhook for each in told.deliveries if each.state == "waiting"]
    run.output.print_answer(_serialize_event(told), f"{told.id} waits to be sent to {', '.join(waiting)}.")


def _serialize_event(told: EventWithDeliveries) -> dict[str, Any]:
    return {
        "id": told.id,
        "kind": told.event.kind.value,
        "at": format_timestamp(told.event.at),
        "dataset_id": told.event.dataset_id,
        "client_id": told.event.client_id,
        "deliveries": [_serialize_delivery(each) for each in told.deliveries],
    }


def _serialize_webhook_status(standing: WebhookStatus) -> dict[str, Any]:
    return {
        "webhook": standing.webhook,
        "waiting": standing.waiting,
        "behind": standing.behind,
        "parked": standing.parked,
    }


def _serialize_delivery(delivery: Delivery) -> dict[str, Any]:
    waiting = delivery.state == "waiting"
    known = {
        "webhook": delivery.webhook,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due_at": format_timestamp(delivery.due_at) if waiting else None,
        "settled_at": format_timestamp(delivery.settled_at),
        "error": delivery.error,
    }
    return {name: value for name, value in known.items() if value is not None}


def _delivery_rows(told: EventWithDeliveries) -> Iterator[tuple[object, ...]]:
    event = (told.id, told.event.kind.value, told.event.at, told.event.dataset_id)
    for each in told.deliveries:
        due = each.due_at if each.state == "waiting" else None
        yield (*event, each.webhook, each.state.value, each.attempts, due, each.error)
    if not told.deliveries:
        yield (*event, None, None, None, None, None)
