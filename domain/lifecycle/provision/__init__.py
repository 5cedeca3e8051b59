"""TODO describe domain.lifecycle.provision."""

from __future__ import annotations

from domain.lifecycle.provision.compensation import (
    COMPENSATIONS,
    compensation_step_name,
    release_dataset,
    run_compensation_saga,
)
from domain.lifecycle.provision.restore import RestoreService
from domain.lifecycle.provision.saga import (
    fail_provision,
    provisioned_event,
    quality_evaluated_event,
    run_provision_saga,
)
from domain.lifecycle.provision.service import ProvisionRequest, ProvisionResult, ProvisionService

__all__ = [
    "COMPENSATIONS",
    "ProvisionRequest",
    "ProvisionResult",
    "ProvisionService",
    "RestoreService",
    "compensation_step_name",
    "fail_provision",
    "provisioned_event",
    "quality_evaluated_event",
    "release_dataset",
    "run_compensation_saga",
    "run_provision_saga",
]
