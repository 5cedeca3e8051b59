"""Registry service: clients and their journeys, with stage and state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from domain.audit import record_audit_entry
from domain.errors import ForbiddenError, InvalidArgumentError
from domain.lifecycle import used_dataset
from domain.model import (
    JOURNEY_TRANSITIONS,
    Client,
    Dataset,
    DatasetStatus,
    Journey,
    JourneyState,
    UnreadableRow,
    require_identifier,
)
from domain.policy import find_client, find_journey_by_id, raise_generations
from domain.ports import DatasetQuery, paginate

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Principal, Stage
    from domain.ports import Clock, JourneyKey, Store, UnitOfWork

_PAGE = 500
_LIVE = tuple(status for status in DatasetStatus if status is not DatasetStatus.ARCHIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyChange:
    """Journey change: the changed journey, and the datasets that it no longer protects."""

    journey: Journey
    exposed: tuple[Dataset, ...]


class RegistryService:
    """Registry service: adds clients and journeys, and changes the state and stage of journeys."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Work on that store, by that clock."""
        self._store = store
        self._clock = clock

    async def add_client(self, client: Client, principal: Principal) -> Client:
        """Add a client; adding the same client again changes nothing.

        Raises InvalidArgumentError for an id that is malformed, or taken (compared without case), and ForbiddenError
        for a caller who may access only other clients, or only one journey.
        """
        require_identifier(client.client_id, "client_id")
        for name in ("name", "industry", "use_case"):
            if not getattr(client, name).strip():
                msg = f"{name} must not be empty"
                raise InvalidArgumentError(msg, field=name)

        _require_client_access(principal, client.client_id)

        def add(uow: UnitOfWork) -> Client:
            taken = uow.clients.get_spelt_like(client.client_id)
            if taken and taken != client:
                raise _id_taken_error(
                    client.client_id, taken if principal.can_access_client(taken.client_id) else None
                )
            if not taken:
                uow.clients.put(client)
                record_audit_entry(uow, principal, "client added", client_id=client.client_id)
            return client

        return await self._store.transact(add)

    async def list_clients(
        self, principal: Principal, *, after: str | None = None, limit: int = _PAGE
    ) -> list[Client]:
        """A page of the clients that the caller may access, in the order of their ids, after that id."""

        def load_page(uow: UnitOfWork) -> list[Client]:
            found = paginate(
                lambda behind: uow.clients.find(after=behind, limit=limit), lambda last: last.client_id, after
            )
            visible = (each for each in found if principal.can_access_client(each.client_id))
            return list(islice(visible, limit))

        return await self._store.read(load_page)

    async def add_journey(self, journey: Journey, principal: Principal) -> Journey:
        """Add a journey; adding the same journey again changes nothing.

        Raises UnknownClientError, InvalidArgumentError for a malformed or taken id, or ForbiddenError for a caller who
        is confined to one journey.
        """
        require_identifier(journey.journey_id, "journey_id")
        _require_unbound(principal)

        def add(uow: UnitOfWork) -> Journey:
            find_client(uow, journey.client_id, principal)
            taken = uow.journeys.get_spelt_like(journey.client_id, journey.journey_id)
            if taken == journey:
                return journey
            if taken is not None:
                raise _taken_journey_error(journey, taken)
            uow.journeys.put(journey)
            record_audit_entry(
                uow,
                principal,
                "journey added",
                client_id=journey.client_id,
                journey_id=journey.journey_id,
                stage=journey.stage.value,
                state=journey.state.value,
            )
            return journey

        return await self._store.transact(add)

    async def list_journeys(
        self,
        principal: Principal,
        client_id: str | None = None,
        *,
        after: JourneyKey | None = None,
        limit: int = _PAGE,
    ) -> list[tuple[JourneyKey, Journey | UnreadableRow]]:
        """A page of the journeys that the caller may access, in their current state, each with its key.

        In the order of the keys, after that key. Unreadable rows are listed as such.
        """

        def load_page(uow: UnitOfWork) -> list[tuple[JourneyKey, Journey | UnreadableRow]]:
            if client_id is not None:
                find_client(uow, client_id, principal)
            found = paginate(
                lambda behind: uow.journeys.list_keyed(client_id=client_id, after=behind, limit=limit),
                lambda last: last[0],
                after,
            )
            visible = (each for each in found if principal.can_access_client(each[0][0]))
            return list(islice(visible, limit))

        now = self._clock.now()
        found = await self._store.read(load_page)
        return [(key, each.as_of(now) if isinstance(each, Journey) else each) for key, each in found]

    async def set_state(
        self, journey_id: str, state: JourneyState, principal: Principal, client_id: str | None = None
    ) -> JourneyChange:
        """Set the state of a journey, and name the datasets that it no longer protects.

        Raises UnknownJourneyError, or InvalidArgumentError for a transition that is not allowed.
        """
        now = self._clock.now()

        def move(uow: UnitOfWork) -> JourneyChange:
            before = find_journey_by_id(uow, journey_id, principal, client_id)
            journey_now = before.as_of(now)
            if state is not journey_now.state and state not in JOURNEY_TRANSITIONS[journey_now.state]:
                allowed = tuple(sorted(JOURNEY_TRANSITIONS[journey_now.state]))
                msg = f"The journey {journey_id!r} is {journey_now.state}; it cannot become {state}."
                raise InvalidArgumentError(msg, field="state", candidates=allowed)
            after = replace(before, state=state)
            # A lease that has lapsed would make the journey expire again at once.
            if after.as_of(now).state is not state:
                after = replace(after, lease_expires_at=None)
            moved = _apply_move(uow, journey_now, after, now)
            _record_move(uow, principal, before, after, moved)
            return moved

        return await self._store.transact(move)

    async def promote(
        self, journey_id: str, stage: Stage, principal: Principal, client_id: str | None = None
    ) -> JourneyChange:
        """Promote a journey to a later stage, and name the datasets of the former stage that it no longer protects.

        Raises UnknownJourneyError, or InvalidArgumentError for a stage that it has left.
        """
        now = self._clock.now()

        def move(uow: UnitOfWork) -> JourneyChange:
            before = find_journey_by_id(uow, journey_id, principal, client_id)
            if stage.order < before.stage.order:
                msg = f"The journey {journey_id!r} is at {before.stage}; a stage only moves forward."
                raise InvalidArgumentError(msg, field="stage")
            after = replace(before, stage=stage)
            moved = _apply_move(uow, before.as_of(now), after, now)
            _record_move(uow, principal, before, after, moved)
            return moved

        return await self._store.transact(move)


