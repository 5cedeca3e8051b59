"""TODO describe domain.lifecycle.sagas."""

from __future__ import annotations

from domain.lifecycle.sagas.context import (
    PAGE_BYTES,
    PAGE_COUNT,
    Dependencies,
    SagaContext,
    client_sites,
    load_saga_context,
    push_run_name,
    require_connector,
)
from domain.lifecycle.sagas.datasource import attempt_connector_id, delete_datasource, previous_removal
from domain.lifecycle.sagas.dead_letter import fail_dead_letter
from domain.lifecycle.sagas.definition import (
    Step,
    StepFailure,
    SupersededError,
    compensate,
    finalize,
    parse_step_failure,
    run_step,
    run_steps,
)
from domain.lifecycle.sagas.runner import ProgressListener, SagaRunner
from domain.lifecycle.sagas.store_retry import with_store_retry
from domain.lifecycle.sagas.sync import push_with_retry, sync_and_wait

__all__ = [
    "PAGE_BYTES",
    "PAGE_COUNT",
    "Dependencies",
    "ProgressListener",
    "SagaContext",
    "SagaRunner",
    "Step",
    "StepFailure",
    "SupersededError",
    "attempt_connector_id",
    "client_sites",
    "compensate",
    "delete_datasource",
    "fail_dead_letter",
    "finalize",
    "load_saga_context",
    "parse_step_failure",
    "previous_removal",
    "push_run_name",
    "push_with_retry",
    "require_connector",
    "run_step",
    "run_steps",
    "sync_and_wait",
    "with_store_retry",
]
