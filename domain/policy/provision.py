"""TODO describe domain.policy.provision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import (
    DatasetConflictError,
    DatasetProtectedError,
    JourneyNotActiveError,
    ProvisionRunningError,
    QuotaExceededError,
    Recovery,
    StageMismatchError,
    TeardownInProgressError,
    format_timestamp,
)
from domain.model import DatasetStatus, Journey, JourneyState, Stage
from domain.policy.teardown import _BLOCKING_RUNS, _WAIT_ACTION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.model import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionLimits:
    """How much is too much."""

    live_datasets_per_client: int = 50
    records_per_dataset: int = 10_000_000


def require_provision_allowed(journey: Journey, stage: Stage) -> None:
    """Whether a journey, as it stands now, may have datasets made at a stage.

    Raises StageMismatchError or JourneyNotActiveError.
    """
    if journey.stage is not stage:
        msg = f"The journey {journey.journey_id!r} is at {journey.stage}, not at {stage}."
        raise StageMismatchError(msg, field="stage", candidates=(journey.stage,))
    if journey.state is not JourneyState.ACTIVE:
        msg = f"The journey {journey.journey_id!r} is {journey.state}; only an active journey has datasets made."
        raise JourneyNotActiveError(msg, field="journey_id")


def require_restore_allowed(journey: Journey, stage: Stage) -> None:
    """Whether a journey, as it stands now, may have a dataset of a stage restored: at that stage, or past it.

    Raises StageMismatchError or JourneyNotActiveError.
    """
    if journey.stage.order < stage.order:
        msg = f"The journey {journey.journey_id!r} is at {journey.stage}, not yet at {stage}."
        raise StageMismatchError(
            msg,
            field="journey_id",
            suggested_action="Name a journey that is at that stage or past it, or have this one promoted.",
        )
    if journey.state is not JourneyState.ACTIVE:
        msg = f"The journey {journey.journey_id!r} is {journey.state}; only for an active one is a dataset restored."
        raise JourneyNotActiveError(msg, field="journey_id")


def require_continue_allowed(journey: Journey, stage: Stage, *, restored: bool = False) -> None:
    """Whether a provision that runs may go on: a journey that is paused or expired lets it finish.

    One that is restored may be of a stage that its journey has left. Raises JourneyNotActiveError for a journey that
    was completed, cancelled, or has left the stage.
    """
    left = journey.stage is not stage and not restored
    if left or journey.state in {JourneyState.COMPLETED, JourneyState.CANCELLED}:
        now = f"at {journey.stage} by now" if left else journey.state
        msg = f"The journey {journey.journey_id!r} is {now}; what this provision had made was taken back."
        raise JourneyNotActiveError(msg)


def require_within_limits(limits: ProvisionLimits, *, live: int, wanted: int | None) -> None:
    """Whether one more dataset of that size may be made. Raises QuotaExceededError."""
    if live >= limits.live_datasets_per_client:
        msg = f"The client has {live} live datasets, and may have {limits.live_datasets_per_client}."
        raise QuotaExceededError(msg, suggested_action="Have a dataset that is done with taken down first.")
    if wanted is not None and wanted > limits.records_per_dataset:
        msg = f"{wanted} records were asked for; a dataset may have {limits.records_per_dataset}."
        action = f"Ask for {limits.records_per_dataset} records or fewer, or have limits.records_per_dataset raised."
        raise QuotaExceededError(
            msg, field="record_count", recovery=Recovery.FIX_INPUT, suggested_action=action
        )


def require_attachable(dataset: Dataset, journey_id: str, named: Mapping[str, object]) -> None:
    """Whether a call that names these arguments means the live dataset.

    `named` holds only what the caller named, of `template_id`, `record_count` and `data_source`.
    Raises DatasetConflictError or TeardownInProgressError.
    """
    if dataset.journey_id != journey_id:
        msg = f"{dataset.name} is live already and belongs to the journey {dataset.journey_id!r}."
        raise DatasetConflictError(
            msg, field="journey_id", candidates=(dataset.journey_id,), dataset_id=dataset.dataset_id
        )
    if dataset.status is DatasetStatus.TEARDOWN:
        msg = f"{dataset.name} is being taken down."
        raise TeardownInProgressError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
    has = {
        "template_id": dataset.template.template_id,
        "record_count": dataset.requested_count or dataset.record_count or "all that the template has",
        "data_source": dataset.data_source,
    }
    other = [f"{name} is {has[name]}, not {value}" for name, value in named.items() if has[name] != value]
    if other:
        msg = f"{dataset.name} is live already, and differs: {'; '.join(other)}."
        raise DatasetConflictError(
            msg, field=next(n for n, v in named.items() if has[n] != v), dataset_id=dataset.dataset_id
        )


def may_retry(dataset: Dataset, journey: Journey, now: datetime) -> bool:
    """Whether a retry begins a new attempt now; False when the call just attaches.

    Raises DatasetProtectedError, ProvisionRunningError (leftovers are being removed, a snapshot is taken), or what
    `may_provision`, for a restored dataset `may_restore`, raises.
    """
    settled = dataset.status in {DatasetStatus.FAILED, DatasetStatus.VALIDATING}
    if not settled or (dataset.run and dataset.run.kind not in _BLOCKING_RUNS):
        return False
    if dataset.run:
        msg = f"{dataset.name} cannot be made again yet. {_BLOCKING_RUNS[dataset.run.kind]}"
        raise ProvisionRunningError(
            msg, retry_after_s=2, suggested_action=_WAIT_ACTION, dataset_id=dataset.dataset_id
        )
    (require_restore_allowed if dataset.restored_from else require_provision_allowed)(journey, dataset.stage)
    if dataset.protected_until and dataset.protected_until > now:
        msg = f"{dataset.name} is to be kept until {format_timestamp(dataset.protected_until)}; a retry would replace it."
        raise DatasetProtectedError(msg, dataset_id=dataset.dataset_id)
    return True
