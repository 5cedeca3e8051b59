"""Clients and their journeys: who is served, at which stage, and whether still."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from domain.errors import (
    InvalidArgumentError,
    PreconditionUnknownError,
    UnknownClientError,
    UnknownJourneyError,
)
from domain.identifiers import identifier, nearest
from domain.model import (
    JOURNEY_TRANSITIONS,
    Client,
    Dataset,
    DatasetStatus,
    Journey,
    JourneyState,
    Unreadable,
)
from domain.ports import DatasetQuery

if TYPE_CHECKING:
    from domain.model import Caller, Stage
    from domain.ports import Clock, Records, Store

T = TypeVar("T")
_PAGE = 500
_IN_USE = tuple(status for status in DatasetStatus if status is not DatasetStatus.ARCHIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A journey after a move, and the datasets that it protects no longer."""

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


def known_journey(records: Records, client_id: str, journey_id: str) -> Journey:
    """The journey of that client, as stored.

    Raises UnknownJourneyError, also for another client's, and PreconditionUnknownError for one that cannot be read.
    """
    journey = records.journey(client_id, journey_id)
    if journey is None:
        theirs = [
            each.journey_id for each in records.journeys(client_id=client_id) if isinstance(each, Journey)
        ]
        msg = f"Client {client_id!r} has no journey {journey_id!r}."
        raise UnknownJourneyError(msg, field="journey_id", candidates=nearest(journey_id, theirs))
    if isinstance(journey, Unreadable):
        msg = f"The journey {journey_id!r} cannot be read: {journey.why}."
        raise PreconditionUnknownError(
            msg, field="journey_id", suggested_action="Have the journey's row repaired."
        )
    return journey


class Registry:
    """Adds and moves clients and journeys."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Work on that store, by that clock."""
        self._store = store
        self._clock = clock

    async def add_client(self, client: Client) -> Client:
        """Add a client; the same again changes nothing.

        Raises InvalidArgumentError for a malformed id, or one that is taken, also when it differs in case only.
        """
        identifier(client.client_id, "client_id")
        for name in ("name", "industry", "use_case"):
            if not getattr(client, name).strip():
                msg = f"{name} must not be empty"
                raise InvalidArgumentError(msg, field=name)

        def add(records: Records) -> Client:
            taken = records.client_spelt_like(client.client_id)
            if taken and taken != client:
                msg = f"The client id {client.client_id!r} is taken by {taken.client_id!r} ({taken.name})."
                raise InvalidArgumentError(msg, field="client_id", candidates=(taken.client_id,))
            if not taken:
                records.put_client(client)
            return client

        return await self._store.transact(add)

    async def clients(self, caller: Caller) -> list[Client]:
        """Every client that the caller may touch, in order of id."""
        found = await self._store.read(lambda records: records.clients())
        return [each for each in found if caller.may_touch(each.client_id)]

    async def add_journey(self, journey: Journey, caller: Caller) -> Journey:
        """Add a journey; the same again changes nothing.

        Raises UnknownClientError, or InvalidArgumentError for a malformed or taken id.
        """
        identifier(journey.journey_id, "journey_id")

        def add(records: Records) -> Journey:
            known_client(records, journey.client_id, caller)
            taken = records.journey_spelt_like(journey.client_id, journey.journey_id)
            if taken == journey:
                return journey
            if taken is not None:
                msg = f"Client {journey.client_id!r} has a journey spelt {journey.journey_id!r} already, in some case."
                raise InvalidArgumentError(msg, field="journey_id")
            records.put_journey(journey)
            return journey

        return await self._store.transact(add)

    async def journeys(self, caller: Caller, client_id: str | None = None) -> list[Journey | Unreadable]:
        """The journeys that the caller may touch, as they stand now; those that cannot be read say so."""

        def look(records: Records) -> list[Journey | Unreadable]:
            if client_id is not None:
                known_client(records, client_id, caller)
            return records.journeys(client_id=client_id)

        now = self._clock.now()
        return [
            each if isinstance(each, Unreadable) else each.at(now)
            for each in await self._store.read(look)
            if isinstance(each, Unreadable) or caller.may_touch(each.client_id)
        ]

    async def set_state(
        self, journey_id: str, state: JourneyState, caller: Caller, client_id: str | None = None
    ) -> Moved:
        """Move a journey to a state and tell which datasets it protects no longer.

        Raises UnknownJourneyError, or InvalidArgumentError for a move that the table does not have.
        """
        now = self._clock.now()

        def move(records: Records) -> Moved:
            before = self._only(records, journey_id, caller, client_id)
            stands = before.at(now)
            if state is not stands.state and state not in JOURNEY_TRANSITIONS[stands.state]:
                can = tuple(sorted(JOURNEY_TRANSITIONS[stands.state]))
                msg = f"The journey {journey_id!r} is {stands.state}; it cannot become {state}."
                raise InvalidArgumentError(msg, field="state", candidates=can)
            reopened = stands.state is JourneyState.EXPIRED and state is JourneyState.ACTIVE
            after = replace(
                before, state=state, lease_expires_at=None if reopened else before.lease_expires_at
            )
            return self._moved(records, stands, after)

        return await self._store.transact(move)

    async def promote(
        self, journey_id: str, stage: Stage, caller: Caller, client_id: str | None = None
    ) -> Moved:
        """Move a journey forward to a stage, and tell which datasets of the stage it leaves are done with.

        Raises UnknownJourneyError, or InvalidArgumentError for a stage that is not ahead.
        """
        now = self._clock.now()

        def move(records: Records) -> Moved:
            before = self._only(records, journey_id, caller, client_id)
            if stage.order < before.stage.order:
                msg = f"The journey {journey_id!r} is at {before.stage}; a stage only moves forward."
                raise InvalidArgumentError(msg, field="stage")
            return self._moved(records, before.at(now), replace(before, stage=stage))

        return await self._store.transact(move)

    def _only(self, records: Records, journey_id: str, caller: Caller, client_id: str | None) -> Journey:
        if client_id is not None:
            known_client(records, client_id, caller)
            return known_journey(records, client_id, journey_id)
        named = [
            each
            for each in records.journeys(journey_id=journey_id)
            if isinstance(each, Journey) and caller.may_touch(each.client_id)
        ]
        if len(named) == 1:
            return named[0]
        if named:
            msg = f"Several clients have a journey {journey_id!r}."
            raise InvalidArgumentError(
                msg, field="client_id", candidates=tuple(sorted(each.client_id for each in named))
            )
        seen = [
            each.journey_id
            for each in records.journeys()
            if isinstance(each, Journey) and caller.may_touch(each.client_id)
        ]
        msg = f"There is no journey {journey_id!r}."
        raise UnknownJourneyError(msg, field="journey_id", candidates=nearest(journey_id, seen))

    def _moved(self, records: Records, before: Journey, after: Journey) -> Moved:
        records.put_journey(after)
        if not before.protects(before.stage) or after.protects(before.stage):
            return Moved(journey=after, exposed=())
        query = DatasetQuery(
            client_id=after.client_id,
            journey_id=after.journey_id,
            stage=before.stage,
            statuses=_IN_USE,
            limit=_PAGE,
        )
        return Moved(journey=after, exposed=tuple(records.datasets(query)))
