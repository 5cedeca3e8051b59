"""Webhooks told by processes: in order, at least once, each apart from the others, whoever dies."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
import structlog
from pydantic import SecretStr

from domain.deliveries import Answer, DeliveryState, Retrying, Subscription, again
from domain.errors import StoreFailedError
from domain.outbox import Outbox
from server.adapters.system import SystemClock
from server.adapters.webhooks import HttpCourier
from server.delivering import Pace, deliver
from tests import receivers
from tests.delivering.happening import happen
from tests.entities import NOW
from tests.receivers import SECRET, Receiver
from tests.waiting import eventually, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.cloud_events import Message
    from domain.ports import Courier
    from domain.records import Store

QUICK = Pace(poll_s=0.01, lease_s=0.3)
RETRYING = Retrying(attempts=3, first_s=0.01, longest_s=0.02)


@asynccontextmanager
async def process(
    store: Store,
    courier: Courier,
    webhook: str = "w",
    *,
    owner: str = "p1",
    retrying: Retrying = RETRYING,
    pace: Pace = QUICK,
) -> AsyncIterator[anyio.CancelScope]:
    """A process that delivers to one webhook."""
    outbox = Outbox(store, SystemClock(), Subscription(webhook=webhook), retrying)
    life = anyio.CancelScope()

    async def run() -> None:
        with life:
            await deliver(outbox, courier, owner=owner, pace=pace)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        yield life
        life.cancel()


@asynccontextmanager
async def telling(
    store: Store, receiver: Receiver, webhook: str = "w", *, timeout_s: float = 5, **given: object
) -> AsyncIterator[anyio.CancelScope]:
    """The same over HTTP, once it is known in the store."""
    async with AsyncExitStack() as stack:
        courier = await stack.enter_async_context(
            HttpCourier(receiver.url, [SecretStr(SECRET)], clock=SystemClock(), timeout_s=timeout_s)
        )
        scope = await stack.enter_async_context(process(store, courier, webhook, **given))  # type: ignore[arg-type] # its own
        await known(store, webhook)
        yield scope


async def known(store: Store, webhook: str = "w") -> None:
    async def there() -> bool:
        return await store.read(lambda records: records.post(webhook)) is not None

    await until(there, 60)


async def settled(
    store: Store, state: DeliveryState, count: int, webhook: str = "w", *, seconds: float = 60
) -> None:
    """Return when so many deliveries have that state."""

    async def so_many() -> bool:
        found = await store.read(lambda records: records.deliveries(webhook=webhook, states=(state,)))
        return len(found) >= count

    await until(so_many, seconds)


async def test_events_arrive_signed_and_in_order(store: Store) -> None:
    async with Receiver().up() as receiver, telling(store, receiver):
        await happen(store, *["d1", "d2"] * 10)
        await settled(store, DeliveryState.DELIVERED, 20)
    assert sorted(set(receiver.seqs)) == list(
        range(1, 21)
    )  # at least once: a slow machine may hear one again
    for one in ("d1", "d2"):
        seqs = [int(each["sequence"]) for each in receiver.heard if each["subject"] == one]
        assert seqs == sorted(seqs)


async def test_a_webhook_that_fails_is_tried_again_and_then_the_event_is_parked(store: Store) -> None:
    async with Receiver(receivers.fail).up() as receiver, telling(store, receiver):
        await happen(store, "d1", "d1")
        with structlog.testing.capture_logs() as logs:
            await settled(store, DeliveryState.PARKED, 2)
    assert receiver.seqs == [1, 1, 1, 2, 2, 2]
    assert len({each["id"] for each in receiver.heard}) == 2
    assert [each["event"] for each in logs].count("webhook_failing") == 1
    assert [each["event"] for each in logs].count("event_parked") == 2
    [parked, _] = await store.read(lambda records: records.deliveries(states=(DeliveryState.PARKED,)))
    assert (parked.attempts, parked.error) == (3, "answered 500")


async def test_a_webhook_that_is_gone_has_the_event_parked_at_once(store: Store) -> None:
    async with Receiver(receivers.gone).up() as receiver, telling(store, receiver):
        await happen(store, "d1")
        await settled(store, DeliveryState.PARKED, 1)
    assert receiver.seqs == [1]


async def test_a_webhook_that_asks_for_a_pause_has_it(store: Store) -> None:
    patient = Retrying(attempts=3, first_s=0.01, longest_s=3600)
    async with Receiver(receivers.wait_please).up() as receiver, telling(store, receiver, retrying=patient):
        began = SystemClock().now()
        await happen(store, "d1")
        await until(partial(_tried, store))
    assert receiver.seqs == [1]
    [delivery] = await store.read(lambda records: records.deliveries())
    assert (delivery.state, delivery.error) == (DeliveryState.WAITING, "answered 429")
    assert (delivery.due_at - began).total_seconds() >= 30


async def test_a_webhook_that_dies_and_comes_back_is_told_everything_in_order(store: Store) -> None:
    receiver, patient = Receiver(), Retrying(attempts=100, first_s=0.01, longest_s=0.02)
    async with receiver.up(), telling(store, receiver, retrying=patient):
        await happen(store, "d1")
        await settled(store, DeliveryState.DELIVERED, 1)
        receiver.behaviour = receivers.fail
        await happen(store, "d1", "d1", "d2")
        await eventually(lambda: len(receiver.heard) > 3)
        receiver.behaviour = receivers.accept
        await settled(store, DeliveryState.DELIVERED, 4)
    async with receiver.up(), telling(store, receiver, retrying=patient, owner="p2"):
        await happen(store, "d1")
        await settled(store, DeliveryState.DELIVERED, 5)
    accepted = list(
        dict.fromkeys(int(each["sequence"]) for each in receiver.heard if each["subject"] == "d1")
    )
    assert accepted == [1, 2, 3, 5]


async def test_a_webhook_that_is_away_is_told_when_it_is_back(store: Store) -> None:
    receiver = Receiver()
    async with receiver.up():
        pass
    patient = Retrying(attempts=100, first_s=0.01, longest_s=0.02)
    async with telling(store, receiver, retrying=patient):
        await happen(store, "d1", "d1")
        await until(partial(_tried, store))
        async with receiver.up():
            await settled(store, DeliveryState.DELIVERED, 2)
    assert receiver.seqs == [1, 2]


async def _tried(store: Store) -> bool:
    return await store.read(lambda records: any(each.attempts for each in records.deliveries()))


@pytest.mark.parametrize(
    "behaviour",
    [receivers.hang, receivers.redirect, receivers.fail, receivers.babble],
    ids=lambda b: b.__name__,
)
async def test_one_webhook_never_holds_up_another(store: Store, behaviour: receivers.Behaviour) -> None:
    async with (
        Receiver(behaviour).up() as bad,
        Receiver().up() as good,
        telling(store, bad, "bad", timeout_s=60),
        telling(store, good, "good"),
    ):
        await happen(store, *(f"d{each}" for each in range(10)))
        await settled(store, DeliveryState.DELIVERED, 10, "good")
        await eventually(lambda: bool(bad.heard))
    assert sorted(good.seqs) == list(range(1, 11))


async def test_two_processes_deliver_once_and_the_second_takes_over_at_once_when_the_first_ends(
    store: Store,
) -> None:
    slow = Pace(poll_s=0.01, lease_s=60)
    async with (
        Receiver().up() as receiver,
        telling(store, receiver, pace=slow) as first,
        telling(store, receiver, owner="p2", pace=slow),
    ):
        await happen(store, "d1", "d2", "d3")
        await settled(store, DeliveryState.DELIVERED, 3)
        assert (await _owner(store)) == "p1"
        first.cancel()
        await happen(store, "d1")
        await settled(store, DeliveryState.DELIVERED, 4)
        assert (await _owner(store)) == "p2"
    assert sorted(receiver.seqs) == [1, 2, 3, 4]


async def _owner(store: Store) -> str:
    post = await store.read(lambda records: records.post("w"))
    assert post is not None
    return post.owner


async def _changed_hands(store: Store, former: str) -> bool:
    return await _owner(store) != former


class Stuck:
    """A courier whose first message is under way until it is let go."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.go = anyio.Event()
        self.began = anyio.Event()

    async def send(self, message: Message) -> Answer:
        self.sent.append(message.id)
        self.began.set()
        await self.go.wait()
        return Answer()


