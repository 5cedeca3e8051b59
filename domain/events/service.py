"""Events as an operator looks at them, and the sending of one again."""

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
    from collections.abc import Sequence

    from domain.events.status import WebhookStatus
    from domain.model import Event, Principal
    from domain.ports import Clock, Store, UnitOfWork

_WORTH_IT: Final = timedelta(days=7)
_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWithDeliveries:
    """One event, and how it stands with each webhook that is to be told of it."""

    id: str
    event: Event
    deliveries: Sequence[Delivery]


class EventService:
    """Lists events, and puts one to delivery again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list_latest(
        self, principal: Principal, *, dataset_id: str | None = None, limit: int = 50
    ) -> list[EventWithDeliveries]:
        """The last events of the clients that the caller may touch, or of one dataset, in their order."""

        def load(uow: UnitOfWork) -> list[EventWithDeliveries]:
            latest = paginate(
                lambda before: uow.events.list_latest(before, dataset_id, limit), lambda last: last[0]
            )
            visible = (each for each in latest if principal.can_access_client(each[1].client_id))
            found = list(islice(visible, limit))
            return [_with_deliveries(uow, seq, event) for seq, event in reversed(found)]

        return await self._store.read(load)

    async def list_parked(self, principal: Principal, *, limit: int = 50) -> list[EventWithDeliveries]:
        """The oldest events that some webhook could not be told of, in their order; as many as the caller may see."""

        def load(uow: UnitOfWork) -> list[EventWithDeliveries]:
            parked = paginate(
                lambda after: uow.deliveries.find(
                    states=(DeliveryState.PARKED,), after=after or 0, limit=limit
                ),
                lambda last: last.seq,
            )
            # An event may be parked for several webhooks, one after another.
            events = ((seq, uow.events.get(seq)) for seq, _ in groupby(parked, key=lambda each: each.seq))
            visible = (each for each in events if principal.can_access_client(each[1].client_id))
            return [_with_deliveries(uow, seq, event) for seq, event in islice(visible, limit)]

        return await self._store.read(load)

    async def list_unsettled_webhooks(self) -> list[WebhookStatus]:
        """Every webhook that has still to be told of something, in the order of its name."""
        return [each for each in (await self._store.read(load_webhook_statuses)).values() if each.unsettled]

    async def redeliver_parked(self) -> int:
        """Have what is parked sent again, of events that are a week old at most; how many deliveries that is."""
        now = self._clock.now()

        def redeliver(uow: UnitOfWork) -> int:
            parked = uow.deliveries.find(states=(DeliveryState.PARKED,), limit=_AT_ONCE)
            found = [each for each in parked if now - uow.events.get(each.seq).at <= _WORTH_IT]
            for each in found:
                uow.deliveries.put(redelivery(each, now))
            return len(found)

        return await self._store.transact(redeliver)

    async def redeliver(
        self, given: str, principal: Principal, *, webhook: str | None = None
    ) -> EventWithDeliveries:
        """Have an event sent again: to that webhook, else where it is parked, else wherever it was to be sent.

        Raises UnknownEventError, and InvalidArgumentError when no webhook is left to send it to.
        """
        now = self._clock.now()

        def redeliver(uow: UnitOfWork) -> EventWithDeliveries:
            seq, event = _find_event(uow, given, principal)
            for each in _deliveries_to_reset(uow, seq, event, webhook):
                uow.deliveries.put(redelivery(each, now))
            told = _with_deliveries(uow, seq, event)
            names = [each.webhook for each in told.deliveries if each.state is DeliveryState.WAITING]
            record_audit_entry(
                uow,
                principal,
                "put to delivery again",
                client_id=event.client_id,
                event=given,
                webhooks=names,
            )
            return told

        return await self._store.transact(redeliver)


def _with_deliveries(uow: UnitOfWork, seq: int, event: Event) -> EventWithDeliveries:
    return EventWithDeliveries(
        id=event_id(uow.installation, seq), event=event, deliveries=uow.deliveries.find(seq=seq)
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
            f"No webhook was to be told of this {event.kind.value}, so there is none to tell again.",
            field="id",
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action="Name the webhook that is to be told.",
        )
    return [each for each in made if each.state is DeliveryState.PARKED] or made


def _new_delivery(uow: UnitOfWork, seq: int, event: Event, webhook: str) -> Delivery:
    """The delivery to a webhook that was not to be told, or was not there yet."""
    posts = {each.webhook: each for each in uow.deliveries.list_cursors()}
    if webhook not in posts:
        raise InvalidArgumentError(
            f"No process has delivered to a webhook {webhook!r} yet.",
            field="webhook",
            candidates=closest_names(webhook, posts),
        )
    if posts[webhook].cursor < seq:
        raise InvalidArgumentError(
            f"The webhook {webhook!r} has not come to this event yet.",
            field="id",
            recovery=Recovery.WAIT,
            suggested_action="Wait until a server delivers to it; then call again when it is still wanted.",
        )
    return Delivery(webhook=webhook, seq=seq, dataset_id=event.dataset_id, due_at=event.at)
