"""Sync: push and sync a run, with bounded retries and a deadline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import PlatformRunLostError, PlatformUnavailableError, require_present
from domain.lifecycle.sagas.polling import poll
from domain.model import SyncWait
from domain.policy import read_clock, time_since

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from domain.lifecycle.sagas.context import SagaContext
    from domain.model import Dataset, OwnerTag
    from domain.ports import Clock, SyncJob, UnitOfWork

_PUSH_RETRIES: Final = 2
_FIRST_POLL_S: Final = 0.05
_LONGEST_POLL_S: Final = 2.0
_POLL_DIVISOR: Final = 20
"""A long wait polls less often: after a twentieth of the time waited so far."""
_SLOWEST_POLL_S: Final = 30.0


async def sync_and_wait(
    context: SagaContext,
    handle: str,
    mark: OwnerTag,
    run: str,
    *,
    push: Callable[[], Awaitable[object]],
    before_each_poll: Callable[[], Awaitable[object]],
) -> None:
    """Sync a pushed run, and wait until it is served; the same run again waits for the same sync.

    The deadline is measured by the monotonic clock. It counts what processes that died have waited before, as far as
    `time_since` can tell: the platform's own instants and the clock, which can be set, decide nothing within one boot.

    A run that the platform lost meanwhile is pushed again. Raises PlatformRunLostError when that does not help, and
    PlatformUnavailableError when the sync fails, is stopped, or has not ended by its deadline.
    """
    platform, clock = context.deps.platform, context.deps.clock
    limit = context.deps.settings.sync_deadline
    job = await _start_sync(context, handle, mark, run, push, before_each_poll)
    waited = await _begin_wait(context, run) if job.state == "running" else timedelta()

    async def find_ended_job() -> SyncJob | None:
        if job.state != "running":
            return job
        await before_each_poll()
        return None

    async def report_progress() -> None:
        context.report("index", job.indexed or 0, job.total)

    async def refresh_job() -> None:
        nonlocal job
        job = await platform.fetch_sync_job(handle, run) or job

    ended = await poll(
        find_ended_job,
        clock,
        _sync_backoff(clock, waited.total_seconds()),
        limit=limit - waited,
        timeout_error=lambda: PlatformUnavailableError(f"Glean's sync had not ended after {limit}."),
        before_pause=report_progress,
        after_pause=refresh_job,
    )
    if ended.state != "succeeded":
        raise PlatformUnavailableError(f"Glean's sync ended as {ended.state}.")


async def _begin_wait(context: SagaContext, run: str) -> timedelta:
    """Store when the wait for the sync of a run began; return how long processes that died have waited for it."""
    reading = read_clock(context.deps.clock)

    def begin(uow: UnitOfWork, dataset: Dataset) -> timedelta:
        saga = require_present(dataset.run, "a saga changes a dataset only while it is its run")
        if saga.sync_wait is not None and saga.sync_wait.run == run:
            return time_since(saga.sync_wait.since, reading) or timedelta()
        wait = SyncWait(run=run, since=reading)
        uow.datasets.put(dataset.evolve(run=replace(saga, sync_wait=wait)))
        return timedelta()

    return await context.transact(begin)


def _sync_backoff(clock: Clock, waited_s: float) -> Iterator[float]:
    """Pauses that double up to two seconds, and grow further with the time waited, up to 30 seconds."""
    pause_s, began = _FIRST_POLL_S, clock.monotonic() - waited_s
    while True:
        yield pause_s
        waited_s = clock.monotonic() - began
        pause_s = min(pause_s * 2, max(_LONGEST_POLL_S, min(waited_s / _POLL_DIVISOR, _SLOWEST_POLL_S)))


async def push_with_retry(
    push: Callable[[], Awaitable[object]], before_each_retry: Callable[[], Awaitable[object]]
) -> None:
    """Push a run, again when the platform lost it. Raises PlatformRunLostError when that does not help."""
    for _ in range(_PUSH_RETRIES):
        try:
            await push()
        except PlatformRunLostError:
            await before_each_retry()
        else:
            return
    await push()


async def _start_sync(
    context: SagaContext,
    handle: str,
    mark: OwnerTag,
    run: str,
    push: Callable[[], Awaitable[object]],
    before_each_retry: Callable[[], Awaitable[object]],
) -> SyncJob:
    for _ in range(_PUSH_RETRIES):
        try:
            return await context.deps.platform.start_sync(handle, mark, run)
        except PlatformRunLostError:
            await before_each_retry()
            await push_with_retry(push, before_each_retry)
    return await context.deps.platform.start_sync(handle, mark, run)
