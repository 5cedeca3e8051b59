"""Webhook delivery: one task per webhook, which waits for the webhook's lease and then sends what is due."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

import anyio
import structlog

from domain.errors import LifecycleError
from domain.events import OwnershipLostError
from domain.model import DeliveryState
from server.workers.loop import FailureLog, run_every

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from domain.events import Outbox
    from domain.model import Delivery, DeliveryResult, WebhookCursor
    from domain.ports import CloudEventMessage, Courier

_log: Final = structlog.get_logger(__name__)
_RENEWALS: Final = 3
"""How often an owner renews its claim within the lease: one failed renewal must not lose it."""
_RELEASE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPace:
    """How a process delivers to one webhook.

    Attributes:
        poll_s: seconds between two reads of what is due.
        lease_s: seconds without a renewal after which another process takes over.
        in_flight: how many messages are sent at once, each of another dataset.
        chance: gives a number from 0 to 1, by which pauses differ.
    """

    poll_s: float = 1.0
    lease_s: float = 15.0
    in_flight: int = 4
    chance: Callable[[], float] = random.random


async def deliver_webhook_events(
    outbox: Outbox, courier: Courier, *, owner: str, pace: DeliveryPace
) -> NoReturn:
    """Deliver to one webhook until cancelled, whenever no other process does; `owner` is a unique name.

    A failure on our own side is logged once, and tried again.
    """
    log = _DeliveryLog(outbox.webhook, FailureLog(_log, "delivering_failed", webhook=outbox.webhook))

    async def deliver_in_turn() -> None:
        fence = await _acquire_lease(outbox, owner, pace)
        await _deliver_while_leased(_DeliverySession(outbox, courier, fence, pace, log))

    await run_every(pace.poll_s, deliver_in_turn, log.failures)


async def _acquire_lease(outbox: Outbox, owner: str, pace: DeliveryPace) -> int:
    """Wait until no other process delivers to this webhook, claim it, and return the fence.

    Another owner is dead when its row has not changed for `lease_s` by this process's clock, which needs no agreement
    between the clocks of two machines.
    """
    seen: WebhookCursor | None = None
    since = anyio.current_time()
    while True:
        now = await outbox.load_cursor()
        if now != seen:
            seen, since = now, anyio.current_time()
        if seen is None or not seen.owner or anyio.current_time() - since >= pace.lease_s:
            fence = await outbox.claim(owner, seen)
            if fence is not None:
                return fence
        await anyio.sleep(pace.poll_s)


async def _deliver_while_leased(session: _DeliverySession) -> None:
    """Deliver until another process has taken over or this one ends, then release the lease."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run_until_lease_lost, tasks, session.renew_lease)
            tasks.start_soon(_run_until_lease_lost, tasks, partial(session.dispatch_due_events, tasks))
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_RELEASE_S):
            await session.release_lease()


async def _run_until_lease_lost(tasks: TaskGroup, work: Callable[[], Awaitable[object]]) -> None:
    """Run a part of the session; when another process has taken over, cancel the whole session."""
    try:
        await work()
    except OwnershipLostError:
        tasks.cancel_scope.cancel()


@dataclass(slots=True)
class _DeliveryLog:
    """The log of one webhook's delivery, in which a lasting failure is written once."""

    webhook: str
    failures: FailureLog
    """Failures on our own side."""
    error: str | None = None
    """The last error that the webhook answered; None when it accepted the message."""

    def log_answer(self, delivery: Delivery, message: CloudEventMessage, answer: DeliveryResult) -> None:
        """Log the answer of the webhook when it differs from the last one, and every parked delivery."""
        if answer.error != self.error:
            self.error = answer.error
            if answer.error is None:
                _log.info("webhook_accepts_again", webhook=self.webhook)
            else:
                _log.warning("webhook_failing", webhook=self.webhook, cause=answer.error)
        if delivery.state is DeliveryState.PARKED:
            _log.warning(
                "event_parked", webhook=self.webhook, event_id=message.id, attempts=delivery.attempts
            )


@dataclass(slots=True)
class _DeliverySession:
    """A session: one process delivers to a webhook, from its claim until the claim is lost."""

    outbox: Outbox
    courier: Courier
    fence: int
    pace: DeliveryPace
    log: _DeliveryLog
    busy: set[str] = field(default_factory=set)
    settled: anyio.Event = field(default_factory=anyio.Event)
    alive: float = field(default_factory=anyio.current_time)

    async def renew_lease(self) -> NoReturn:
        """Renew the claim at intervals. Raises OwnershipLostError."""
        while True:
            await anyio.sleep(self.pace.lease_s / _RENEWALS)
            began = anyio.current_time()
            try:
                await self.outbox.renew(self.fence)
            except LifecycleError as error:
                self.log.failures.record(error)
            else:
                self.alive = began

    async def dispatch_due_events(self, tasks: TaskGroup) -> NoReturn:
        """Start to send due events whenever fewer than `in_flight` are being sent. Raises OwnershipLostError."""
        while True:
            self.settled = anyio.Event()
            room = self.pace.in_flight - len(self.busy)
            for delivery, message in await self._load_due_events(room) if room else ():
                self.busy.add(delivery.dataset_id)
                tasks.start_soon(_run_until_lease_lost, tasks, partial(self._send, delivery, message))
            with anyio.move_on_after(self.pace.poll_s):
                await self.settled.wait()

    async def release_lease(self) -> None:
        """Release the claim, so that another process takes over at once; one that has already is not disturbed."""
        try:
            await self.outbox.release(self.fence)
        except OwnershipLostError:
            _log.info("webhook_taken_over", webhook=self.outbox.webhook)
        except LifecycleError as error:
            self.log.failures.record(error)

    async def _load_due_events(self, room: int) -> list[tuple[Delivery, CloudEventMessage]]:
        # What is busy before the read: what ends during it may be read as still due.
        busy = frozenset(self.busy)
        try:
            return await self.outbox.load_due(self.fence, busy=busy, limit=room)
        except LifecycleError as error:
            self.log.failures.record(error)
            return []

    async def _send(self, delivery: Delivery, message: CloudEventMessage) -> None:
        if anyio.current_time() - self.alive >= self.pace.lease_s:
            raise OwnershipLostError(
                self.outbox.webhook
            )  # this process was suspended longer than the lease, so another one may deliver by now
        answer = await self.courier.send(message)
        try:
            recorded = await self.outbox.record_result(self.fence, delivery, answer, self.pace.chance())
        except LifecycleError as error:
            self.log.failures.record(error)  # without the record it is sent again: at least once
        else:
            self.log.log_answer(recorded, message, answer)
            self.settled.set()
        finally:
            self.busy.discard(delivery.dataset_id)
