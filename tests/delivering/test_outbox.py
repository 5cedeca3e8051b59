"""What a webhook is to be told, in which order, and by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.cloud_events import seq_of
from domain.deliveries import Answer, DeliveryState, Post, Retrying, Subscription
from domain.events import EventKind
from domain.outbox import LostError, Outbox
from tests.delivering.happening import happen

if TYPE_CHECKING:
    from domain.deliveries import Delivery
    from domain.records import Records, Store
    from tests.entities import SetClock

pytestmark = pytest.mark.each_store
GOOD, BAD = Answer(), Answer(error="answered 500")
RETRYING = Retrying(attempts=2, first_s=10, longest_s=60)


def outbox(store: Store, clock: SetClock, *, window: int = 1000, **wants: frozenset[str]) -> Outbox:
    subscription = Subscription(webhook="w", **wants)  # type: ignore[arg-type] # kinds are texts
    return Outbox(store, clock, subscription, RETRYING, window)


async def owned(box: Outbox, owner: str = "p1") -> int:
    fence = await box.claim(owner, await box.look())
    assert fence is not None
    return fence


async def due(box: Outbox, fence: int, *busy: str, limit: int = 10) -> list[int]:
    return [each.seq for each, _message in await box.due(fence, busy=busy, limit=limit)]


async def send(box: Outbox, fence: int, answer: Answer, chance: float = 1) -> Delivery:
    """Send the first that is due, with that answer."""
    delivery, _message = (await box.due(fence, busy=(), limit=1))[0]
    return await box.record(fence, delivery, answer, chance)


async def test_a_webhook_is_told_what_happens_after_it_was_first_claimed(
    store: Store, clock: SetClock
) -> None:
    await happen(store, "d1")
    box = outbox(store, clock)
    assert await box.look() is None
    fence = await owned(box)
    assert await due(box, fence) == []
    await happen(store, "d1", "d2")
    installation = await store.read(lambda records: records.installation)
    found = await box.due(fence, busy=(), limit=10)
    assert [(each.seq, seq_of(installation, message.id)) for each, message in found] == [(2, 2), (3, 3)]
    assert await box.look() == Post(webhook="w", cursor=3, owner="p1", fence=1)


async def test_what_happened_while_nobody_delivered_is_not_lost(store: Store, clock: SetClock) -> None:
    box = outbox(store, clock)
    await box.release(await owned(box))
    await happen(store, "d1")
    assert await due(box, await owned(box, "p2")) == [1]


async def test_only_one_event_of_a_dataset_is_under_way_and_the_next_follows_what_was_settled(
    store: Store, clock: SetClock
) -> None:
    box = outbox(store, clock)
    fence = await owned(box)
    await happen(store, "d1", "d1", "d2", "d1", "d3")
    assert await due(box, fence) == [1, 3, 5]
    assert await due(box, fence, "d1", "d2") == [5]
    assert await due(box, fence, "d3", limit=1) == [1]
    assert (await send(box, fence, BAD)).state is DeliveryState.WAITING
    assert await due(box, fence) == [3, 5]  # d1 waits, and its later events with it
    clock.instant += timedelta(seconds=10)
    assert (await send(box, fence, BAD)).state is DeliveryState.PARKED
    assert await due(box, fence) == [2, 3, 5]  # what is parked holds up nothing
    assert (await send(box, fence, GOOD)).state is DeliveryState.DELIVERED
    assert await due(box, fence) == [3, 4, 5]


async def test_a_pause_is_not_longer_for_a_clock_that_was_put_back(store: Store, clock: SetClock) -> None:
    box = outbox(store, clock)
    fence = await owned(box)
    await happen(store, "d1")
    await send(box, fence, BAD)
    assert await due(box, fence) == []
    clock.instant -= timedelta(days=30)
    assert await due(box, fence) == [1]


async def test_only_what_is_wanted_waits(store: Store, clock: SetClock) -> None:
    box = outbox(store, clock, kinds=frozenset({EventKind.ORPHANED}), clients=frozenset({"acme"}))
    fence = await owned(box)
    await happen(store, "d1", kind=EventKind.ORPHAN_CLEARED)
    await happen(store, "d2", client_id="globex")
    assert await due(box, fence) == []
    await happen(store, "d3")
    assert await due(box, fence) == [3]
    assert await store.read(lambda records: [each.seq for each in records.deliveries()]) == [3]


async def test_no_more_wait_than_there_is_room_for_and_none_is_passed_over(
    store: Store, clock: SetClock
) -> None:
    box = outbox(store, clock, window=2)
    fence = await owned(box)
    await happen(store, *(f"d{each}" for each in range(5)))
    assert await due(box, fence) == [1, 2]
    await send(box, fence, GOOD)
    assert await due(box, fence) == [2, 3]
    for _ in range(4):
        await send(box, fence, GOOD)
    assert await due(box, fence) == []
    assert await store.read(lambda records: [each.seq for each in records.deliveries()]) == [1, 2, 3, 4, 5]


async def test_of_two_that_saw_the_same_row_one_becomes_the_owner(store: Store, clock: SetClock) -> None:
    one, two = outbox(store, clock), outbox(store, clock)
    assert await one.claim("p1", None) == 1
    assert await two.claim("p2", None) is None
    seen = await two.look()
    await one.renew(1)
    assert await two.claim("p2", seen) is None  # its owner lives
    assert await two.claim("p2", await two.look()) == 2


async def test_a_former_owner_changes_nothing_any_more(store: Store, clock: SetClock) -> None:
    former, present = outbox(store, clock), outbox(store, clock)
    old = await owned(former)
    await happen(store, "d1")
    [(delivery, _message)] = await former.due(old, busy=(), limit=1)
    new = await owned(present, "p2")
    before = await store.read(lambda records: (records.posts(), records.deliveries()))
    for attempt in (
        former.record(old, delivery, GOOD, 0),
        former.due(old, busy=(), limit=1),
        former.renew(old),
        former.release(old),
    ):
        with pytest.raises(LostError):
            await attempt
    assert await store.read(lambda records: (records.posts(), records.deliveries())) == before
    assert await due(present, new) == [1]


async def test_a_webhook_whose_row_is_gone_has_no_owner(store: Store, clock: SetClock) -> None:
    with pytest.raises(LostError):
        await outbox(store, clock).renew(1)


async def test_an_event_that_cannot_be_understood_is_passed_over_and_holds_up_nothing(
    store: Store, clock: SetClock
) -> None:
    box = outbox(store, clock)
    fence = await owned(box)
    await store.transact(_damaged)
    assert await due(box, fence) == []
    await happen(store, "d1")
    assert await due(box, fence) == [2]


def _damaged(records: Records) -> None:
    records._db.execute(  # type: ignore[attr-defined]  # noqa: SLF001 - the adapter's own
        "insert into events (seq, dataset_id, kind, document) values (1, 'd1', 'dataset:orphaned', '{}')",
        {},
    )
