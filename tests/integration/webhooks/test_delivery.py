"""Webhooks told by processes: in order, at least once, each apart from the others, whoever dies."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
import structlog
from pydantic import SecretStr

from domain.errors import StoreFailedError
from domain.events.outbox import Outbox
from domain.model.delivery import DeliveryResult, DeliveryState, RetryPolicy, Subscription, redelivery
from server.adapters.clock import SystemClock
from server.adapters.webhooks import HttpCourier
from server.workers.webhook_delivery import DeliveryPace, deliver_webhook_events
from tests.support.entities import NOW
from tests.support.polling import wait_for, wait_for_async
from tests.support.webhooks.deliveries import register_webhook, wait_for_deliveries
from tests.support.webhooks.events import append_events
from tests.support.webhooks.receiver import (
    SECRET,
    WebhookReceiver,
    never_reply,
    reply_accepted,
    reply_error,
    reply_gone,
    reply_redirect,
    reply_retry_after,
    send_huge_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from domain.model.delivery import Delivery
    from domain.ports import Store
    from domain.ports.webhooks import CloudEventMessage, Courier
    from tests.support.webhooks.receiver import Behaviour

QUICK = DeliveryPace(poll_s=0.01, lease_s=0.3)
PATIENT = DeliveryPace(poll_s=0.01, lease_s=60)
"""Nobody takes an owner for dead, however slow the machine: so nothing is sent twice."""
RETRYING = RetryPolicy(attempts=3, first_s=0.01, longest_s=0.02)


@asynccontextmanager
async def delivery_process(
    store: Store,
    courier: Courier,
    webhook: str = "w",
    *,
    owner: str = "p1",
    retrying: RetryPolicy = RETRYING,
    pace: DeliveryPace = QUICK,
) -> AsyncIterator[anyio.CancelScope]:
    """A process that delivers to one webhook."""
    outbox = Outbox(store, SystemClock(), Subscription(webhook=webhook), retrying)
    life = anyio.CancelScope()

    async def run() -> None:
        with life:
            await deliver_webhook_events(outbox, courier, owner=owner, pace=pace)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        yield life
        life.cancel()


@asynccontextmanager
async def delivering_over_http(
    store: Store, receiver: WebhookReceiver, webhook: str = "w", *, timeout_s: float = 5, **given: object
) -> AsyncIterator[anyio.CancelScope]:
    """The same over HTTP, once it is known in the store."""
    async with AsyncExitStack() as stack:
        courier = await stack.enter_async_context(
            HttpCourier(receiver.url, [SecretStr(SECRET)], clock=SystemClock(), timeout_s=timeout_s)
        )
        scope = await stack.enter_async_context(delivery_process(store, courier, webhook, **given))  # type: ignore[arg-type] # its own
        await register_webhook(store, webhook)
        yield scope


async def test_events_arrive_signed_and_in_order(store: Store) -> None:
    async with WebhookReceiver().listen() as receiver, delivering_over_http(store, receiver):
        await append_events(store, *["d1", "d2"] * 10)
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 20)
    assert sorted(set(receiver.sequence_numbers)) == list(
        range(1, 21)
    )  # at least once: a slow machine may hear one again
    for one in ("d1", "d2"):
        seqs = [int(each["sequence"]) for each in receiver.messages if each["subject"] == one]
        assert seqs == sorted(seqs)


async def test_a_webhook_that_fails_is_tried_again_and_then_the_event_is_parked(store: Store) -> None:
    async with (
        WebhookReceiver(reply_error).listen() as receiver,
        delivering_over_http(store, receiver),
    ):
        await append_events(store, "d1", "d1")
        with structlog.testing.capture_logs() as logs:
            await wait_for_deliveries(store, DeliveryState.PARKED, 2)
    assert receiver.sequence_numbers == [1, 1, 1, 2, 2, 2]
    assert len({each["id"] for each in receiver.messages}) == 2
    assert [each["event"] for each in logs].count("webhook_failing") == 1
    assert [each["event"] for each in logs].count("event_parked") == 2
    [parked, _] = await store.read(lambda uow: uow.deliveries.find(states=(DeliveryState.PARKED,)))
    assert (parked.attempts, parked.error) == (3, "answered 500")


async def test_a_webhook_that_is_gone_has_the_event_parked_at_once(store: Store) -> None:
    async with (
        WebhookReceiver(reply_gone).listen() as receiver,
        delivering_over_http(store, receiver),
    ):
        await append_events(store, "d1")
        await wait_for_deliveries(store, DeliveryState.PARKED, 1)
    assert receiver.sequence_numbers == [1]


async def test_a_webhook_that_asks_for_a_pause_has_it(store: Store) -> None:
    patient = RetryPolicy(attempts=3, first_s=0.01, longest_s=3600)
    async with (
        WebhookReceiver(reply_retry_after).listen() as receiver,
        delivering_over_http(store, receiver, retrying=patient),
    ):
        began = SystemClock().now()
        await append_events(store, "d1")
        await wait_for_async(partial(_attempt_count, store))
    assert receiver.sequence_numbers == [1]
    [delivery] = await store.read(lambda uow: uow.deliveries.find())
    assert (delivery.state, delivery.error) == (DeliveryState.WAITING, "answered 429")
    assert (delivery.due_at - began).total_seconds() >= 30


async def test_a_webhook_that_dies_and_comes_back_is_told_everything_in_order(store: Store) -> None:
    receiver, patient = WebhookReceiver(), RetryPolicy(attempts=100, first_s=0.01, longest_s=0.02)
    async with receiver.listen(), delivering_over_http(store, receiver, retrying=patient):
        await append_events(store, "d1")
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 1)
        receiver.behaviour = reply_error
        await append_events(store, "d1", "d1", "d2")
        await wait_for(lambda: len(receiver.messages) > 3)
        receiver.behaviour = reply_accepted
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 4)
    async with receiver.listen(), delivering_over_http(store, receiver, retrying=patient, owner="p2"):
        await append_events(store, "d1")
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 5)
    accepted = list(
        dict.fromkeys(int(each["sequence"]) for each in receiver.messages if each["subject"] == "d1")
    )
    assert accepted == [1, 2, 3, 5]


async def test_a_webhook_that_is_away_is_told_when_it_is_back(store: Store) -> None:
    receiver = WebhookReceiver()
    async with receiver.listen():
        pass
    patient = RetryPolicy(attempts=100, first_s=0.01, longest_s=0.02)
    async with delivering_over_http(store, receiver, retrying=patient):
        await append_events(store, "d1", "d1")
        await wait_for_async(partial(_attempt_count, store))
        async with receiver.listen():
            await wait_for_deliveries(store, DeliveryState.DELIVERED, 2)
    assert receiver.sequence_numbers == [1, 2]


async def _attempt_count(store: Store) -> bool:
    return await store.read(lambda uow: any(each.attempts for each in uow.deliveries.find()))


@pytest.mark.parametrize(
    "behaviour",
    [never_reply, reply_redirect, reply_error, send_huge_body],
    ids=lambda b: b.__name__,
)
async def test_one_webhook_never_holds_up_another(store: Store, behaviour: Behaviour) -> None:
    async with (
        WebhookReceiver(behaviour).listen() as bad,
        WebhookReceiver().listen() as good,
        delivering_over_http(store, bad, "bad", timeout_s=60, pace=PATIENT),
        delivering_over_http(store, good, "good", timeout_s=60, pace=PATIENT),
    ):
        await append_events(store, *(f"d{each}" for each in range(10)))
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 10, "good")
        await wait_for(lambda: bool(bad.messages))
    assert sorted(good.sequence_numbers) == list(range(1, 11))


class _SlowlyReadOutbox(Outbox):
    """Reads what is due while something is being sent, and looks at what is busy only once that has ended."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, SystemClock(), Subscription(webhook="w"), RETRYING)
        self.reading, self.recorded = anyio.Event(), anyio.Event()

    async def load_due(
        self, fence: int, *, busy: Collection[str], limit: int
    ) -> list[tuple[Delivery, CloudEventMessage]]:
        due = await super().load_due(fence, busy=(), limit=limit)
        if busy:
            self.reading.set()
            await self.recorded.wait()
        return [each for each in due if each[0].dataset_id not in busy]

    async def record_result(
        self, fence: int, delivery: Delivery, result: DeliveryResult, chance: float
    ) -> Delivery:
        changed = await super().record_result(fence, delivery, result, chance)
        self.recorded.set()
        return changed


