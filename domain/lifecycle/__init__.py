"""TODO describe domain.lifecycle."""

from __future__ import annotations

from domain.lifecycle.archives import (
    Archive,
    SnapshotService,
    manifest_restorable_until,
    parse_archive,
    probe_query,
    run_snapshot_saga,
)
from domain.lifecycle.datasets import DatasetDetails, DatasetService
from domain.lifecycle.drain import DrainService, DrainStatus
from domain.lifecycle.provision import (
    ProvisionRequest,
    ProvisionResult,
    ProvisionService,
    RestoreService,
    run_compensation_saga,
    run_provision_saga,
)
from domain.lifecycle.sagas import (
    Dependencies,
    ProgressListener,
    SagaRunner,
    SupersededError,
    fail_dead_letter,
    with_store_retry,
)
from domain.lifecycle.teardown import (
    TeardownResult,
    TeardownService,
    run_teardown_saga,
    with_resumed_teardown,
)

__all__ = [
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
    "RestoreService",
    "SagaRunner",
    "SnapshotService",
    "SupersededError",
    "TeardownResult",
    "TeardownService",
    "fail_dead_letter",
    "manifest_restorable_until",
    "parse_archive",
    "probe_query",
    "run_compensation_saga",
    "run_provision_saga",
    "run_snapshot_saga",
    "run_teardown_saga",
    "with_resumed_teardown",
    "with_store_retry",
]