async def test_what_a_process_had_under_way_when_it_lost_its_turn_is_sent_again_and_counted_once(
    store: Store,
) -> None:
    stuck, free = Stuck(), Stuck()
    free.go.set()
    async with process(store, stuck):
        await known(store)
        await happen(store, "d1")
        await stuck.began.wait()
        outbox = Outbox(store, SystemClock(), Subscription(webhook="w"), RETRYING)
        assert await outbox.claim("thief", await outbox.look()) == 2  # as if the first had stood still
        async with process(store, free, owner="p2"):
            await settled(store, DeliveryState.DELIVERED, 1)
            stuck.go.set()
            await until(partial(_changed_hands, store, "thief"))
    assert stuck.sent == free.sent
    [delivery] = await store.read(lambda records: records.deliveries())
    assert delivery.attempts == 1


class Ailing:
    """A store whose transactions fail as long as it is told so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fails = False
        self.failures = 0

    def __getattr__(self, name: str) -> object:
        if self.fails:
            self.failures += 1
            raise StoreFailedError("the disk is full")
        return getattr(self._store, name)


async def test_a_store_that_fails_for_a_while_is_told_once_and_delivery_goes_on(store: Store) -> None:
    ailing = Ailing(store)
    stuck = Stuck()
    with structlog.testing.capture_logs() as logs:
        async with process(ailing, stuck):  # type: ignore[arg-type] # stands in for the store
            await known(store)
            await happen(store, "d1")
            await stuck.began.wait()
            ailing.fails = True
            stuck.go.set()
            await eventually(lambda: "delivering_failed" in [each["event"] for each in logs])
            await eventually(lambda: ailing.failures > 50)
            ailing.fails = False
            await settled(store, DeliveryState.DELIVERED, 1)
    assert [each["event"] for each in logs].count("delivering_failed") == 1
    assert len(stuck.sent) >= 2
    assert len(set(stuck.sent)) == 1


async def test_a_process_that_finds_the_store_failing_at_its_start_begins_when_it_is_well(
    store: Store,
) -> None:
    ailing, courier = Ailing(store), Stuck()
    courier.go.set()
    ailing.fails = True
    with structlog.testing.capture_logs() as logs:
        async with process(ailing, courier):  # type: ignore[arg-type] # the same
            await eventually(lambda: bool(logs))
            ailing.fails = False
            await known(store)
            await happen(store, "d1")
            await settled(store, DeliveryState.DELIVERED, 1)
    assert [each["event"] for each in logs] == ["delivering_failed"]


class Forgetful(Ailing):
    """A store that can be read and, as long as it is told so, not written."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name) if name == "read" else super().__getattr__(name)


async def test_an_owner_that_could_not_show_its_life_for_the_lease_sends_nothing_until_it_owns_again(
    store: Store,
) -> None:
    forgetful, courier = Forgetful(store), Stuck()
    courier.go.set()
    async with process(forgetful, courier):  # type: ignore[arg-type] # stands in for the store
        await known(store)
        await happen(store, "d1")
        await settled(store, DeliveryState.DELIVERED, 1)
        await happen(store, *["d1"] * 2)
        await eventually(lambda: len(courier.sent) == 3)
        patient = partial(_fence, store)
        assert await patient() == 1
        forgetful.fails = True
        await store.transact(lambda records: records.put_delivery(again(records.deliveries()[0], NOW)))
        silence = anyio.current_time() + 3 * QUICK.lease_s
        await eventually(lambda: anyio.current_time() > silence)
        forgetful.fails = False
        await settled(store, DeliveryState.DELIVERED, 3)
        assert await patient() == 2


async def _fence(store: Store) -> int:
    post = await store.read(lambda records: records.post("w"))
    assert post is not None
    return post.fence