async def test_what_is_recorded_while_the_next_is_read_is_not_sent_again(store: Store) -> None:
    outbox, sent = _SlowlyReadOutbox(store), list[str]()

    class Courier:
        async def send(self, message: CloudEventMessage) -> DeliveryResult:
            sent.append(message.id)
            await outbox.reading.wait()
            return DeliveryResult()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(deliver_webhook_events, outbox, Courier(), owner="p1", pace=PATIENT))
        await register_webhook(store)
        await append_events(store, "d1")
        await outbox.recorded.wait()
        await append_events(store, "d2")
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 2)
        tasks.cancel_scope.cancel()
    assert len(sent) == len(set(sent)) == 2


async def test_two_processes_deliver_once_and_the_second_takes_over_at_once_when_the_first_ends(
    store: Store,
) -> None:
    async with (
        WebhookReceiver().listen() as receiver,
        delivering_over_http(store, receiver, pace=PATIENT) as first,
        delivering_over_http(store, receiver, owner="p2", pace=PATIENT),
    ):
        await append_events(store, "d1", "d2", "d3")
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 3)
        assert (await _cursor_owner(store)) == "p1"
        first.cancel()
        await append_events(store, "d1")
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 4)
        assert (await _cursor_owner(store)) == "p2"
    assert sorted(receiver.sequence_numbers) == [1, 2, 3, 4]


