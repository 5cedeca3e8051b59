"""Waiting for a sync, with an end to the waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import PlatformUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.job import Job
    from domain.model import Mark

_FIRST_LOOK_S: Final = 0.05
_LONGEST_LOOK_S: Final = 2.0


async def synced(
    job: Job, handle: str, mark: Mark, run: str, *, before_each_look: Callable[[], Awaitable[object]]
) -> None:
    """Have a pushed run served, and wait until it is; the same run again waits on the same sync.

    Raises PlatformUnavailableError when the sync fails, is stopped, or has not ended by its deadline.
    """
    platform, clock, policy = job.outside.platform, job.outside.clock, job.outside.policy
    found = await platform.sync(handle, mark, run)
    deadline = (found.started_at or clock.now()) + policy.sync_deadline
    pause = _FIRST_LOOK_S
    while found.state == "running":
        await before_each_look()
        if clock.now() >= deadline:
            raise PlatformUnavailableError(f"Glean's sync had not ended after {policy.sync_deadline}.")
        job.report("index", found.indexed or 0, found.total)
        await clock.sleep(pause)
        pause = min(pause * 2, _LONGEST_LOOK_S)
        found = await platform.job(handle, run) or found
    if found.state != "succeeded":
        raise PlatformUnavailableError(f"Glean's sync ended as {found.state}.")
