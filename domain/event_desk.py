"""Events as an operator looks at them, and the sending of one again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.audit import note
from domain.cloud_events import event_id, seq_of
from domain.deliveries import Delivery, DeliveryState, again
from domain.errors import InvalidArgumentError, Recovery, UnknownEventError
from domain.identifiers import nearest
from domain.webhooks import standings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.callers import Caller
    from domain.events import Event
    from domain.ports import Clock
    from domain.records import Records, Store
    from domain.webhooks import Standing

_WORTH_IT: Final = timedelta(days=7)
_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, and how it stands with each webhook that is to be told of it."""

    id: str
    event: Event
    deliveries: Sequence[Delivery]


class Events:
    """Lists events, and puts one to delivery again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def latest(self, caller: Caller, *, dataset_id: str | None = None, limit: int = 50) -> list[Told]:
        """The last events of the clients that the caller may touch, or of one dataset, in their order."""

        def look(records: Records) -> list[Told]:
            found: list[tuple[int, Event]] = []
            before: int | None = None
            while len(found) < limit and (page := records.last_events(before, dataset_id, limit)):
                before = page[-1][0]
                found += [each for each in page if caller.may_touch(each[1].client_id)]
            return [_told(records, seq, event) for seq, event in reversed(found[:limit])]

        return await self._store.read(look)

    async def parked(self, caller: Caller, *, limit: int = 50) -> list[Told]:
        """The oldest events that some webhook could not be told of, in their order; as many as the caller may see."""

        def look(records: Records) -> list[Told]:
            found: list[Told] = []
            after = 0
            while len(found) < limit and (
                page := records.deliveries(states=(DeliveryState.PARKED,), after=after, limit=limit)
            ):
                after = page[-1].seq
                for seq in dict.fromkeys(each.seq for each in page):
                    event = records.event(seq)
                    if caller.may_touch(event.client_id):
                        found.append(_told(records, seq, event))
            return found[:limit]

        return await self._store.read(look)

    async def unsettled(self) -> list[Standing]:
        """Every webhook that has still to be told of something, in the order of its name."""
        return [each for each in (await self._store.read(standings)).values() if each.unsettled]

    async def redeliver_parked(self) -> int:
        """Have what is parked sent again, of events that are a week old at most; how many deliveries that is."""
        now = self._clock.now()

        def redeliver(records: Records) -> int:
            parked = records.deliveries(states=(DeliveryState.PARKED,), limit=_AT_ONCE)
            found = [each for each in parked if now - records.event(each.seq).at <= _WORTH_IT]
            for each in found:
                records.put_delivery(again(each, now))
            return len(found)

        return await self._store.transact(redeliver)

    async def redeliver(self, given: str, caller: Caller, *, webhook: str | None = None) -> Told:
        """Have an event sent again: to that webhook, else where it is parked, else wherever it was to be sent.

        Raises UnknownEventError, and InvalidArgumentError when no webhook is left to send it to.
        """
        now = self._clock.now()

        def redeliver(records: Records) -> Told:
            seq, event = _known(records, given, caller)
            for each in _wanted(records, seq, event, webhook):
                records.put_delivery(again(each, now))
            told = _told(records, seq, event)
            names = [each.webhook for each in told.deliveries if each.state is DeliveryState.WAITING]
            note(
                records,
                caller,
                "put to delivery again",
                client_id=event.client_id,
                event=given,
                webhooks=names,
            )
            return told

        return await self._store.transact(redeliver)


def _told(records: Records, seq: int, event: Event) -> Told:
    return Told(id=event_id(records.installation, seq), event=event, deliveries=records.deliveries(seq=seq))


def _known(records: Records, given: str, caller: Caller) -> tuple[int, Event]:
    seq = seq_of(records.installation, given)
    if seq is not None and 0 < seq <= records.last_event():
        event = records.event(seq)
        if caller.may_touch(event.client_id):
            return seq, event
    raise UnknownEventError(f"There is no event {given!r}.", field="id")


def _wanted(records: Records, seq: int, event: Event, webhook: str | None) -> Sequence[Delivery]:
    made = records.deliveries(seq=seq)
    if webhook is not None:
        found = [each for each in made if each.webhook == webhook]
        return found or [_anew(records, seq, event, webhook)]
    if not made:
        raise InvalidArgumentError(
            f"No webhook was to be told of this {event.kind.value}, so there is none to tell again.",
            field="id",
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action="Name the webhook that is to be told.",
        )
    return [each for each in made if each.state is DeliveryState.PARKED] or made


def _anew(records: Records, seq: int, event: Event, webhook: str) -> Delivery:
    """The delivery to a webhook that was not to be told, or was not there yet."""
    posts = {each.webhook: each for each in records.posts()}
    if webhook not in posts:
        raise InvalidArgumentError(
            f"No process has delivered to a webhook {webhook!r} yet.",
            field="webhook",
            candidates=nearest(webhook, posts),
        )
    if posts[webhook].cursor < seq:
        raise InvalidArgumentError(
            f"The webhook {webhook!r} has not come to this event yet.",
            field="id",
            recovery=Recovery.WAIT,
            suggested_action="Wait until a server delivers to it; then call again when it is still wanted.",
        )
    return Delivery(webhook=webhook, seq=seq, dataset_id=event.dataset_id, due_at=event.at)
