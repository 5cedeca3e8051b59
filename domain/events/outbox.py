"""Outbox of one webhook: its pending deliveries, and the one process at a time that owns them.

The cursor row names the owner of a webhook. The owner shows that it lives by changing the row again and again. A
process that sees the row unchanged for long enough takes it over, so no two clocks are ever compared. A former owner
that wakes up finds a higher fence in the row, and changes nothing.
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
"""How many deliveries wait for one webhook at most; further events are enqueued when there is room."""
_AT_ONCE: Final = 200


class OwnershipLostError(Exception):
    """Another process delivers to this webhook now."""


class Outbox:
    """Outbox of one webhook."""

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
        """The name of the webhook."""
        return self._subscription.webhook

    async def load_cursor(self) -> WebhookCursor | None:
        """Load the cursor; None before the first delivery to this webhook."""
        return await self._store.read(lambda uow: uow.deliveries.get_cursor(self.webhook))

    async def claim(self, owner: str, expected: WebhookCursor | None) -> int | None:
        """Become the owner if the cursor is still as `expected`; return the fence, or None when another was quicker.

        A webhook without a cursor receives events from now on.
        """

        def claim(uow: UnitOfWork) -> int | None:
            cursor = uow.deliveries.get_cursor(self.webhook)
            if cursor != expected:
                return None
            cursor = cursor or WebhookCursor(webhook=self.webhook, cursor=uow.events.last_number())
            claimed = replace(cursor, owner=owner, fence=cursor.fence + 1, beats=0)
            uow.deliveries.put_cursor(claimed)
            return claimed.fence

        return await self._store.transact(claim)

    async def renew(self, fence: int) -> None:
        """Renew the ownership: show that the owner lives. Raises OwnershipLostError."""

        def renew(uow: UnitOfWork) -> None:
            cursor = self._require_ownership(fence, uow)
            uow.deliveries.put_cursor(replace(cursor, beats=cursor.beats + 1))

        await self._store.transact(renew, lasting=False)

    async def release(self, fence: int) -> None:
        """Give up the ownership, so that another process can claim it at once. Raises OwnershipLostError."""

        def release(uow: UnitOfWork) -> None:
            uow.deliveries.put_cursor(replace(self._require_ownership(fence, uow), owner=""))

        await self._store.transact(release, lasting=False)

    async def load_due(
        self, fence: int, *, busy: Collection[str], limit: int
    ) -> list[tuple[Delivery, CloudEventMessage]]:
        """The deliveries to send now: one a dataset at most, none of a `busy` one. Raises OwnershipLostError."""
        if await self._store.read(partial(self._has_more, fence)):
            await self._store.transact(partial(self._enqueue_events, fence), lasting=False)

        def load(uow: UnitOfWork) -> list[tuple[Delivery, CloudEventMessage]]:
            now = self._clock.now()
            heads = uow.deliveries.list_due(
                self.webhook,
                due_until=now,
                # A delivery that is due later than any backoff was stored before the clock was set back: send it now.
                due_from=now + self._retrying.longest_backoff,
                limit=limit + len(busy),
            )
            free = [each for each in heads if each.dataset_id not in busy][:limit]
            return [
                (each, build_message(uow.installation, each.seq, uow.events.get(each.seq))) for each in free
            ]

        return await self._store.read(load)

    async def record_result(
        self, fence: int, delivery: Delivery, result: DeliveryResult, chance: float
    ) -> Delivery:
        """Record the result of an attempt, and return the changed delivery. Raises OwnershipLostError.

        `chance` is from 0 to 1, see `RetryPolicy.backoff`. Until the result is recorded, the event counts as not sent.
        """
        now = self._clock.now()

        def record(uow: UnitOfWork) -> Delivery:
            self._require_ownership(fence, uow)
            [stored] = uow.deliveries.find(webhook=self.webhook, seq=delivery.seq)
            changed = delivery_after_attempt(stored, result, now=now, retrying=self._retrying, chance=chance)
            uow.deliveries.put(changed)
            return changed

        return await self._store.transact(record, lasting=False)

    def _require_ownership(self, fence: int, uow: UnitOfWork) -> WebhookCursor:
        cursor = uow.deliveries.get_cursor(self.webhook)
        if cursor is None or cursor.fence != fence:
            raise OwnershipLostError(self.webhook)
        return cursor

    def _has_more(self, fence: int, uow: UnitOfWork) -> bool:
        cursor = self._require_ownership(fence, uow).cursor
        return uow.events.last_number() > cursor and self._free_slots(uow) > 0

    def _free_slots(self, uow: UnitOfWork) -> int:
        return self._window - uow.deliveries.count_waiting(self.webhook)

    def _enqueue_events(self, fence: int, uow: UnitOfWork) -> None:
        """Make deliveries of the next events that the webhook subscribes to, as far as there is room."""
        cursor, now = self._require_ownership(fence, uow), self._clock.now()
        events = uow.events.find(after=cursor.cursor, limit=max(0, min(_AT_ONCE, self._free_slots(uow))))
        for seq, event in events:
            if self._subscription.matches(event):
                uow.deliveries.put(
                    Delivery(webhook=self.webhook, seq=seq, dataset_id=event.dataset_id, due_at=now)
                )
        if events:
            uow.deliveries.put_cursor(replace(cursor, cursor=events[-1][0]))
