"""What a tool may use: the use cases, and nothing behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.admission import ProvisionService
    from domain.approval_desk import ApprovalService
    from domain.audit_log import AuditLog
    from domain.auditing import CallAudit
    from domain.claims import TeardownService
    from domain.datasets import DatasetService
    from domain.draining import DrainService
    from domain.event_desk import EventService
    from domain.health_check import HealthService
    from domain.keeping import LeaseService
    from domain.mark_and_sweep import OrphanService
    from domain.ports import Clock, Templates
    from domain.registry import RegistryService
    from domain.restoring import RestoreService
    from domain.retention import RetentionService
    from domain.running import SagaRunner
    from domain.schedules import ScheduleService
    from domain.snapshots import SnapshotService
    from domain.sweep_lists import BatchApprovalService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases, composed over one set of adapters."""

    calls: CallAudit
    registry: RegistryService
    provisioning: ProvisionService
    restores: RestoreService
    teardowns: TeardownService
    approvals: ApprovalService
    health: HealthService
    orphans: OrphanService
    sweep_lists: BatchApprovalService
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
