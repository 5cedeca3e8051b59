"""What one webhook is still to be told, and who tells it: one process at a time, in order of each dataset's events.

The owner of a webhook is known by its row alone. It shows that it lives by changing the row again and again; whoever
sees a row that stands still for long enough takes it over, so nobody's clock is compared with anybody else's. A former
owner that wakes up finds a higher fence in the row and changes nothing any more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.events.cloudevents import build_message
from domain.model import Delivery, WebhookCursor, delivery_after_attempt

if TYPE_CHECKING:
    from collections.abc import Collection

    from domain.model import DeliveryResult, RetryPolicy, Subscription
    from domain.ports import Clock, CloudEventMessage, Store, UnitOfWork

WINDOW: Final = 1000
"""So many events wait for one webhook at most; the others are taken in when there is room."""
_AT_ONCE: Final = 200


class OwnershipLostError(Exception):
    """Another process delivers to this webhook now."""


class Outbox:
    """One webhook's."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        subscription: Subscription,
        retrying: RetryPolicy,
        window: int = WINDOW,
    ) -> None:
        self._store = store
        self._clock = clock
        self._subscription = subscription
        self._retrying = retrying
        self._window = window

    @property
    def webhook(self) -> str:
        """Its name."""
        return self._subscription.webhook

    async def load_cursor(self) -> WebhookCursor | None:
        """The row as it stands; None when nobody has delivered to this webhook yet."""
        return await self._store.read(lambda uow: uow.deliveries.get_cursor(self.webhook))

    async def claim(self, owner: str, seen: WebhookCursor | None) -> int | None:
        """Become the owner when the row is still the one that was `seen`; the fence, or None when somebody was quicker.

        A webhook that nobody has delivered to yet is told what happens from now on.
        """

        def claim(uow: UnitOfWork) -> int | None:
            held = uow.deliveries.get_cursor(self.webhook)
            if held != seen:
                return None
            held = held or WebhookCursor(webhook=self.webhook, cursor=uow.events.last_number())
            taken = replace(held, owner=owner, fence=held.fence + 1, beats=0)
            uow.deliveries.put_cursor(taken)
            return taken.fence

        return await self._store.transact(claim)

    async def renew(self, fence: int) -> None:
        """Show that the owner lives. Raises LostError."""

        def renew(uow: UnitOfWork) -> None:
            held = self._require_ownership(fence, uow)
            uow.deliveries.put_cursor(replace(held, beats=held.beats + 1))

        await self._store.transact(renew, lasting=False)

    async def release(self, fence: int) -> None:
        """Let anybody take it over at once. Raises LostError."""

        def release(uow: UnitOfWork) -> None:
            uow.deliveries.put_cursor(replace(self._require_ownership(fence, uow), owner=""))

        await self._store.transact(release, lasting=False)

    async def load_due(
        self, fence: int, *, busy: Collection[str], limit: int
    ) -> list[tuple[Delivery, CloudEventMessage]]:
        """What is to be sent now, at most one event a dataset and none of a `busy` one. Raises LostError."""
        if await self._store.read(partial(self._has_more, fence)):
            await self._store.transact(partial(self._enqueue_events, fence), lasting=False)

        def load(uow: UnitOfWork) -> list[tuple[Delivery, CloudEventMessage]]:
            now = self._clock.now()
            heads = uow.deliveries.list_due(
                self.webhook,
                due_until=now,
                # A clock that was put back must not make an event wait for the time that it went back.
                due_from=now + self._retrying.longest_backoff,
                limit=limit + len(busy),
            )
            free = [each for each in heads if each.dataset_id not in busy][:limit]
            return [
                (each, build_message(uow.installation, each.seq, uow.events.get(each.seq))) for each in free
            ]

        return await self._store.read(load)

    async def record_result(
        self, fence: int, delivery: Delivery, answer: DeliveryResult, chance: float
    ) -> Delivery:
        """Keep what came of sending it, and give the delivery as it is now. Raises LostError.

        `chance` is from 0 to 1, see `Retrying.pause`. Until this is kept the event counts as not sent.
        """
        now = self._clock.now()

        def record(uow: UnitOfWork) -> Delivery:
            self._require_ownership(fence, uow)
            [held] = uow.deliveries.find(webhook=self.webhook, seq=delivery.seq)
            changed = delivery_after_attempt(held, answer, now=now, retrying=self._retrying, chance=chance)
            uow.deliveries.put(changed)
            return changed

        return await self._store.transact(record, lasting=False)

    def _require_ownership(self, fence: int, uow: UnitOfWork) -> WebhookCursor:
        held = uow.deliveries.get_cursor(self.webhook)
        if held is None or held.fence != fence:
            raise OwnershipLostError(self.webhook)
        return held

    def _has_more(self, fence: int, uow: UnitOfWork) -> bool:
        cursor = self._require_ownership(fence, uow).cursor
        return uow.events.last_number() > cursor and self._free_slots(uow) > 0

    def _free_slots(self, uow: UnitOfWork) -> int:
        return self._window - uow.deliveries.count_waiting(self.webhook)

    def _enqueue_events(self, fence: int, uow: UnitOfWork) -> None:
        """Have the next events wait, when the webhook wants them."""
        held, now = self._require_ownership(fence, uow), self._clock.now()
        found = uow.events.find(after=held.cursor, limit=max(0, min(_AT_ONCE, self._free_slots(uow))))
        for seq, event in found:
            if self._subscription.matches(event):
                uow.deliveries.put(
                    Delivery(webhook=self.webhook, seq=seq, dataset_id=event.dataset_id, due_at=now)
                )
        if found:
            uow.deliveries.put_cursor(replace(held, cursor=found[-1][0]))
