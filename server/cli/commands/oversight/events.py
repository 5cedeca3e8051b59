"""`events`: list events with their webhook deliveries, and have an event delivered again."""

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

app = typer.Typer(
    help="List events and their deliveries to webhooks, and deliver again.", no_args_is_help=True
)
_COLUMNS = ("event", "what", "when", "dataset", "webhook", "state", "tries", "next", "last error")


@command(app, "list")
async def list_events(
    run: Invocation,
    parked: Annotated[
        bool, typer.Option("--parked", help="Only events with a parked (given up) delivery, oldest first.")
    ] = False,
    dataset_id: Annotated[
        str | None, typer.Option("--dataset-id", help="Only this dataset's.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many.", min=1, max=1000)] = 50,
) -> None:
    """List the latest events, each with its deliveries to webhooks."""
    if parked and dataset_id is not None:
        raise typer.BadParameter("--parked and --dataset-id exclude each other.")
    async with run.open_services() as services:
        if parked:
            events = await services.events.list_parked(run.principal, limit=limit)
        else:
            events = await services.events.list_latest(run.principal, dataset_id=dataset_id, limit=limit)
        unsettled = await services.events.list_unsettled_webhooks()
    configured = {each.name for each in run.load_settings().events.webhooks}
    unknown = [each for each in unsettled if each.webhook not in configured]
    empty = "Nothing is parked." if parked else "Nothing has happened yet."
    run.output.print_answer(
        {
            "items": [_serialize_event(each) for each in events],
            "count": len(events),
            **({"not_configured": [_serialize_webhook_status(each) for each in unknown]} if unknown else {}),
        },
        render_table(_COLUMNS, (row for each in events for row in _delivery_rows(each)), empty=empty),
        *(
            f"The webhook {format_value(each.webhook)} is not configured here, so a server with these settings sends "
            f"it nothing: {each.waiting + each.behind} events wait, {each.parked} are parked."
            for each in unknown
        ),
    )


@command(app, "redeliver")
async def redeliver_event(
    run: Invocation,
    event: Annotated[str, typer.Argument(metavar="ID", help="The event's id, from the list or a receiver.")],
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", help="Only to this webhook; by default where parked.", show_default=False),
    ] = None,
) -> None:
    """Have the servers on this store send an event again: where it is parked, else to every webhook that had it."""
    async with run.open_services() as services:
        queued = await services.events.redeliver(event, run.principal, webhook=webhook)
    webhooks = [each.webhook for each in queued.deliveries if each.state == "waiting"]
    run.output.print_answer(
        _serialize_event(queued), f"{queued.id} is queued to be sent to {', '.join(webhooks)}."
    )


def _serialize_event(item: EventWithDeliveries) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.event.kind.value,
        "at": format_timestamp(item.event.at),
        "dataset_id": item.event.dataset_id,
        "client_id": item.event.client_id,
        "deliveries": [_serialize_delivery(each) for each in item.deliveries],
    }


def _serialize_webhook_status(status: WebhookStatus) -> dict[str, Any]:
    return {
        "webhook": status.webhook,
        "waiting": status.waiting,
        "behind": status.behind,
        "parked": status.parked,
    }


def _serialize_delivery(delivery: Delivery) -> dict[str, Any]:
    values = {
        "webhook": delivery.webhook,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due_at": format_timestamp(delivery.due_at) if delivery.state == "waiting" else None,
        "settled_at": format_timestamp(delivery.settled_at),
        "error": delivery.error,
    }
    return {name: value for name, value in values.items() if value is not None}


def _delivery_rows(item: EventWithDeliveries) -> Iterator[tuple[object, ...]]:
    event = (item.id, item.event.kind.value, item.event.at, item.event.dataset_id)
    for each in item.deliveries:
        due = each.due_at if each.state == "waiting" else None
        yield (*event, each.webhook, each.state.value, each.attempts, due, each.error)
    if not item.deliveries:
        yield (*event, None, None, None, None, None)
