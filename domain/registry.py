"""Clients and their journeys: who is served, at which stage, and whether still."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from domain.audit import note
from domain.errors import (
    ForbiddenError,
    InvalidArgumentError,
    PreconditionUnknownError,
    UnknownClientError,
    UnknownJourneyError,
)
from domain.identifiers import identifier, nearest
from domain.model import Client, Dataset, Journey, Unreadable
from domain.records import DatasetQuery
from domain.vocabulary import JOURNEY_TRANSITIONS, DatasetStatus, JourneyState

if TYPE_CHECKING:
    from datetime import datetime

    from domain.callers import Caller
    from domain.ports import Clock
    from domain.records import Records, Store
    from domain.vocabulary import Stage

_PAGE = 500
_LIVE = tuple(status for status in DatasetStatus if status is not DatasetStatus.ARCHIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A journey as it stands after a move, and the datasets that it protects no longer."""

    journey: Journey
    exposed: tuple[Dataset, ...]


def known_client(records: Records, client_id: str, caller: Caller) -> Client:
    """The client. Raises UnknownClientError for one that is not there, or that the caller may not touch."""
    client = records.client(client_id) if caller.may_touch(client_id) else None
    if client is None:
        seen = [each.client_id for each in records.clients() if caller.may_touch(each.client_id)]
        msg = f"There is no client {client_id!r}."
        raise UnknownClientError(msg, field="client_id", candidates=nearest(client_id, seen))
    return client


def known_journey(records: Records, client_id: str, journey_id: str, caller: Caller) -> Journey:
    """The journey of that client, as stored. To a caller bound to a journey there is no other.

    Raises UnknownJourneyError, also for another client's, and PreconditionUnknownError for one that cannot be read.
    """
    journey = records.journey(client_id, journey_id) if caller.may_change(journey_id) else None
    if journey is None:
        theirs = [
            each.journey_id
            for each in records.journeys(client_id=client_id)
            if isinstance(each, Journey) and caller.may_change(each.journey_id)
        ]
        msg = f"Client {client_id!r} has no journey {journey_id!r}."
        raise UnknownJourneyError(msg, field="journey_id", candidates=nearest(journey_id, theirs))
    if isinstance(journey, Unreadable):
        msg = f"The journey {journey_id!r} cannot be read: {journey.why}."
        raise PreconditionUnknownError(
            msg, field="journey_id", suggested_action="Have the journey's row repaired."
        )
    return journey


def one_journey(records: Records, journey_id: str, caller: Caller, client_id: str | None = None) -> Journey:
    """The journey of that id, as stored, among the clients that the caller may touch, or of that client.

    Raises UnknownClientError, UnknownJourneyError, InvalidArgumentError when several clients have one of that id, and
    PreconditionUnknownError for one that cannot be read.
    """
    if client_id is not None:
        known_client(records, client_id, caller)
        return known_journey(records, client_id, journey_id, caller)
    clients = _clients(records, caller)
    having = [each for each in clients if records.journey(each, journey_id) is not None]
    if len(having) == 1:
        return known_journey(records, having[0], journey_id, caller)
    if having:
        msg = f"Several clients have a journey {journey_id!r}."
        raise InvalidArgumentError(msg, field="client_id", candidates=tuple(having))
    found = [each for one in clients for each in records.journeys(client_id=one)]
    seen = [each.journey_id for each in found if isinstance(each, Journey)]
    msg = f"There is no journey {journey_id!r}."
    raise UnknownJourneyError(msg, field="journey_id", candidates=nearest(journey_id, seen))


