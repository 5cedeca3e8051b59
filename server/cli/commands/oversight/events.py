"""`events`: list events with their webhook deliveries, and have an event delivered again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.listing import (
    Cursor,
    Everything,
    Limit,
    Listing,
    Paging,
    load_by_key,
    parse_number,
    print_listing,
)
from server.cli.output import format_value, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

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
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the latest events, or with --all every event, in order, each with its deliveries to webhooks."""
    if parked and dataset_id is not None:
        raise typer.BadParameter("--parked and --dataset-id exclude each other.")
    paging = Paging.parse(limit, cursor, everything=everything)
    async with run.open_services() as services:
        unsettled = await services.events.list_unsettled_webhooks()
        configured = {each.name for each in run.load_settings().events.webhooks}
        unknown = [each for each in unsettled if each.webhook not in configured]

        async def load(key: str | None, count: int) -> Sequence[EventWithDeliveries]:
            number = parse_number(key)
            if parked:
                return await services.events.list_parked(run.principal, after=number, limit=count)
            if everything:
                return await services.events.list_oldest(
                    run.principal, dataset_id=dataset_id, after=number, limit=count
                )
            latest = await services.events.list_latest(
                run.principal, dataset_id=dataset_id, before=number, limit=count
            )
            return latest[::-1]

        listing = Listing(
            load=load_by_key("parked events" if parked else "events", load, lambda last: str(last.seq)),
            serialize=_serialize_event,
            render=partial(
                _render_events, empty="Nothing is parked." if parked else "Nothing has happened yet."
            ),
            extra=lambda: (
                {"not_configured": [_serialize_webhook_status(each) for each in unknown]} if unknown else {}
            ),
            notes=lambda: [
                f"The webhook {format_value(each.webhook)} is not configured here, so a server with these settings "
                f"sends it nothing: {each.waiting + each.behind} events wait, {each.parked} are parked."
                for each in unknown
            ],
            backwards=not parked and not everything,
        )
        await print_listing(run, listing, paging)


def _render_events(found: Sequence[EventWithDeliveries], empty: str) -> list[RenderableType]:
    return [render_table(_COLUMNS, (row for each in found for row in _delivery_rows(each)), empty=empty)]


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
