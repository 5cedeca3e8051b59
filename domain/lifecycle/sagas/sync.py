"""Waiting for a sync, with an end to the waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import PlatformRunLostError, PlatformUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.sagas.context import SagaContext
    from domain.model import OwnerTag
    from domain.ports import SyncJob as Sync

_PUSH_RETRIES: Final = 2


_FIRST_POLL_S: Final = 0.05


_LONGEST_POLL_S: Final = 2.0


_POLL_DIVISOR: Final = 20
"""Who has waited for minutes looks less often: after a twentieth of the wait so far."""


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
    """Have a pushed run served, and wait until it is; the same run again waits on the same sync.

    A run that the platform lost meanwhile is pushed again. Raises PlatformRunLostError when that does not help, and
    PlatformUnavailableError when the sync fails, is stopped, or has not ended by its deadline.
    """
    platform, clock, policy = context.deps.platform, context.deps.clock, context.deps.settings
    found = await _start_sync(context, handle, mark, run, push, before_each_poll)
    began = found.started_at or clock.now()
    deadline = began + policy.sync_deadline
    pause = _FIRST_POLL_S
    while found.state == "running":
        await before_each_poll()
        if clock.now() >= deadline:
            raise PlatformUnavailableError(f"Glean's sync had not ended after {policy.sync_deadline}.")
        context.report("index", found.indexed or 0, found.total)
        await clock.sleep(pause)
        waited_s = (clock.now() - began).total_seconds()
        pause = min(pause * 2, max(_LONGEST_POLL_S, min(waited_s / _POLL_DIVISOR, _SLOWEST_POLL_S)))
        found = await platform.fetch_sync_job(handle, run) or found
    if found.state != "succeeded":
        raise PlatformUnavailableError(f"Glean's sync ended as {found.state}.")


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
) -> Sync:
    for _ in range(_PUSH_RETRIES):
        try:
            return await context.deps.platform.start_sync(handle, mark, run)
        except PlatformRunLostError:
            await before_each_retry()
            await push_with_retry(push, before_each_retry)
    return await context.deps.platform.start_sync(handle, mark, run)
