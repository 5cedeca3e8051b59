"""How a store keeps webhooks, and what each is to be told."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import StoreFailedError
from domain.model.delivery import Delivery, DeliveryState, WebhookCursor
from domain.model.event import Event, EventKind
from tests.support.entities import NOW
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork
    from tests.support.stores.store_adapters import StoreLocation

MINUTE = timedelta(minutes=1)
FAR = NOW + timedelta(days=1)


def event(dataset_id: str, **changes: str) -> Event:
    return Event(kind=EventKind.PROVISIONED, at=NOW, dataset_id=dataset_id, client_id="acme", data=changes)


def waiting_delivery(webhook: str, seq: int, dataset_id: str, **changes: object) -> Delivery:
    made = Delivery(webhook=webhook, seq=seq, dataset_id=dataset_id, due_at=NOW)
    return replace(made, **changes)  # type: ignore[arg-type] # a delivery's own fields


async def put(store: Store, *rows: Delivery | WebhookCursor | Event) -> None:
    def work(uow: UnitOfWork) -> None:
        for each in rows:
            if isinstance(each, Delivery):
                uow.deliveries.put(each)
            elif isinstance(each, WebhookCursor):
                uow.deliveries.put_cursor(each)
            else:
                uow.events.append(each)

    await store.transact(work)


async def test_events_are_read_by_number_and_from_the_end(store: Store) -> None:
    look = store.read
    assert await look(lambda uow: uow.events.last_number()) == 0
    assert await look(lambda uow: uow.events.list_latest(None, None, 5)) == []
    one, two, three = event("d1"), event("d2"), event("d1", name="again")
    await put(store, one, two, three)
    assert await look(lambda uow: uow.events.last_number()) == 3
    assert await look(lambda uow: uow.events.get(2)) == two
    assert await look(lambda uow: uow.events.list_latest(None, None, 2)) == [(3, three), (2, two)]
    assert await look(lambda uow: uow.events.list_latest(3, "d1", 2)) == [(1, one)]
    with pytest.raises(StoreFailedError, match="event 4"):
        await look(lambda uow: uow.events.get(4))


async def test_the_last_event_has_its_number_only_after_all_before_it_have_theirs(
    store: Store, location: StoreLocation
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        uow.events.append(event("d1"))
        inside.set()
        assert go_on.wait(20)

    async def read_numbers() -> list[int]:
        last, rows = await store.read(lambda uow: (uow.events.last_number(), uow.events.find()))
        numbers = [seq for seq, _event in rows]
        assert numbers == list(range(1, last + 1))
        return numbers

    async with location.open_store() as other:
        first = asyncio.create_task(store.transact(slow))
        await wait_for(inside.is_set)
        later = [asyncio.create_task(put(other, event("d2"), event("d3"))) for _ in range(5)]
        for _ in range(30):
            assert await read_numbers() == []
        go_on.set()
        while not all(each.done() for each in (first, *later)):
            await read_numbers()
        await asyncio.gather(first, *later)
    assert await read_numbers() == list(range(1, 12))
    assert (await store.read(lambda uow: uow.events.get(1))).dataset_id == "d1"


async def test_an_event_that_was_taken_back_leaves_no_gap(store: Store) -> None:
    def taken_back(uow: UnitOfWork) -> None:
        uow.events.append(event("d1"))
        raise KeyError("taken back")

    await put(store, event("d2"))
    with pytest.raises(KeyError):
        await store.transact(taken_back)
    await put(store, event("d3"))
    found = await store.read(lambda uow: uow.events.list_latest(None, None, 5))
    assert [(seq, each.dataset_id) for seq, each in found] == [(2, "d3"), (1, "d2")]


async def test_a_webhook_comes_back_as_it_was_put(store: Store) -> None:
    first = WebhookCursor(webhook="b", cursor=3, owner="p1", fence=2, beats=9)
    await put(store, first, WebhookCursor(webhook="a", cursor=0))
    assert await store.read(lambda uow: uow.deliveries.get_cursor("b")) == first
    assert await store.read(lambda uow: uow.deliveries.get_cursor("c")) is None
    await put(store, replace(first, cursor=4))
    assert await store.read(lambda uow: uow.deliveries.list_cursors()) == [
        WebhookCursor(webhook="a", cursor=0),
        replace(first, cursor=4),
    ]


async def test_deliveries_are_found_by_webhook_event_and_state(store: Store) -> None:
    one, two = waiting_delivery("a", 1, "d1"), waiting_delivery("b", 1, "d1")
    parked = waiting_delivery(
        "a", 2, "d2", state=DeliveryState.PARKED, attempts=3, settled_at=NOW, error="answered 500"
    )
    done = waiting_delivery("a", 3, "d1", state=DeliveryState.DELIVERED, settled_at=NOW)
    await put(store, done, parked, two, one)
    look = store.read
    assert await look(lambda uow: uow.deliveries.find()) == [one, two, parked, done]
    assert await look(lambda uow: uow.deliveries.find(seq=1)) == [one, two]
    assert await look(lambda uow: uow.deliveries.find(webhook="a", seq=1)) == [one]
    assert await look(lambda uow: uow.deliveries.find(states=(DeliveryState.PARKED,))) == [parked]
    settled = (DeliveryState.PARKED, DeliveryState.DELIVERED)
    assert await look(lambda uow: uow.deliveries.find(states=settled, webhook="a")) == [parked, done]
    assert await look(lambda uow: uow.deliveries.find(after=1, limit=1)) == [parked]
    assert await look(lambda uow: uow.deliveries.count_waiting("a")) == 1
    assert await look(lambda uow: uow.deliveries.count_waiting("c")) == 0


async def test_the_heads_are_the_first_that_waits_of_each_dataset_and_only_what_is_due(store: Store) -> None:
    later, jumped = NOW + MINUTE, FAR + MINUTE
    await put(
        store,
        waiting_delivery("a", 1, "d1", state=DeliveryState.PARKED),
        waiting_delivery("a", 2, "d1"),
        waiting_delivery("a", 3, "d1"),
        waiting_delivery("a", 4, "d2", due_at=later),
        waiting_delivery("a", 5, "d2"),
        waiting_delivery("a", 6, "d3", due_at=jumped),
        waiting_delivery("b", 7, "d4"),
    )

    async def heads(limit: int, minutes: int = 0) -> list[int]:
        until = NOW + minutes * MINUTE
        found = await store.read(
            lambda uow: uow.deliveries.list_due("a", due_until=until, due_from=FAR, limit=limit)
        )
        return [each.seq for each in found]

    assert await heads(10) == [2, 6]
    assert await heads(1) == [2]
    assert await heads(10, minutes=1) == [2, 4, 6]
    await put(store, waiting_delivery("a", 2, "d1", state=DeliveryState.DELIVERED))
    assert await heads(10) == [3, 6]


async def test_a_page_of_deliveries_is_full_whatever_cannot_be_understood(
    store: Store, location: StoreLocation
) -> None:
    rows = [waiting_delivery(webhook, seq, f"d{seq}") for seq in (1, 2, 3) for webhook in ("B", "a", "c")]
    await put(store, *reversed(rows))
    for webhook, seq in (("B", 1), ("a", 1), ("c", 2)):
        broken = (
            "update deliveries set document = '{' where webhook = :webhook and seq = cast(:seq as integer)"
        )
        assert location.execute_sql(broken, webhook=webhook, seq=str(seq)) == 1
    good = [each for each in rows if (each.webhook, each.seq) not in {("B", 1), ("a", 1), ("c", 2)}]
    look = store.read
    for limit in range(1, 8):
        assert await look(lambda uow, limit=limit: uow.deliveries.find(limit=limit)) == good[:limit]  # type: ignore[misc]
    assert await look(lambda uow: uow.deliveries.find(after=1, limit=3)) == good[1:4]
    assert await look(lambda uow: uow.deliveries.find(seq=1)) == good[:1]
    heads = await look(lambda uow: uow.deliveries.list_due("a", due_until=NOW, due_from=FAR, limit=1))
    assert heads == [waiting_delivery("a", 2, "d2")]


async def test_the_last_events_are_full_whatever_cannot_be_understood(
    store: Store, location: StoreLocation
) -> None:
    await put(store, event("d1"), event("d2"))
    row = "insert into events (seq, dataset_id, kind, document) values ({}, 'd1', 'provisioned', '{{')"
    location.execute_sql(row.format(3), row.format(4))
    await put(store, event("d1"))
    found = await store.read(lambda uow: uow.events.list_latest(None, None, 2))
    assert [seq for seq, _event in found] == [5, 2]
    assert await store.read(lambda uow: uow.events.last_number()) == 5
    with pytest.raises(StoreFailedError, match="event 4 cannot be decoded"):
        await store.read(lambda uow: uow.events.get(4))
