"""The scheduled jobs. They call the same use cases as tools and commands."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from domain.errors import LifecycleError, StoreUnavailableError
from domain.governance import RunRefusedError
from domain.model import (
    HEALTH_SCHEDULE,
    ORPHAN_SCAN_SCHEDULE,
    ORPHAN_SWEEP_SCHEDULE,
    REDELIVERY_SCHEDULE,
    REFRESH_SCHEDULE,
    RETENTION_SCHEDULE,
    WORKFLOW_PURGE_SCHEDULE,
    Principal,
    TeardownReason,
)
from domain.policy import SWEEP_SUBJECT
from server.workers.scheduler import with_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from domain.connectors import ConnectorMonitor
    from domain.governance import ScheduledJob
    from domain.model import Dataset
    from domain.ports import Json, Saga, StepRunner
    from tools.services import Services

HEALTH_S: Final = 50.0
"""Time limit in seconds of a health run: it ends before the next one begins, however slow Glean is."""
DAILY_S: Final = 3600.0
"""Time limit in seconds of a daily run: one that hangs is stopped long before the next one, which does the rest."""
RECHECK_S: Final = 15 * 60.0
"""Time limit in seconds of a re-check; it counts as pending for as long."""
_MONITOR: Final = Principal(subject="schedule:health")
_SCANNER: Final = Principal(subject="schedule:scan")
_SWEEPER: Final = Principal(subject=SWEEP_SUBJECT)
_KEEPER: Final = Principal(subject="schedule:retention")
_REFRESHER: Final = Principal(subject="schedule:refresh")
_log: Final = structlog.get_logger(__name__)


def build_scheduled_jobs(
    services: Services, monitor: ConnectorMonitor, purge: Callable[[], Awaitable[None]]
) -> Mapping[str, ScheduledJob]:
    """Build the job of each schedule; `purge` has the engine delete sagas that ended long ago."""

    async def check_health(_: str) -> Json:
        return (await monitor.check_connectors()).counts()

    async def scan_orphans(_: str) -> Json:
        found = await services.orphans.scan(_SCANNER)
        counts = {
            "seen": found.seen,
            "marked": len(found.marked),
            "cleared": len(found.cleared),
            "unknown": len(found.unknown),
        }
        return counts | ({"clock_off_s": found.disagreement.off_s} if found.disagreement else {})

    async def sweep_orphans(_: str) -> Json:
        return await _run_sweep(services)

    async def purge_archives(_: str) -> Json:
        plan = await services.archives.purge_daily(_KEEPER)
        if plan.refused:
            raise RunRefusedError(plan.refused)
        return {"due": len(plan.due), "purged": len(plan.purged), "failed": len(plan.failed)}

    async def redeliver_parked_events(_: str) -> Json:
        return {"put_again": await services.events.redeliver_parked()}

    async def refresh_datasets(_: str) -> Json:
        return await _run_refresh(services)

    async def purge_engine(_: str) -> Json:
        await purge()
        return {}

    return {
        HEALTH_SCHEDULE: with_timeout(HEALTH_S, check_health),
        ORPHAN_SCAN_SCHEDULE: with_timeout(DAILY_S, scan_orphans),
        ORPHAN_SWEEP_SCHEDULE: with_timeout(DAILY_S, sweep_orphans),
        RETENTION_SCHEDULE: with_timeout(DAILY_S, purge_archives),
        REDELIVERY_SCHEDULE: with_timeout(DAILY_S, redeliver_parked_events),
        WORKFLOW_PURGE_SCHEDULE: with_timeout(DAILY_S, purge_engine),
        REFRESH_SCHEDULE: with_timeout(DAILY_S, refresh_datasets),
    }


async def _run_sweep(services: Services) -> Json:
    async def start_teardown(dataset: Dataset) -> None:
        await services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.ORPHANED, _SWEEPER, generation=dataset.generation
        )

    # Approved lists that a dead process left come first, so that the sweep no longer counts them as due.
    for each in await services.sweep_lists.list_approved(_SWEEPER):
        await services.sweep_lists.start_approved_teardowns(each, _SWEEPER)
    result = await services.orphans.sweep(
        start_teardown,
        partial(services.approvals.file_for_sweep, principal=_SWEEPER),
        partial(services.sweep_lists.file_request, principal=_SWEEPER),
        apply=True,
    )
    if result.plan.refused:
        raise RunRefusedError(result.plan.refused)
    return {"begun": len(result.taken), "failed": len(result.failed), "asked": len(result.requests)}


async def _run_refresh(services: Services) -> Json:
    run = await services.scheduled_refreshes.run(_REFRESHER)
    for dataset, refusal in run.skipped:
        _log.warning("refresh_skipped", dataset_id=dataset.dataset_id, code=refusal.code, why=refusal.message)
    reasons = Counter(refusal.code for _, refusal in run.skipped)
    return {"begun": len(run.begun), "skipped": len(run.skipped), "left": run.left, **reasons}


def build_recheck_saga(services: Services) -> Saga:
    """Build the saga that checks a dataset's quality again after its connector became unhealthy."""

    async def recheck(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def judge() -> Json:
            try:
                with anyio.fail_after(RECHECK_S):
                    checked = await services.datasets.recheck(dataset_id, _MONITOR, saga_id)
            except StoreUnavailableError:
                raise  # no verdict was stored, so the step must run again
            except LifecycleError as error:
                return error.as_dict()
            except TimeoutError:
                return {"code": "too_late"}
            return {"status": checked.status.value}

        await perform("judge", judge)

    return recheck
