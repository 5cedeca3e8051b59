"""What each schedule does, by the same use cases that tools and commands call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from domain.approvals import SWEEPER
from domain.callers import Caller
from domain.errors import LifecycleError, StoreAwayError
from domain.schedules import (
    HEALTH,
    PURGE,
    REDELIVERY,
    RETENTION,
    SCAN,
    SWEEP,
    RefusedError,
)
from domain.vocabulary import TeardownReason
from server.scheduling import within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from domain.model import Dataset
    from domain.monitoring import Monitor
    from domain.ports import Json, Perform, Saga
    from domain.schedules import Chore
    from tools.services import Services

HEALTH_S: Final = 50.0
"""A turn of health is over before the next one begins, however slow Glean is."""
DAILY_S: Final = 3600.0
"""A daily turn that hangs is given up long before the next one; what it left, that one does."""
RECHECK_S: Final = 15 * 60.0
"""A re-check counts as pending no longer, and runs no longer either."""
_MONITOR: Final = Caller(subject="schedule:health")
_SCANNER: Final = Caller(subject="schedule:scan")
_SWEEPER: Final = Caller(subject=SWEEPER)
_KEEPER: Final = Caller(subject="schedule:retention")


def chores(services: Services, monitor: Monitor, purge: Callable[[], Awaitable[None]]) -> Mapping[str, Chore]:
    """The chore of each schedule; `purge` has the engine forget what ended long ago."""

    async def health(_: str) -> Json:
        return (await monitor.turn()).told()

    async def scan(_: str) -> Json:
        found = await services.orphans.scan(_SCANNER)
        return {
            "seen": found.seen,
            "marked": len(found.marked),
            "cleared": len(found.cleared),
            "unknown": len(found.unknown),
        }

    async def sweep(_: str) -> Json:
        return await _swept(services)

    async def retention(_: str) -> Json:
        plan = await services.archives.purge_daily(_KEEPER)
        if plan.refused:
            raise RefusedError(plan.refused)
        return {"due": len(plan.due), "purged": len(plan.purged), "failed": len(plan.failed)}

    async def redelivery(_: str) -> Json:
        return {"put_again": await services.events.redeliver_parked()}

    async def forget(_: str) -> Json:
        await purge()
        return {}

    return {
        HEALTH: within(HEALTH_S, health),
        SCAN: within(DAILY_S, scan),
        SWEEP: within(DAILY_S, sweep),
        RETENTION: within(DAILY_S, retention),
        REDELIVERY: within(DAILY_S, redelivery),
        PURGE: within(DAILY_S, forget),
    }


async def _swept(services: Services) -> Json:
    async def take(dataset: Dataset) -> None:
        await services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.ORPHANED, _SWEEPER, generation=dataset.generation
        )

    # What a person approved and a process died over comes first: it is due no more when it is counted.
    for each in await services.sweep_lists.granted(_SWEEPER):
        await services.sweep_lists.carry_out(each, _SWEEPER)
    result = await services.orphans.sweep(
        take,
        partial(services.approvals.file_for_sweep, caller=_SWEEPER),
        partial(services.sweep_lists.file, caller=_SWEEPER),
        apply=True,
    )
    if result.plan.refused:
        raise RefusedError(result.plan.refused)
    return {"begun": len(result.taken), "failed": len(result.failed), "asked": len(result.requests)}


def rechecking(services: Services) -> Saga:
    """The saga that judges a dataset's quality again, because its connector became unhealthy."""

    async def recheck(perform: Perform, dataset_id: str, saga_id: str) -> None:
        async def judge() -> Json:
            try:
                with anyio.fail_after(RECHECK_S):
                    found = await services.datasets.recheck(dataset_id, _MONITOR, saga_id)
            except StoreAwayError:
                raise  # nothing is known of it yet: it is judged again
            except LifecycleError as error:
                return error.as_dict()
            except TimeoutError:
                return {"code": "too_late"}
            return {"status": found.status.value}

        await perform("judge", judge)

    return recheck
