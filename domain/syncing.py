"""Waiting for a sync, with an end to the waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import PlatformRunLostError, PlatformUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.job import Job
    from domain.model import Mark
    from domain.platform import Job as Sync

_AGAIN: Final = 2
_FIRST_LOOK_S: Final = 0.05
_LONGEST_LOOK_S: Final = 2.0
_SHARE: Final = 20
"""Who has waited for minutes looks less often: after a twentieth of the wait so far."""
_SLOWEST_LOOK_S: Final = 30.0


async def synced(
    job: Job,
    handle: str,
    mark: Mark,
    run: str,
    *,
    push: Callable[[], Awaitable[object]],
    before_each_look: Callable[[], Awaitable[object]],
) -> None:
    """Have a pushed run served, and wait until it is; the same run again waits on the same sync.

    A run that the platform lost meanwhile is pushed again. Raises PlatformRunLostError when that does not help, and
    PlatformUnavailableError when the sync fails, is stopped, or has not ended by its deadline.
    """
    platform, clock, policy = job.outside.platform, job.outside.clock, job.outside.policy
    found = await _begun(job, handle, mark, run, push, before_each_look)
    began = found.started_at or clock.now()
    deadline = began + policy.sync_deadline
    pause = _FIRST_LOOK_S
    while found.state == "running":
        await before_each_look()
        if clock.now() >= deadline:
            raise PlatformUnavailableError(f"Glean's sync had not ended after {policy.sync_deadline}.")
        job.report("index", found.indexed or 0, found.total)
        await clock.sleep(pause)
        waited_s = (clock.now() - began).total_seconds()
        pause = min(pause * 2, max(_LONGEST_LOOK_S, min(waited_s / _SHARE, _SLOWEST_LOOK_S)))
        found = await platform.job(handle, run) or found
    if found.state != "succeeded":
        raise PlatformUnavailableError(f"Glean's sync ended as {found.state}.")


async def pushed(
    push: Callable[[], Awaitable[object]], before_each_again: Callable[[], Awaitable[object]]
) -> None:
    """Push a run, again when the platform lost it. Raises PlatformRunLostError when that does not help."""
    for _ in range(_AGAIN):
        try:
            await push()
        except PlatformRunLostError:
            await before_each_again()
        else:
            return
    await push()


async def _begun(
    job: Job,
    handle: str,
    mark: Mark,
    run: str,
    push: Callable[[], Awaitable[object]],
    before_each_again: Callable[[], Awaitable[object]],
) -> Sync:
    for _ in range(_AGAIN):
        try:
            return await job.outside.platform.sync(handle, mark, run)
        except PlatformRunLostError:
            await before_each_again()
            await pushed(push, before_each_again)
    return await job.outside.platform.sync(handle, mark, run)
