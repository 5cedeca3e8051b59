"""The use cases that tools and commands may call. The ports behind them are out of reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.audit import AuditLog, CallAudit
    from domain.connectors import HealthService, HomePlatformService
    from domain.events import EventService
    from domain.governance import (
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
        DatasetService,
        DrainService,
        ProvisionService,
        RefreshService,
        RestoreService,
        SagaRunner,
        SnapshotService,
        TeardownService,
    )
    from domain.ports import Clock, Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases, composed over one set of adapters."""

    calls: CallAudit
    registry: RegistryService
    provisioning: ProvisionService
    refreshes: RefreshService
    scheduled_refreshes: ScheduledRefreshService
    restores: RestoreService
    teardowns: TeardownService
    approvals: ApprovalService
    health: HealthService
    home: HomePlatformService
    orphans: OrphanService
    sweep_lists: BatchApprovalService
    group_teardowns: GroupTeardownService
    datasets: DatasetService
    archives: RetentionService
    snapshots: SnapshotService
    leases: LeaseService
    drain: DrainService
    audit: AuditLog
    events: EventService
    schedules: ScheduleService
    templates: Templates
    sagas: SagaRunner
    clock: Clock
