"""Saga kernel: definition, execution, dead letters and retries, independent of the engine and of each saga."""

from __future__ import annotations

from domain.lifecycle.sagas.context import (
    PAGE_BYTES,
    PAGE_COUNT,
    Dependencies,
    SagaContext,
    SupersededError,
    client_settings,
    client_sites,
    load_saga_context,
    push_run_name,
    require_connector,
)
from domain.lifecycle.sagas.datasource import (
    attempt_connector_id,
    confirm_datasource,
    delete_datasource,
    previous_removal,
)
from domain.lifecycle.sagas.dead_letter import fail_dead_letter
from domain.lifecycle.sagas.definition import (
    Done,
    Failed,
    SagaDefinition,
    Step,
    StepFailure,
    StepOutcome,
    Superseded,
    compensation_step_name,
    is_code_of,
)
from domain.lifecycle.sagas.execution import outcome_error, run_saga, run_step
from domain.lifecycle.sagas.polling import constant_backoff, exponential_backoff, poll
from domain.lifecycle.sagas.runner import ProgressListener, SagaRunner
from domain.lifecycle.sagas.store_retry import StoreWaits, with_store_retry
from domain.lifecycle.sagas.sync import push_with_retry, sync_and_wait

__all__ = [
    "PAGE_BYTES",
    "PAGE_COUNT",
    "Dependencies",
    "Done",
    "Failed",
    "ProgressListener",
    "SagaContext",
    "SagaDefinition",
    "SagaRunner",
    "Step",
    "StepFailure",
    "StepOutcome",
    "StoreWaits",
    "Superseded",
    "SupersededError",
    "attempt_connector_id",
    "client_settings",
    "client_sites",
    "compensation_step_name",
    "confirm_datasource",
    "constant_backoff",
    "delete_datasource",
    "exponential_backoff",
    "fail_dead_letter",
    "is_code_of",
    "load_saga_context",
    "outcome_error",
    "poll",
    "previous_removal",
    "push_run_name",
    "push_with_retry",
    "require_connector",
    "run_saga",
    "run_step",
    "sync_and_wait",
    "with_store_retry",
]
