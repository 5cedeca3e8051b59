"""`journeys`: the clients' journeys through the stages, and their leases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import RenderableType

from domain.errors import format_timestamp
from domain.governance import JourneyChange, LeaseRenewal
from domain.model import Journey, JourneyState, Stage, UnreadableRow, parse_duration
from server.cli.command import Invocation, command, on_terminal
from server.cli.listing import (
    Chunk,
    Cursor,
    Everything,
    Limit,
    Listing,
    Paging,
    load_by_key,
    print_listing,
)
from server.cli.output import format_value, render_section, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.ports import JourneyKey

app = typer.Typer(help="Add, list and change the clients' journeys through the stages.", no_args_is_help=True)
_KEY_SEPARATOR: Final = "/"
"""Between the two ids of a journey's key in a cursor; no id contains it."""
JourneyId = Annotated[str, typer.Argument(metavar="JOURNEY_ID", help="The journey.")]
WhoseJourney = Annotated[
    str | None,
    typer.Option(
        "--client-id", help="The client, where two clients have a journey of that id.", show_default=False
    ),
]


@command(app, "add")
async def add_journey(
    run: Invocation,
    journey_id: JourneyId,
    client_id: Annotated[str, typer.Option("--client-id", help="The client whose journey it is.")],
    stage: Annotated[Stage, typer.Option("--stage", help="The stage that it is at.")],
    state: Annotated[
        JourneyState, typer.Option("--state", help="The journey's state.")
    ] = JourneyState.ACTIVE,
) -> None:
    """Add a journey. Adding the same journey again changes nothing."""
    journey = Journey(journey_id=journey_id, client_id=client_id, stage=stage, state=state)
    async with run.open_services() as services:
        added = await services.registry.add_journey(journey, run.principal)
    run.output.print_answer(_serialize_journey(added), _format_journey(added))


@command(app, "set-state")
async def set_journey_state(
    run: Invocation,
    journey_id: JourneyId,
    state: Annotated[JourneyState, typer.Argument(metavar="STATE", help="The new state.")],
    client_id: WhoseJourney = None,
) -> None:
    """Move a journey to another state, and list the datasets that it no longer protects."""
    async with run.open_services() as services:
        _print_journey_change(
            run, await services.registry.set_state(journey_id, state, run.principal, client_id)
        )


@command(app, "promote")
async def promote_journey(
    run: Invocation,
    journey_id: JourneyId,
    stage: Annotated[Stage, typer.Argument(metavar="STAGE", help="The stage to move to.")],
    client_id: WhoseJourney = None,
) -> None:
    """Move a journey forward to a stage, and list the datasets that it no longer protects."""
    async with run.open_services() as services:
        _print_journey_change(
            run, await services.registry.promote(journey_id, stage, run.principal, client_id)
        )


@command(app, "renew")
async def renew_lease(
    run: Invocation,
    journey_id: JourneyId,
    duration: Annotated[
        str,
        typer.Option("--for", metavar="DURATION", help="How long from now: 30m, 12h, 7d; 30 days at most."),
    ],
    client_id: WhoseJourney = None,
) -> None:
    """Renew an active journey's lease for a duration from now. When the lease ends, the journey expires.

    Without a terminal, a lease can only be lengthened. A journey without a lease protects its datasets indefinitely.
    """
    span = parse_duration(duration, "duration")
    async with run.open_services() as services:
        renewed = await services.leases.renew_lease(
            journey_id, span, run.principal, client_id, person=on_terminal()
        )
    until = format_value(renewed.journey.lease_expires_at)
    _print_journey_change(
        run, renewed, f"It protects these datasets only until {until}", f" Its lease runs until {until}."
    )


@command(app, "list")
async def list_journeys(
    run: Invocation,
    client_id: WhoseJourney = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the journeys with their present states."""
    paging = Paging.parse(limit, cursor, everything=everything)
    unreadable: list[UnreadableRow] = []
    async with run.open_services() as services:

        async def load(after: str | None, count: int) -> Sequence[tuple[JourneyKey, Journey | UnreadableRow]]:
            owner, _, journey_id = (after or "").partition(_KEY_SEPARATOR)
            return await services.registry.list_journeys(
                run.principal, client_id, after=(owner, journey_id), limit=count
            )

        load_chunk = load_by_key("journeys", load, lambda last: _KEY_SEPARATOR.join(last[0]))

        async def load_readable(cursor: str | None, count: int) -> Chunk[Journey]:
            chunk = await load_chunk(cursor, count)
            unreadable.extend(each for _, each in chunk.rows if isinstance(each, UnreadableRow))
            readable = [each for _, each in chunk.rows if isinstance(each, Journey)]
            return Chunk(rows=readable, next_cursor=chunk.next_cursor)

        listing = Listing(
            load=load_readable,
            serialize=_serialize_journey,
            render=_render_journeys,
            extra=lambda: (
                {"unreadable": [{"what": each.what, "why": each.why} for each in unreadable]}
                if unreadable
                else {}
            ),
            notes=lambda: [f"{each.what} cannot be read: {each.why}" for each in unreadable],
        )
        await print_listing(run, listing, paging)


def _render_journeys(found: Sequence[Journey]) -> list[RenderableType]:
    rows = [
        (each.journey_id, each.client_id, each.stage.value, each.state.value, each.lease_expires_at)
        for each in found
    ]
    columns = ("journey", "client", "stage", "state", "lease until")
    empty = (
        "There is no journey yet. Add one with "
        "`dataset-lifecycle journeys add JOURNEY --client-id CLIENT --stage sandbox`."
    )
    return [render_table(columns, rows, empty=empty)]


def _print_journey_change(
    run: Invocation,
    change: JourneyChange | LeaseRenewal,
    heading: str = "It no longer protects these datasets",
    suffix: str = "",
) -> None:
    exposed = [
        {
            "name": each.name,
            "dataset_id": each.dataset_id,
            "stage": each.stage.value,
            "dataset_type": each.dataset_type.value,
            "status": each.status.value,
        }
        for each in change.exposed
    ]
    people: list[RenderableType] = [_format_journey(change.journey) + suffix]
    if exposed:
        rows = [tuple(each.values()) for each in exposed]
        columns = ("name", "dataset", "stage", "type", "status")
        people.append(render_section(heading, render_table(columns, rows, empty="")))
    run.output.print_answer({**_serialize_journey(change.journey), "exposed": exposed}, *people)


def _format_journey(journey: Journey) -> str:
    return f"Journey {journey.journey_id} of {journey.client_id} is {journey.state} at {journey.stage}."


def _serialize_journey(journey: Journey) -> dict[str, str]:
    lease = format_timestamp(journey.lease_expires_at)
    return {
        "journey_id": journey.journey_id,
        "client_id": journey.client_id,
        "stage": journey.stage.value,
        "state": journey.state.value,
        **({"lease_expires_at": lease} if lease else {}),
    }
