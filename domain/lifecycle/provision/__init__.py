"""Provision: the saga that makes datasets, its compensations, retries, refreshes and restores."""

from __future__ import annotations

from domain.lifecycle.provision.compensation import COMPENSATION_SAGA
from domain.lifecycle.provision.refresh import RefreshResult, RefreshService
from domain.lifecycle.provision.restore import RestoreService
from domain.lifecycle.provision.saga import PROVISION_SAGA
from domain.lifecycle.provision.service import (
    ProvisionRequest,
    ProvisionResult,
    ProvisionService,
    provision_failed_error,
)

__all__ = [
    "COMPENSATION_SAGA",
    "PROVISION_SAGA",
    "ProvisionRequest",
    "ProvisionResult",
    "ProvisionService",
    "RefreshResult",
    "RefreshService",
    "RestoreService",
    "provision_failed_error",
]