def _require_client_access(principal: Principal, client_id: str) -> None:
    """Require that the caller may add that client, whether it exists or not. Raises ForbiddenError."""
    _require_unbound(principal)
    if not principal.can_access_client(client_id):
        raise ForbiddenError(
            f"This caller may access only some clients, and {client_id!r} is not one of them.",
            field="client_id",
            suggested_action="Ask an administrator to add the client, or to let this account access it.",
        )


def _require_unbound(principal: Principal) -> None:
    if principal.journey_id is not None:
        raise ForbiddenError(
            f"This token is bound to the journey {principal.journey_id}, so it cannot add clients or journeys.",
            suggested_action="Ask the person who is responsible for the client's journeys to do it.",
        )


def _id_taken_error(client_id: str, by: Client | None) -> InvalidArgumentError:
    """The refusal of an id that is taken; `by` is None when the caller may not see its client."""
    whom = f" by {by.client_id!r} ({by.name})" if by else " in another spelling"
    msg = f"The client id {client_id!r} is taken{whom}."
    return InvalidArgumentError(msg, field="client_id", candidates=(by.client_id,) if by else ())


def _record_move(
    uow: UnitOfWork, principal: Principal, before: Journey, after: Journey, moved: JourneyChange
) -> None:
    """Record a change of a journey, also in the timeline of each dataset at the stages it concerns."""
    if after == before:
        return
    details: dict[str, Any] = {
        "journey_id": after.journey_id,
        "before": f"{before.state} at {before.stage}",
        "now": f"{after.state} at {after.stage}",
    }
    exposed = [each.dataset_id for each in moved.exposed]
    record_audit_entry(uow, principal, "journey moved", client_id=after.client_id, exposed=exposed, **details)
    for stage in sorted({before.stage, after.stage}):
        for each in load_stage_datasets(uow, after, stage):
            freed = "yes" if each.dataset_id in exposed else "no"
            record_audit_entry(
                uow, principal, "journey moved", dataset=each, protected_no_longer=freed, **details
            )


def _apply_move(uow: UnitOfWork, before: Journey, after: Journey, now: datetime) -> JourneyChange:
    """Store the changed journey, and find the datasets that it no longer protects. `before` is the former state.

    A dataset that is protected again counts as used. A FAILED dataset is not in use, so no change exposes it.
    """
    uow.journeys.put(replace(after, lapsed=after.has_lapsed(now)))
    journey_now = after.as_of(now)
    if (before.state, before.stage) != (journey_now.state, journey_now.stage):
        raise_generations(uow, after)
    if journey_now.protects(journey_now.stage) and not before.protects(journey_now.stage):
        for each in load_stage_datasets(uow, journey_now, journey_now.stage):
            uow.datasets.put(used_dataset(uow, each, now))
    if not before.protects(before.stage) or journey_now.protects(before.stage):
        return JourneyChange(journey=journey_now, exposed=())
    left = load_stage_datasets(uow, before, before.stage)
    return JourneyChange(
        journey=journey_now, exposed=tuple(each for each in left if each.status is not DatasetStatus.FAILED)
    )


def load_stage_datasets(uow: UnitOfWork, journey: Journey, stage: Stage) -> list[Dataset]:
    """The live datasets of the journey at that stage."""
    return uow.datasets.find(
        DatasetQuery(
            client_id=journey.client_id,
            journey_id=journey.journey_id,
            stage=stage,
            statuses=_LIVE,
            limit=_PAGE,
        )
    )


def _taken_journey_error(journey: Journey, taken: Journey | UnreadableRow) -> InvalidArgumentError:
    """The error for a journey whose id another one has, which is spelt alike or in other cases."""
    if not isinstance(taken, Journey):
        msg = f"Client {journey.client_id!r} already has a journey {journey.journey_id!r}, which cannot be read."
        return InvalidArgumentError(msg, field="journey_id")
    if taken.journey_id != journey.journey_id:
        msg = f"Client {journey.client_id!r} already has a journey {taken.journey_id!r}; case makes no difference."
        return InvalidArgumentError(msg, field="journey_id", candidates=(taken.journey_id,))
    return InvalidArgumentError(
        f"Client {journey.client_id!r} already has a journey {journey.journey_id!r}; it is {taken.state} at "
        f"{taken.stage}.",
        field="journey_id",
        suggested_action="Ask the operator whether that journey is meant, or choose another id.",
    )
