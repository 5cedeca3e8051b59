"""How a store keeps webhooks, and what each is to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.deliveries import Delivery, DeliveryState, Post
from domain.errors import StoreFailedError
from domain.events import Event, EventKind
from tests.entities import NOW

if TYPE_CHECKING:
    from domain.records import Records, Store

MINUTE = timedelta(minutes=1)
FAR = NOW + timedelta(days=1)


def event(dataset_id: str, **changes: str) -> Event:
    return Event(kind=EventKind.PROVISIONED, at=NOW, dataset_id=dataset_id, client_id="acme", data=changes)


def waiting(webhook: str, seq: int, dataset_id: str, **changes: object) -> Delivery:
    made = Delivery(webhook=webhook, seq=seq, dataset_id=dataset_id, due_at=NOW)
    return replace(made, **changes)  # type: ignore[arg-type] # a delivery's own fields


async def put(store: Store, *rows: Delivery | Post | Event) -> None:
    def work(records: Records) -> None:
        for each in rows:
            if isinstance(each, Delivery):
                records.put_delivery(each)
            elif isinstance(each, Post):
                records.put_post(each)
            else:
                records.append(each)

    await store.transact(work)


async def test_events_are_read_by_number_and_from_the_end(store: Store) -> None:
    look = store.read
    assert await look(lambda records: records.last_event()) == 0
    assert await look(lambda records: records.last_events(None, None, 5)) == []
    one, two, three = event("d1"), event("d2"), event("d1", name="again")
    await put(store, one, two, three)
    assert await look(lambda records: records.last_event()) == 3
    assert await look(lambda records: records.event(2)) == two
    assert await look(lambda records: records.last_events(None, None, 2)) == [(3, three), (2, two)]
    assert await look(lambda records: records.last_events(3, "d1", 2)) == [(1, one)]
    with pytest.raises(StoreFailedError, match="event 4"):
        await look(lambda records: records.event(4))


async def test_a_webhook_comes_back_as_it_was_put(store: Store) -> None:
    first = Post(webhook="b", cursor=3, owner="p1", fence=2, beats=9)
    await put(store, first, Post(webhook="a", cursor=0))
    assert await store.read(lambda records: records.post("b")) == first
    assert await store.read(lambda records: records.post("c")) is None
    await put(store, replace(first, cursor=4))
    assert await store.read(lambda records: records.posts()) == [
        Post(webhook="a", cursor=0),
        replace(first, cursor=4),
    ]


async def test_deliveries_are_found_by_webhook_event_and_state(store: Store) -> None:
    one, two = waiting("a", 1, "d1"), waiting("b", 1, "d1")
    parked = waiting(
        "a", 2, "d2", state=DeliveryState.PARKED, attempts=3, settled_at=NOW, error="answered 500"
    )
    done = waiting("a", 3, "d1", state=DeliveryState.DELIVERED, settled_at=NOW)
    await put(store, done, parked, two, one)
    look = store.read
    assert await look(lambda records: records.deliveries()) == [one, two, parked, done]
    assert await look(lambda records: records.deliveries(seq=1)) == [one, two]
    assert await look(lambda records: records.deliveries(webhook="a", seq=1)) == [one]
    assert await look(lambda records: records.deliveries(states=(DeliveryState.PARKED,))) == [parked]
    settled = (DeliveryState.PARKED, DeliveryState.DELIVERED)
    assert await look(lambda records: records.deliveries(states=settled, webhook="a")) == [parked, done]
    assert await look(lambda records: records.deliveries(after=1, limit=1)) == [parked]
    assert await look(lambda records: records.count_waiting("a")) == 1
    assert await look(lambda records: records.count_waiting("c")) == 0


async def test_the_heads_are_the_first_that_waits_of_each_dataset_and_only_what_is_due(store: Store) -> None:
    later, jumped = NOW + MINUTE, FAR + MINUTE
    await put(
        store,
        waiting("a", 1, "d1", state=DeliveryState.PARKED),
        waiting("a", 2, "d1"),
        waiting("a", 3, "d1"),
        waiting("a", 4, "d2", due_at=later),
        waiting("a", 5, "d2"),
        waiting("a", 6, "d3", due_at=jumped),
        waiting("b", 7, "d4"),
    )

    async def heads(limit: int, minutes: int = 0) -> list[int]:
        until = NOW + minutes * MINUTE
        found = await store.read(
            lambda records: records.heads("a", due_until=until, due_from=FAR, limit=limit)
        )
        return [each.seq for each in found]

    assert await heads(10) == [2, 6]
    assert await heads(1) == [2]
    assert await heads(10, minutes=1) == [2, 4, 6]
    await put(store, waiting("a", 2, "d1", state=DeliveryState.DELIVERED))
    assert await heads(10) == [3, 6]
