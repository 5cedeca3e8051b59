"""The use cases and sagas over one set of adapters, whichever they are."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.audit import AuditLog, AuditSealer, CallAudit
from domain.connectors import RECHECK, ConnectorMonitor, HealthService, HomePlatformService
from domain.events import EventService
from domain.governance import (
    SCHEDULED_RUN_KIND,
    ApprovalService,
    BatchApprovalService,
    GroupTeardownService,
    LeaseService,
    OrphanService,
    RegistryService,
    RetentionService,
    ScheduledRefreshService,
    ScheduleService,
)
from domain.lifecycle import (
    COMPENSATION_SAGA,
    PROVISION_SAGA,
    SNAPSHOT_SAGA,
    TEARDOWN_SAGA,
    DatasetService,
    DrainService,
    ProvisionService,
    RefreshService,
    RestoreService,
    SagaRunner,
    SnapshotService,
    TeardownService,
    run_saga,
    with_store_retry,
)
from domain.model import Progress
from domain.policy import UNLIMITED, RateLimiter, RateLimits
from server.workers.jobs import build_recheck_saga, build_scheduled_jobs
from server.workers.scheduler import build_scheduled_run_saga
from server.workers.time_limited_platform import TimeLimitedPlatform
from tools.services import Services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from domain.lifecycle import Dependencies
    from domain.model import Confirmer, Schedule
    from domain.policy import ProvisionLimits, SweepCaps
    from domain.ports import Engine, ReadOnlyPlatform, Saga, StepRunner

_DAY_S: Final = 86_400
DATASET_SAGAS: Final = (PROVISION_SAGA, TEARDOWN_SAGA, COMPENSATION_SAGA, SNAPSHOT_SAGA)
"""The sagas that can be the run of a dataset."""


def build_sagas(deps: Dependencies, *, provisions: int = 4) -> Mapping[str, Saga]:
    """Build the sagas by kind, as the engine runs them. At most `provisions` provisions run at once; others wait."""
    sagas: dict[str, Saga] = {each.kind: partial(run_saga, each, deps) for each in DATASET_SAGAS}
    provision, slots = sagas[PROVISION_SAGA.kind], asyncio.Semaphore(provisions)

    async def provision_in_turn(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        if slots.locked():
            queued = Progress(step="queue", message="waiting for its turn", saga_id=saga_id)
            deps.store.report(dataset_id, queued)
        async with slots:
            await provision(perform, dataset_id, saga_id)

    sagas[PROVISION_SAGA.kind] = provision_in_turn
    return {
        kind: with_store_retry(saga, deps.clock, random.random, deps.waits) for kind, saga in sagas.items()
    }


# Its arguments are everything that a process decides about its use cases.
def build_services(  # noqa: PLR0913
    deps: Dependencies,
    engine: Engine,
    confirmer: Confirmer | None = None,
    *,
    limits: ProvisionLimits | None = None,
    caps: SweepCaps | None = None,
    rates: RateLimits = UNLIMITED,
    withheld: Collection[str] = (),
    plans: Sequence[Schedule] = (),
    refresh_count: int = 25,
    finishes_runs: bool = False,
) -> Services:
    """Build the use cases over one set of adapters.

    Without a `confirmer`, confirmations are asked for by approval requests. The secrets in `withheld` are redacted from
    the audit log. A run of the refresh schedule begins `refresh_count` refreshes at most. With `finishes_runs`, calls
    finish runs that nobody works on (`SagaRunner`).
    """
    limiter = RateLimiter(deps.store, deps.clock, rates)
    approvals = ApprovalService(deps.store, deps.clock, deps.ids, deps.settings)
    platform = TimeLimitedPlatform(deps.platform)
    sagas = SagaRunner(
        deps.store,
        engine,
        deps.clock,
        DATASET_SAGAS,
        here=deps.platform.location,
        attempts=deps.settings.attempts,
        finishes_runs=finishes_runs,
        waits=deps.waits,
    )
    teardowns = TeardownService(
        store=deps.store,
        clock=deps.clock,
        staging=deps.staging,
        platform=deps.platform,
        settings=deps.settings,
        sagas=sagas,
        confirmer=confirmer or approvals,
        rates=limiter,
    )
    refreshes = RefreshService(
        store=deps.store, clock=deps.clock, templates=deps.templates, platform=platform, sagas=sagas
    )
    grace_days = deps.settings.orphan_grace.total_seconds() / _DAY_S
    return Services(
        calls=CallAudit(deps.store, deps.clock, deps.ids, limiter, withheld),
        registry=RegistryService(deps.store, deps.clock),
        provisioning=ProvisionService(
            store=deps.store,
            clock=deps.clock,
            ids=deps.ids,
            templates=deps.templates,
            platform=platform,
            sagas=sagas,
            export=deps.export,
            limits=limits,
        ),
        refreshes=refreshes,
        scheduled_refreshes=ScheduledRefreshService(
            deps.store, deps.clock, deps.templates, refreshes, most=refresh_count
        ),
        restores=RestoreService(
            store=deps.store,
            clock=deps.clock,
            ids=deps.ids,
            archives=deps.archives,
            platform=platform,
            sagas=sagas,
            limits=limits,
        ),
        teardowns=teardowns,
        approvals=approvals,
        health=_build_health_service(deps, deps.platform),
        home=HomePlatformService(deps.store, platform),
        orphans=OrphanService(deps.store, deps.clock, grace_days=grace_days, caps=caps),
        group_teardowns=GroupTeardownService(deps.store, teardowns),
        sweep_lists=BatchApprovalService(deps.store, deps.clock, deps.ids, deps.settings, teardowns),
        datasets=DatasetService(
            store=deps.store,
            clock=deps.clock,
            templates=deps.templates,
            staging=deps.staging,
            platform=deps.platform,
            connectors=deps.connectors,
            settings=deps.settings,
        ),
        archives=RetentionService(deps.store, deps.archives, deps.clock, caps),
        snapshots=SnapshotService(deps.store, deps.clock, deps.ids, sagas),
        leases=LeaseService(deps.store, deps.clock),
        drain=DrainService(deps.store, deps.clock),
        audit=AuditLog(deps.store, deps.clock, AuditSealer(deps.store)),
        events=EventService(deps.store, deps.clock),
        schedules=ScheduleService(deps.store, deps.clock, plans),
        templates=deps.templates,
        sagas=sagas,
        clock=deps.clock,
    )


def build_schedule_sagas(
    deps: Dependencies,
    services: Services,
    engine: Engine,
    purge: Callable[[], Awaitable[None]],
) -> Mapping[str, Saga]:
    """Build the sagas of a process that runs the schedules; `purge` has the engine delete old sagas."""
    monitor = ConnectorMonitor(
        deps.store, _build_health_service(deps, TimeLimitedPlatform(deps.platform)), engine
    )
    sagas: Mapping[str, Saga] = {
        SCHEDULED_RUN_KIND: build_scheduled_run_saga(
            services.schedules, build_scheduled_jobs(services, monitor, purge)
        ),
        RECHECK: build_recheck_saga(services),
    }
    return {
        kind: with_store_retry(saga, deps.clock, random.random, deps.waits) for kind, saga in sagas.items()
    }


def _build_health_service(deps: Dependencies, platform: ReadOnlyPlatform) -> HealthService:
    return HealthService(deps.store, platform, deps.clock, sync_deadline=deps.settings.sync_deadline)
