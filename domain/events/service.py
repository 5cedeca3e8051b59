"""Event service: lists events with their deliveries, and redelivers them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.errors import InvalidArgumentError, Recovery, UnknownEventError
from domain.events.cloudevents import event_id, parse_event_id
from domain.events.status import load_webhook_statuses
from domain.model import Delivery, DeliveryState, closest_names, redelivery
from domain.ports import paginate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from domain.events.status import WebhookStatus
    from domain.model import Event, Principal
    from domain.ports import Clock, Store, UnitOfWork

_MAX_AGE: Final = timedelta(days=7)
_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWithDeliveries:
    """Event with its public id, its number, and its delivery to each subscribed webhook."""

    id: str
    seq: int
    event: Event
    deliveries: Sequence[Delivery]


class EventService:
    """Event service: lists events, and redelivers them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list_latest(
        self,
        principal: Principal,
        *,
        dataset_id: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[EventWithDeliveries]:
        """The latest events before that number, in order, of the clients that the caller may access.

        With `dataset_id`, only the events of that dataset.
        """

        def load(uow: UnitOfWork) -> list[EventWithDeliveries]:
            latest = paginate(
                lambda until: uow.events.list_latest(until, dataset_id, limit), lambda last: last[0], before
            )
            return _visible_page(uow, latest, principal, limit)[::-1]

        return await self._store.read(load)

    async def list_oldest(
        self,
        principal: Principal,
        *,
        dataset_id: str | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> list[EventWithDeliveries]:
        """The oldest events after that number; otherwise like `list_latest`."""

        def load(uow: UnitOfWork) -> list[EventWithDeliveries]:
            oldest = paginate(
                lambda behind: uow.events.find(dataset_id=dataset_id, after=behind or 0, limit=limit),
                lambda last: last[0],
                after,
            )
            return _visible_page(uow, oldest, principal, limit)

        return await self._store.read(load)

    async def list_parked(
        self, principal: Principal, *, after: int | None = None, limit: int = 50
    ) -> list[EventWithDeliveries]:
        """The oldest events after that number, in order, that are parked for some webhook and the caller may see."""

        def load(uow: UnitOfWork) -> list[EventWithDeliveries]:
            parked = paginate(
                lambda behind: uow.deliveries.find(
                    states=(DeliveryState.PARKED,), after=behind or 0, limit=limit
                ),
                lambda last: last.seq,
                after,
            )
            # An event may be parked for several webhooks, one after another.
            events = ((seq, uow.events.get(seq)) for seq, _ in groupby(parked, key=lambda each: each.seq))
            return _visible_page(uow, events, principal, limit)

        return await self._store.read(load)

    async def list_unsettled_webhooks(self) -> list[WebhookStatus]:
        """The webhooks with events that have not arrived, in the order of their names."""
        return [each for each in (await self._store.read(load_webhook_statuses)).values() if each.unsettled]

    async def redeliver_parked(self) -> int:
        """Redeliver parked events that are at most a week old; return the number of deliveries."""
        now = self._clock.now()

        def redeliver(uow: UnitOfWork) -> int:
            parked = uow.deliveries.find(states=(DeliveryState.PARKED,), limit=_AT_ONCE)
            recent = [each for each in parked if now - uow.events.get(each.seq).at <= _MAX_AGE]
            for each in recent:
                uow.deliveries.put(redelivery(each, now))
            return len(recent)

        return await self._store.transact(redeliver)

    async def redeliver(
        self, given: str, principal: Principal, *, webhook: str | None = None
    ) -> EventWithDeliveries:
        """Redeliver an event: to that webhook, else where it is parked, else to every webhook that it was sent to.

        Raises UnknownEventError, and InvalidArgumentError when there is no webhook to send it to.
        """
        now = self._clock.now()

        def redeliver(uow: UnitOfWork) -> EventWithDeliveries:
            seq, event = _find_event(uow, given, principal)
            for each in _deliveries_to_reset(uow, seq, event, webhook):
                uow.deliveries.put(redelivery(each, now))
            changed = _with_deliveries(uow, seq, event)
            names = [each.webhook for each in changed.deliveries if each.state is DeliveryState.WAITING]
            record_audit_entry(
                uow,
                principal,
                "put to delivery again",
                client_id=event.client_id,
                event=given,
                webhooks=names,
            )
            return changed

        return await self._store.transact(redeliver)


def _visible_page(
    uow: UnitOfWork, events: Iterable[tuple[int, Event]], principal: Principal, limit: int
) -> list[EventWithDeliveries]:
    visible = (each for each in events if principal.can_access_client(each[1].client_id))
    return [_with_deliveries(uow, seq, event) for seq, event in islice(visible, limit)]


def _with_deliveries(uow: UnitOfWork, seq: int, event: Event) -> EventWithDeliveries:
    return EventWithDeliveries(
        id=event_id(uow.installation, seq), seq=seq, event=event, deliveries=uow.deliveries.find(seq=seq)
    )


def _find_event(uow: UnitOfWork, given: str, principal: Principal) -> tuple[int, Event]:
    seq = parse_event_id(uow.installation, given)
    if seq is not None and 0 < seq <= uow.events.last_number():
        event = uow.events.get(seq)
        if principal.can_access_client(event.client_id):
            return seq, event
    raise UnknownEventError(f"There is no event {given!r}.", field="id")


def _deliveries_to_reset(uow: UnitOfWork, seq: int, event: Event, webhook: str | None) -> Sequence[Delivery]:
    made = uow.deliveries.find(seq=seq)
    if webhook is not None:
        found = [each for each in made if each.webhook == webhook]
        return found or [_new_delivery(uow, seq, event, webhook)]
    if not made:
        raise InvalidArgumentError(
            f"No webhook was subscribed to this {event.kind.value}, so there is no delivery to repeat.",
            field="id",
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action="Name the webhook that should receive it.",
        )
    return [each for each in made if each.state is DeliveryState.PARKED] or made


def _new_delivery(uow: UnitOfWork, seq: int, event: Event, webhook: str) -> Delivery:
    """A delivery to a webhook that did not subscribe to the event, or did not exist at the time."""
    cursors = {each.webhook: each for each in uow.deliveries.list_cursors()}
    if webhook not in cursors:
        raise InvalidArgumentError(
            f"No process has delivered to the webhook {webhook!r} yet.",
            field="webhook",
            candidates=closest_names(webhook, cursors),
        )
    if cursors[webhook].cursor < seq:
        raise InvalidArgumentError(
            f"Deliveries to the webhook {webhook!r} have not reached this event yet.",
            field="id",
            recovery=Recovery.WAIT,
            suggested_action="Wait until a server delivers to it, then call again if the webhook still needs it.",
        )
    return Delivery(webhook=webhook, seq=seq, dataset_id=event.dataset_id, due_at=event.at)
