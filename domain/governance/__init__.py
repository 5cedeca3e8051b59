"""Governance: registry, leases, orphans, approvals, refreshes, retention and schedules over many datasets."""

from __future__ import annotations

from domain.governance.approvals import ApprovalService, approve_and_execute, execute_approved_teardown
from domain.governance.group_teardowns import GroupTeardownPlan, GroupTeardownService
from domain.governance.leases import LeaseRenewal, LeaseService, ProtectionResult
from domain.governance.orphan_facts import OrphanFacts, OrphanPage, SweepResult
from domain.governance.orphans import OrphanService
from domain.governance.refreshes import RefreshRun, ScheduledRefreshService
from domain.governance.registry import JourneyChange, RegistryService
from domain.governance.retention import RetentionService
from domain.governance.schedules import (
    SCHEDULED_RUN_KIND,
    RunRefusedError,
    ScheduledJob,
    ScheduledRun,
    ScheduleService,
    ScheduleStatus,
    has_scheduled_work,
    list_due_runs,
    run_id_prefix,
    scheduled_run_id,
    tick_from_run_id,
)
from domain.governance.sweeps import BatchApprovalService, BatchTeardownResult

__all__ = [
    "SCHEDULED_RUN_KIND",
    "ApprovalService",
    "BatchApprovalService",
    "BatchTeardownResult",
    "GroupTeardownPlan",
    "GroupTeardownService",
    "JourneyChange",
    "LeaseRenewal",
    "LeaseService",
    "OrphanFacts",
    "OrphanPage",
    "OrphanService",
    "ProtectionResult",
    "RefreshRun",
    "RegistryService",
    "RetentionService",
    "RunRefusedError",
    "ScheduleService",
    "ScheduleStatus",
    "ScheduledJob",
    "ScheduledRefreshService",
    "ScheduledRun",
    "SweepResult",
    "approve_and_execute",
    "execute_approved_teardown",
    "has_scheduled_work",
    "list_due_runs",
    "run_id_prefix",
    "scheduled_run_id",
    "tick_from_run_id",
]
