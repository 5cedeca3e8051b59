"""Lifecycle: the sagas that make, archive and take down datasets, and the services that start them."""

from __future__ import annotations

from domain.lifecycle.archives import (
    SNAPSHOT_SAGA,
    Archive,
    SnapshotService,
    manifest_restorable_until,
    parse_archive,
    probe_query,
)
from domain.lifecycle.datasets import DatasetDetails, DatasetService
from domain.lifecycle.drain import DrainService, DrainStatus
from domain.lifecycle.provision import (
    COMPENSATION_SAGA,
    PROVISION_SAGA,
    ProvisionRequest,
    ProvisionResult,
    ProvisionService,
    RefreshResult,
    RefreshService,
    RestoreService,
    provision_failed_error,
)
from domain.lifecycle.sagas import (
    Dependencies,
    ProgressListener,
    SagaDefinition,
    SagaRunner,
    StoreWaits,
    SupersededError,
    run_saga,
    with_store_retry,
)
from domain.lifecycle.teardown import TEARDOWN_SAGA, TeardownResult, TeardownService, with_resumed_teardown
from domain.lifecycle.uses import orphan_cleared_event, published_reason, used_dataset

__all__ = [
    "COMPENSATION_SAGA",
    "PROVISION_SAGA",
    "SNAPSHOT_SAGA",
    "TEARDOWN_SAGA",
    "Archive",
    "DatasetDetails",
    "DatasetService",
    "Dependencies",
    "DrainService",
    "DrainStatus",
    "ProgressListener",
    "ProvisionRequest",
    "ProvisionResult",
    "ProvisionService",
    "RefreshResult",
    "RefreshService",
    "RestoreService",
    "SagaDefinition",
    "SagaRunner",
    "SnapshotService",
    "StoreWaits",
    "SupersededError",
    "TeardownResult",
    "TeardownService",
    "manifest_restorable_until",
    "orphan_cleared_event",
    "parse_archive",
    "probe_query",
    "provision_failed_error",
    "published_reason",
    "run_saga",
    "used_dataset",
    "with_resumed_teardown",
    "with_store_retry",
]
