"""What a tool may use: the use cases, and nothing behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.admission import Provisioning
    from domain.approval_desk import Approvals
    from domain.audit_log import AuditLog
    from domain.auditing import Calls
    from domain.claims import Teardowns
    from domain.datasets import Datasets
    from domain.draining import Draining
    from domain.event_desk import Events
    from domain.health_check import HealthService
    from domain.keeping import Keeping
    from domain.mark_and_sweep import Orphans
    from domain.ports import Clock, Templates
    from domain.registry import Registry
    from domain.restoring import Restoring
    from domain.retention import ArchiveKeeper
    from domain.running import Sagas
    from domain.schedules import Schedules
    from domain.snapshots import Snapshots
    from domain.sweep_lists import SweepLists


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases, composed over one set of adapters."""

    calls: Calls
    registry: Registry
    provisioning: Provisioning
    restoring: Restoring
    teardowns: Teardowns
    approvals: Approvals
    health: HealthService
    orphans: Orphans
    sweep_lists: SweepLists
    datasets: Datasets
    archives: ArchiveKeeper
    snapshots: Snapshots
    keeping: Keeping
    draining: Draining
    audit: AuditLog
    events: Events
    schedules: Schedules
    templates: Templates
    sagas: Sagas
    clock: Clock