async def _cursor_owner(store: Store) -> str:
    post = await store.read(lambda uow: uow.deliveries.get_cursor("w"))
    assert post is not None
    return post.owner


async def _wait_for_new_owner(store: Store, former: str) -> bool:
    return await _cursor_owner(store) != former


class BlockingSender:
    """A courier whose first message is under way until it is let go."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.go = anyio.Event()
        self.began = anyio.Event()

    async def send(self, message: CloudEventMessage) -> DeliveryResult:
        self.sent.append(message.id)
        self.began.set()
        await self.go.wait()
        return DeliveryResult()


async def test_what_a_process_had_under_way_when_it_lost_its_turn_is_sent_again_and_counted_once(
    store: Store,
) -> None:
    stuck, free = BlockingSender(), BlockingSender()
    free.go.set()
    async with delivery_process(store, stuck):
        await register_webhook(store)
        await append_events(store, "d1")
        await stuck.began.wait()
        outbox = Outbox(store, SystemClock(), Subscription(webhook="w"), RETRYING)
        assert await outbox.claim("thief", await outbox.load_cursor()) == 2  # as if the first had stood still
        async with delivery_process(store, free, owner="p2"):
            await wait_for_deliveries(store, DeliveryState.DELIVERED, 1)
            stuck.go.set()
            await wait_for_async(partial(_wait_for_new_owner, store, "thief"))
    assert stuck.sent == free.sent
    [delivery] = await store.read(lambda uow: uow.deliveries.find())
    assert delivery.attempts == 1


class FailingStore:
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
    ailing = FailingStore(store)
    stuck = BlockingSender()
    with structlog.testing.capture_logs() as logs:
        async with delivery_process(ailing, stuck):  # type: ignore[arg-type] # stands in for the store
            await register_webhook(store)
            await append_events(store, "d1")
            await stuck.began.wait()
            ailing.fails = True
            stuck.go.set()
            await wait_for(lambda: "delivering_failed" in [each["event"] for each in logs])
            await wait_for(lambda: ailing.failures > 50)
            ailing.fails = False
            await wait_for_deliveries(store, DeliveryState.DELIVERED, 1)
    assert [each["event"] for each in logs].count("delivering_failed") == 1
    assert len(stuck.sent) >= 2
    assert len(set(stuck.sent)) == 1


async def test_a_process_that_finds_the_store_failing_at_its_start_begins_when_it_is_well(
    store: Store,
) -> None:
    ailing, courier = FailingStore(store), BlockingSender()
    courier.go.set()
    ailing.fails = True
    with structlog.testing.capture_logs() as logs:
        async with delivery_process(ailing, courier):  # type: ignore[arg-type] # the same
            await wait_for(lambda: bool(logs))
            ailing.fails = False
            await register_webhook(store)
            await append_events(store, "d1")
            await wait_for_deliveries(store, DeliveryState.DELIVERED, 1)
    assert [each["event"] for each in logs] == ["delivering_failed"]


class ReadOnlyStore(FailingStore):
    """A store that can be read and, as long as it is told so, not written."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name) if name == "read" else super().__getattr__(name)


async def test_an_owner_that_could_not_show_its_life_for_the_lease_sends_nothing_until_it_owns_again(
    store: Store,
) -> None:
    forgetful, courier = ReadOnlyStore(store), BlockingSender()
    courier.go.set()
    async with delivery_process(forgetful, courier):  # type: ignore[arg-type] # stands in for the store
        await register_webhook(store)
        await append_events(store, "d1")
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 1)
        await append_events(store, *["d1"] * 2)
        await wait_for(lambda: len(courier.sent) == 3)
        patient = partial(_fence, store)
        assert await patient() == 1
        forgetful.fails = True
        await store.transact(lambda uow: uow.deliveries.put(redelivery(uow.deliveries.find()[0], NOW)))
        silence = anyio.current_time() + 3 * QUICK.lease_s
        await wait_for(lambda: anyio.current_time() > silence)
        forgetful.fails = False
        await wait_for_deliveries(store, DeliveryState.DELIVERED, 3)
        assert await patient() == 2


async def _fence(store: Store) -> int:
    post = await store.read(lambda uow: uow.deliveries.get_cursor("w"))
    assert post is not None
    return post.fence
