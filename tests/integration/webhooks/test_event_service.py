"""Events as an operator looks at them, and one sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.audit.entry import parse_entry
from domain.errors import InvalidArgumentError, Recovery, UnknownEventError
from domain.events.cloudevents import event_id
from domain.events.service import EventService
from domain.model.delivery import Delivery, DeliveryState, WebhookCursor
from domain.model.principal import Principal, RequestContext
from tests.support.entities import NOW
from tests.support.webhooks.events import append_events

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork
    from tests.support.entities import ManualClock

KIM = Principal(subject="person:kim")
LEE = Principal(subject="person:lee", clients=frozenset({"globex"}))


def delivery(webhook: str, seq: int, state: DeliveryState, dataset_id: str = "d1") -> Delivery:
    return Delivery(
        webhook=webhook, seq=seq, dataset_id=dataset_id, due_at=NOW, state=state, attempts=3, settled_at=NOW
    )


async def put(store: Store, *rows: Delivery | WebhookCursor) -> None:
    def work(uow: UnitOfWork) -> None:
        for each in rows:
            if isinstance(each, WebhookCursor):
                uow.deliveries.put_cursor(each)
            else:
                uow.deliveries.put(each)

    await store.transact(work)


async def name_of_event(store: Store, seq: int) -> str:
    return event_id(await store.read(lambda uow: uow.installation), seq)


async def test_the_last_events_come_in_their_order_with_how_they_stand(
    store: Store, clock: ManualClock
) -> None:
    events = EventService(store, clock)
    assert await events.list_latest(KIM) == []
    await append_events(store, "d1", "d2", "d1")
    parked = delivery("w", 1, DeliveryState.PARKED)
    await put(store, parked)
    found = await events.list_latest(KIM)
    assert [each.id for each in found] == [await name_of_event(store, each) for each in (1, 2, 3)]
    assert [list(each.deliveries) for each in found] == [[parked], [], []]
    assert [each.event.dataset_id for each in await events.list_latest(KIM, limit=2)] == ["d2", "d1"]
    assert [each.id for each in await events.list_latest(KIM, dataset_id="d1")] == [found[0].id, found[2].id]


async def test_events_are_listed_page_by_page_from_either_end(store: Store, clock: ManualClock) -> None:
    events = EventService(store, clock)
    await append_events(store, "d1", "d2", "d1", "d2")
    await put(store, *(delivery("w", each, DeliveryState.PARKED) for each in range(1, 5)))

    assert [each.seq for each in await events.list_latest(KIM, before=4, limit=2)] == [2, 3]
    assert [each.seq for each in await events.list_oldest(KIM, limit=2)] == [1, 2]
    assert [each.seq for each in await events.list_oldest(KIM, after=2, limit=2)] == [3, 4]
    assert [each.seq for each in await events.list_oldest(KIM, dataset_id="d1", after=1)] == [3]
    assert [each.seq for each in await events.list_parked(KIM, after=3, limit=2)] == [4]


async def test_somebody_sees_the_events_of_their_clients_however_many_others_there_are(
    store: Store, clock: ManualClock
) -> None:
    events = EventService(store, clock)
    await append_events(store, "g1", client_id="globex")
    await append_events(store, *(f"d{each}" for each in range(9)))
    await put(store, *(delivery("w", each, DeliveryState.PARKED) for each in range(1, 11)))
    assert [each.event.dataset_id for each in await events.list_latest(LEE, limit=2)] == ["g1"]
    assert [each.event.dataset_id for each in await events.list_parked(LEE, limit=2)] == ["g1"]
    assert [each.event.dataset_id for each in await events.list_parked(KIM, limit=2)] == ["g1", "d0"]


async def test_parked_events_come_oldest_first_each_once(store: Store, clock: ManualClock) -> None:
    await append_events(store, "d1", "d2")
    await put(
        store,
        delivery("v", 2, DeliveryState.PARKED),
        delivery("w", 2, DeliveryState.PARKED),
        delivery("w", 1, DeliveryState.DELIVERED),
    )
    [found] = await EventService(store, clock).list_parked(KIM)
    assert (found.id, [each.webhook for each in found.deliveries]) == (
        await name_of_event(store, 2),
        ["v", "w"],
    )


async def test_an_event_is_sent_again_where_it_is_parked_else_wherever_it_was_sent(
    store: Store, clock: ManualClock
) -> None:
    await append_events(store, "d1")
    done, parked = delivery("v", 1, DeliveryState.DELIVERED), delivery("w", 1, DeliveryState.PARKED)
    await put(store, done, parked)
    clock.instant += timedelta(days=2)
    events, waiting = EventService(store, clock), DeliveryState.WAITING
    anew = replace(parked, state=waiting, attempts=0, settled_at=None, due_at=clock.instant)
    told = await events.redeliver(await name_of_event(store, 1), KIM)
    assert list(told.deliveries) == [done, anew]
    told = await events.redeliver(await name_of_event(store, 1), KIM)
    assert list(told.deliveries) == [replace(anew, webhook="v"), anew]


async def test_what_was_parked_is_sent_again_for_a_week(store: Store, clock: ManualClock) -> None:
    await append_events(store, "d1", "d2")
    await put(store, delivery("v", 1, DeliveryState.PARKED), delivery("w", 2, DeliveryState.DELIVERED))
    events = EventService(store, clock)
    clock.instant += timedelta(days=7)
    assert await events.redeliver_parked() == 1
    found = await store.read(lambda uow: [each.state.value for each in uow.deliveries.find()])
    assert found == ["waiting", "delivered"]
    await put(store, delivery("v", 1, DeliveryState.PARKED))
    clock.instant += timedelta(seconds=1)
    assert await events.redeliver_parked() == 0
    assert [each.id for each in await events.list_parked(KIM)] == [await name_of_event(store, 1)]


async def test_one_webhook_is_told_again_when_it_is_named(store: Store, clock: ManualClock) -> None:
    await append_events(store, "d1", "d2")
    done, parked = delivery("v", 1, DeliveryState.DELIVERED), delivery("w", 1, DeliveryState.PARKED)
    await put(store, done, parked, WebhookCursor(webhook="x", cursor=1))
    events = EventService(store, clock)
    told = await events.redeliver(await name_of_event(store, 1), KIM, webhook="v")
    assert [each.state for each in told.deliveries] == [DeliveryState.WAITING, DeliveryState.PARKED]
    told = await events.redeliver(await name_of_event(store, 1), KIM, webhook="x")
    assert [each.webhook for each in told.deliveries] == ["v", "w", "x"]

    with pytest.raises(InvalidArgumentError) as early:
        await events.redeliver(await name_of_event(store, 2), KIM, webhook="x")
    assert (early.value.field, early.value.recovery) == ("id", Recovery.WAIT)
    with pytest.raises(InvalidArgumentError) as unknown:
        await events.redeliver(await name_of_event(store, 1), KIM, webhook="X")
    assert (unknown.value.field, unknown.value.candidates) == ("webhook", ("x",))
    with pytest.raises(InvalidArgumentError) as nobody:
        await events.redeliver(await name_of_event(store, 2), KIM)
    assert (nobody.value.field, nobody.value.recovery) == ("id", Recovery.CHOOSE_OTHER)


async def test_an_event_that_is_not_there_or_not_theirs_is_unknown(store: Store, clock: ManualClock) -> None:
    await append_events(store, "d1")
    events = EventService(store, clock)
    for given, principal in (
        ("evt_nonsense_1", KIM),
        (await name_of_event(store, 0), KIM),
        (await name_of_event(store, 2), KIM),
        (await name_of_event(store, 1), LEE),
    ):
        with pytest.raises(UnknownEventError, match="There is no event"):
            await events.redeliver(given, principal)


async def test_who_had_it_sent_again_is_on_record(store: Store, clock: ManualClock) -> None:
    await append_events(store, "d1")
    await put(store, delivery("w", 1, DeliveryState.PARKED))
    call = RequestContext(audit_id="a1", at=NOW, verb="events redeliver", via="cli")
    await EventService(store, clock).redeliver(await name_of_event(store, 1), replace(KIM, call=call))
    [entry] = await store.read(_entries)
    told = parse_entry(entry)
    assert (told.principal, told.client_id, told.data) == (
        "person:kim",
        "acme",
        {"event": await name_of_event(store, 1), "webhooks": ["w"]},
    )


def _entries(uow: UnitOfWork) -> list[str]:
    rows = uow.audit._db.execute("select document from audit", {})  # type: ignore[attr-defined]  # noqa: SLF001 - the adapter's own
    return [row[0] for row in rows]
