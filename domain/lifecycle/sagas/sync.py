"""Sync: push and sync a run, with bounded retries and a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import PlatformRunLostError, PlatformUnavailableError
from domain.lifecycle.sagas.polling import poll

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from domain.lifecycle.sagas.context import SagaContext
    from domain.model import OwnerTag
    from domain.ports import Clock, SyncJob

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

    A run that the platform lost meanwhile is pushed again. Raises PlatformRunLostError when that does not help, and
    PlatformUnavailableError when the sync fails, is stopped, or has not ended by its deadline.
    """
    platform, clock = context.deps.platform, context.deps.clock
    limit = context.deps.settings.sync_deadline
    job = await _start_sync(context, handle, mark, run, push, before_each_poll)
    began = job.started_at or clock.now()

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
        _sync_backoff(clock, began),
        deadline=began + limit,
        timeout_error=lambda: PlatformUnavailableError(f"Glean's sync had not ended after {limit}."),
        before_pause=report_progress,
        after_pause=refresh_job,
    )
    if ended.state != "succeeded":
        raise PlatformUnavailableError(f"Glean's sync ended as {ended.state}.")


def _sync_backoff(clock: Clock, began: datetime) -> Iterator[float]:
    """Pauses that double up to two seconds, and grow further with the time waited, up to 30 seconds."""
    pause_s = _FIRST_POLL_S
    while True:
        yield pause_s
        waited_s = (clock.now() - began).total_seconds()
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
