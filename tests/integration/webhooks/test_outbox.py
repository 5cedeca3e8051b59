"""What a webhook is to be told, in which order, and by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.events.cloudevents import parse_event_id
from domain.events.outbox import Outbox, OwnershipLostError
from domain.model.delivery import DeliveryResult, DeliveryState, RetryPolicy, Subscription, WebhookCursor
from domain.model.event import EventKind
from tests.support.webhooks.events import append_events

if TYPE_CHECKING:
    from domain.model.delivery import Delivery
    from domain.ports import Store, UnitOfWork
    from tests.support.entities import ManualClock

pytestmark = pytest.mark.each_store
GOOD, BAD = DeliveryResult(), DeliveryResult(error="answered 500")
RETRYING = RetryPolicy(attempts=2, first_s=10, longest_s=60)


def outbox(store: Store, clock: ManualClock, *, window: int = 1000, **wants: frozenset[str]) -> Outbox:
    subscription = Subscription(webhook="w", **wants)  # type: ignore[arg-type] # kinds are texts
    return Outbox(store, clock, subscription, RETRYING, window)


async def take_ownership(box: Outbox, owner: str = "p1") -> int:
    fence = await box.claim(owner, await box.load_cursor())
    assert fence is not None
    return fence


async def due_deliveries(box: Outbox, fence: int, *busy: str, limit: int = 10) -> list[int]:
    return [each.seq for each, _message in await box.load_due(fence, busy=busy, limit=limit)]


async def record_answer(box: Outbox, fence: int, answer: DeliveryResult, chance: float = 1) -> Delivery:
    """Send the first that is due, with that answer."""
    delivery, _message = (await box.load_due(fence, busy=(), limit=1))[0]
    return await box.record_result(fence, delivery, answer, chance)


async def test_a_webhook_is_told_what_happens_after_it_was_first_claimed(
    store: Store, clock: ManualClock
) -> None:
    await append_events(store, "d1")
    box = outbox(store, clock)
    assert await box.load_cursor() is None
    fence = await take_ownership(box)
    assert await due_deliveries(box, fence) == []
    await append_events(store, "d1", "d2")
    installation = await store.read(lambda uow: uow.installation)
    found = await box.load_due(fence, busy=(), limit=10)
    assert [(each.seq, parse_event_id(installation, message.id)) for each, message in found] == [
        (2, 2),
        (3, 3),
    ]
    assert await box.load_cursor() == WebhookCursor(webhook="w", cursor=3, owner="p1", fence=1)


async def test_what_happened_while_nobody_delivered_is_not_lost(store: Store, clock: ManualClock) -> None:
    box = outbox(store, clock)
    await box.release(await take_ownership(box))
    await append_events(store, "d1")
    assert await due_deliveries(box, await take_ownership(box, "p2")) == [1]


async def test_only_one_event_of_a_dataset_is_under_way_and_the_next_follows_what_was_settled(
    store: Store, clock: ManualClock
) -> None:
    box = outbox(store, clock)
    fence = await take_ownership(box)
    await append_events(store, "d1", "d1", "d2", "d1", "d3")
    assert await due_deliveries(box, fence) == [1, 3, 5]
    assert await due_deliveries(box, fence, "d1", "d2") == [5]
    assert await due_deliveries(box, fence, "d3", limit=1) == [1]
    assert (await record_answer(box, fence, BAD)).state is DeliveryState.WAITING
    assert await due_deliveries(box, fence) == [3, 5]  # d1 waits, and its later events with it
    clock.instant += timedelta(seconds=10)
    assert (await record_answer(box, fence, BAD)).state is DeliveryState.PARKED
    assert await due_deliveries(box, fence) == [2, 3, 5]  # what is parked holds up nothing
    assert (await record_answer(box, fence, GOOD)).state is DeliveryState.DELIVERED
    assert await due_deliveries(box, fence) == [3, 4, 5]


async def test_a_pause_is_not_longer_for_a_clock_that_was_put_back(store: Store, clock: ManualClock) -> None:
    box = outbox(store, clock)
    fence = await take_ownership(box)
    await append_events(store, "d1")
    await record_answer(box, fence, BAD)
    assert await due_deliveries(box, fence) == []
    clock.instant -= timedelta(days=30)
    assert await due_deliveries(box, fence) == [1]


async def test_only_what_is_wanted_waits(store: Store, clock: ManualClock) -> None:
    box = outbox(store, clock, kinds=frozenset({EventKind.ORPHANED}), clients=frozenset({"acme"}))
    fence = await take_ownership(box)
    await append_events(store, "d1", kind=EventKind.ORPHAN_CLEARED)
    await append_events(store, "d2", client_id="globex")
    assert await due_deliveries(box, fence) == []
    await append_events(store, "d3")
    assert await due_deliveries(box, fence) == [3]
    assert await store.read(lambda uow: [each.seq for each in uow.deliveries.find()]) == [3]


async def test_no_more_wait_than_there_is_room_for_and_none_is_passed_over(
    store: Store, clock: ManualClock
) -> None:
    box = outbox(store, clock, window=2)
    fence = await take_ownership(box)
    await append_events(store, *(f"d{each}" for each in range(5)))
    assert await due_deliveries(box, fence) == [1, 2]
    await record_answer(box, fence, GOOD)
    assert await due_deliveries(box, fence) == [2, 3]
    for _ in range(4):
        await record_answer(box, fence, GOOD)
    assert await due_deliveries(box, fence) == []
    assert await store.read(lambda uow: [each.seq for each in uow.deliveries.find()]) == [1, 2, 3, 4, 5]


async def test_of_two_that_saw_the_same_row_one_becomes_the_owner(store: Store, clock: ManualClock) -> None:
    one, two = outbox(store, clock), outbox(store, clock)
    assert await one.claim("p1", None) == 1
    assert await two.claim("p2", None) is None
    seen = await two.load_cursor()
    await one.renew(1)
    assert await two.claim("p2", seen) is None  # its owner lives
    assert await two.claim("p2", await two.load_cursor()) == 2


async def test_a_former_owner_changes_nothing_any_more(store: Store, clock: ManualClock) -> None:
    former, present = outbox(store, clock), outbox(store, clock)
    old = await take_ownership(former)
    await append_events(store, "d1")
    [(delivery, _message)] = await former.load_due(old, busy=(), limit=1)
    new = await take_ownership(present, "p2")
    before = await store.read(lambda uow: (uow.deliveries.list_cursors(), uow.deliveries.find()))
    for attempt in (
        former.record_result(old, delivery, GOOD, 0),
        former.load_due(old, busy=(), limit=1),
        former.renew(old),
        former.release(old),
    ):
        with pytest.raises(OwnershipLostError):
            await attempt
    assert await store.read(lambda uow: (uow.deliveries.list_cursors(), uow.deliveries.find())) == before
    assert await due_deliveries(present, new) == [1]


async def test_a_webhook_whose_row_is_gone_has_no_owner(store: Store, clock: ManualClock) -> None:
    with pytest.raises(OwnershipLostError):
        await outbox(store, clock).renew(1)


async def test_an_event_that_cannot_be_understood_is_passed_over_and_holds_up_nothing(
    store: Store, clock: ManualClock
) -> None:
    box = outbox(store, clock)
    fence = await take_ownership(box)
    await store.transact(_damage_event)
    assert await due_deliveries(box, fence) == []
    await append_events(store, "d1")
    assert await due_deliveries(box, fence) == [2]


def _damage_event(uow: UnitOfWork) -> None:
    uow.events._db.execute(  # type: ignore[attr-defined]  # noqa: SLF001 - the adapter's own
        "insert into events (seq, dataset_id, kind, document) values (1, 'd1', 'dataset:orphaned', '{}')",
        {},
    )