class Registry:
    """Adds and moves clients and journeys."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Work on that store, by that clock."""
        self._store = store
        self._clock = clock

    async def add_client(self, client: Client, caller: Caller) -> Client:
        """Add a client; the same again changes nothing.

        Raises InvalidArgumentError for a malformed id, or one that is taken, also when it differs in case only, and
        ForbiddenError for a caller who is confined to other clients, or to one journey.
        """
        identifier(client.client_id, "client_id")
        for name in ("name", "industry", "use_case"):
            if not getattr(client, name).strip():
                msg = f"{name} must not be empty"
                raise InvalidArgumentError(msg, field=name)

        _unconfined(caller, client.client_id)

        def add(records: Records) -> Client:
            taken = records.client_spelt_like(client.client_id)
            if taken and taken != client:
                raise _taken(client.client_id, taken if caller.may_touch(taken.client_id) else None)
            if not taken:
                records.put_client(client)
                note(records, caller, "client added", client_id=client.client_id)
            return client

        return await self._store.transact(add)

    async def clients(self, caller: Caller) -> list[Client]:
        """Every client that the caller may touch, in order of id."""
        found = await self._store.read(lambda records: records.clients())
        return [each for each in found if caller.may_touch(each.client_id)]

    async def add_journey(self, journey: Journey, caller: Caller) -> Journey:
        """Add a journey; the same again changes nothing.

        Raises UnknownClientError, InvalidArgumentError for a malformed or taken id, or ForbiddenError for a caller who
        is confined to one journey.
        """
        identifier(journey.journey_id, "journey_id")
        _unbound(caller)

        def add(records: Records) -> Journey:
            known_client(records, journey.client_id, caller)
            taken = records.journey_spelt_like(journey.client_id, journey.journey_id)
            if taken == journey:
                return journey
            if taken is not None:
                msg = f"Client {journey.client_id!r} has a journey spelt {journey.journey_id!r} already, in some case."
                spelt = (taken.journey_id,) if isinstance(taken, Journey) else ()
                raise InvalidArgumentError(msg, field="journey_id", candidates=spelt)
            records.put_journey(journey)
            note(
                records,
                caller,
                "journey added",
                client_id=journey.client_id,
                journey_id=journey.journey_id,
                stage=journey.stage.value,
                state=journey.state.value,
            )
            return journey

        return await self._store.transact(add)

    async def journeys(self, caller: Caller, client_id: str | None = None) -> list[Journey | Unreadable]:
        """The journeys that the caller may touch, as they stand now; those that cannot be read say so."""

        def look(records: Records) -> list[Journey | Unreadable]:
            if client_id is not None:
                known_client(records, client_id, caller)
                return records.journeys(client_id=client_id)
            return [each for one in _clients(records, caller) for each in records.journeys(client_id=one)]

        now = self._clock.now()
        found = await self._store.read(look)
        return [each.at(now) if isinstance(each, Journey) else each for each in found]

    async def set_state(
        self, journey_id: str, state: JourneyState, caller: Caller, client_id: str | None = None
    ) -> Moved:
        """Move a journey to a state and tell which datasets it protects no longer.

        Raises UnknownJourneyError, or InvalidArgumentError for a move that the table does not have.
        """
        now = self._clock.now()

        def move(records: Records) -> Moved:
            before = one_journey(records, journey_id, caller, client_id)
            stands = before.at(now)
            if state is not stands.state and state not in JOURNEY_TRANSITIONS[stands.state]:
                can = tuple(sorted(JOURNEY_TRANSITIONS[stands.state]))
                msg = f"The journey {journey_id!r} is {stands.state}; it cannot become {state}."
                raise InvalidArgumentError(msg, field="state", candidates=can)
            after = replace(before, state=state)
            # A lease that lapsed long ago would end what is re-opened in the same moment.
            if after.at(now).state is not state:
                after = replace(after, lease_expires_at=None)
            moved = _moved(records, stands, after, now)
            _note_move(records, caller, before, after, moved)
            return moved

        return await self._store.transact(move)

    async def promote(
        self, journey_id: str, stage: Stage, caller: Caller, client_id: str | None = None
    ) -> Moved:
        """Move a journey forward to a stage, and tell which datasets of the stage it leaves are done with.

        Raises UnknownJourneyError, or InvalidArgumentError for a stage that it has left.
        """
        now = self._clock.now()

        def move(records: Records) -> Moved:
            before = one_journey(records, journey_id, caller, client_id)
            if stage.order < before.stage.order:
                msg = f"The journey {journey_id!r} is at {before.stage}; a stage only moves forward."
                raise InvalidArgumentError(msg, field="stage")
            after = replace(before, stage=stage)
            moved = _moved(records, before.at(now), after, now)
            _note_move(records, caller, before, after, moved)
            return moved

        return await self._store.transact(move)


def _unconfined(caller: Caller, client_id: str) -> None:
    """Raise ForbiddenError unless the caller may make that client, whatever there is already."""
    _unbound(caller)
    if not caller.may_touch(client_id):
        raise ForbiddenError(
            f"This caller is confined to some clients, and {client_id!r} is none of them.",
            field="client_id",
            suggested_action="Have an administrator add the client, or let this account touch it.",
        )


def _unbound(caller: Caller) -> None:
    if caller.journey_id is not None:
        raise ForbiddenError(
            f"This token is bound to the journey {caller.journey_id}; it adds no others.",
            suggested_action="Have whoever is responsible for the client's journeys do it.",
        )


def _taken(client_id: str, by: Client | None) -> InvalidArgumentError:
    """`by` is None where the caller is not told of it."""
    whom = f" by {by.client_id!r} ({by.name})" if by else " in another spelling"
    msg = f"The client id {client_id!r} is taken{whom}."
    return InvalidArgumentError(msg, field="client_id", candidates=(by.client_id,) if by else ())


def _note_move(records: Records, caller: Caller, before: Journey, after: Journey, moved: Moved) -> None:
    """The move is part of the life of each dataset at the stages that it concerns."""
    if after == before:
        return
    told: dict[str, Any] = {
        "journey_id": after.journey_id,
        "before": f"{before.state} at {before.stage}",
        "now": f"{after.state} at {after.stage}",
    }
    exposed = [each.dataset_id for each in moved.exposed]
    note(records, caller, "journey moved", client_id=after.client_id, exposed=exposed, **told)
    for stage in sorted({before.stage, after.stage}):
        for each in datasets_at(records, after, stage):
            freed = "yes" if each.dataset_id in exposed else "no"
            note(records, caller, "journey moved", dataset=each, protected_no_longer=freed, **told)


def _clients(records: Records, caller: Caller) -> list[str]:
    return [each.client_id for each in records.clients() if caller.may_touch(each.client_id)]


def _moved(records: Records, before: Journey, after: Journey, now: datetime) -> Moved:
    """Keep the move. `before` is the journey as it stood.

    To be protected again is a use of a dataset. A FAILED one is in nobody's use, so no move takes anything from it.
    """
    records.put_journey(after)
    stands = after.at(now)
    if stands.protects(stands.stage) and not before.protects(stands.stage):
        for each in datasets_at(records, stands, stands.stage):
            records.put_dataset(each.evolve(last_used_at=now))
    if not before.protects(before.stage) or stands.protects(before.stage):
        return Moved(journey=stands, exposed=())
    left = datasets_at(records, before, before.stage)
    return Moved(
        journey=stands, exposed=tuple(each for each in left if each.status is not DatasetStatus.FAILED)
    )


def datasets_at(records: Records, journey: Journey, stage: Stage) -> list[Dataset]:
    """The live datasets of the journey at that stage."""
    return records.datasets(
        DatasetQuery(
            client_id=journey.client_id,
            journey_id=journey.journey_id,
            stage=stage,
            statuses=_LIVE,
            limit=_PAGE,
        )
    )
