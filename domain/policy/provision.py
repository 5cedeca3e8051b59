"""Rules of provision: whether a dataset may be made, restored, attached to, retried, or refreshed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from domain.errors import (
    DatasetConflictError,
    DatasetProtectedError,
    InvalidArgumentError,
    JourneyNotActiveError,
    MockDataMissingError,
    PreconditionUnknownError,
    ProvisionRunningError,
    QualityChecksPendingError,
    QuotaExceededError,
    Recovery,
    StageMismatchError,
    format_timestamp,
    require_present,
)
from domain.model import DatasetStatus, DataSource, Journey, JourneyState, Stage, quote_foreign
from domain.policy.orphans import protected_until
from domain.policy.teardown import (
    BLOCKING_RUNS,
    WAIT_ACTION,
    is_recheck_pending,
    teardown_in_progress_error,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.model import ClockReading, Dataset, Template, UnreadableRow


CHANGEABLE_CHOICES: Final = ("template_id", "record_count", "data_source")
"""The arguments of a provision that the retry of a failed dataset may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionLimits:
    """Limits of provision: live datasets per client, records per dataset."""

    live_datasets_per_client: int = 50
    records_per_dataset: int = 10_000_000


def require_provision_allowed(journey: Journey, stage: Stage) -> None:
    """Require that the journey, in its current state, may have datasets provisioned at a stage.

    Raises StageMismatchError or JourneyNotActiveError.
    """
    if journey.stage is not stage:
        msg = f"The journey {journey.journey_id!r} is at {journey.stage}, not at {stage}."
        raise StageMismatchError(msg, field="stage", candidates=(journey.stage,))
    if journey.state is not JourneyState.ACTIVE:
        msg = f"The journey {journey.journey_id!r} is {journey.state}; only an active journey can have datasets made."
        raise JourneyNotActiveError(msg, field="journey_id")


def require_source_allowed(source: DataSource | None, stage: Stage) -> None:
    """Require that a dataset of a stage may have data of a source: sanitized production data belong to pilots alone.

    Raises InvalidArgumentError.
    """
    if source is DataSource.SANITIZED_PRODUCTION and stage is not Stage.PILOT:
        raise InvalidArgumentError(
            f"Sanitized production data are for {Stage.PILOT} only; the call is for {stage}.",
            field="data_source",
            recovery=Recovery.CHOOSE_OTHER,
            candidates=(DataSource.MOCK_TEMPLATE, DataSource.GENERATED),
            suggested_action="Choose another data source, or call for a journey that is at the stage pilot.",
        )


def require_restore_allowed(journey: Journey, stage: Stage) -> None:
    """Require that the journey, in its current state, may have a dataset of a stage restored: at that stage, or later.

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
        state = f"The journey {journey.journey_id!r} is {journey.state}"
        msg = f"{state}; only an active journey can have datasets restored."
        raise JourneyNotActiveError(msg, field="journey_id")


def require_continue_allowed(journey: Journey, stage: Stage, *, restored: bool = False) -> None:
    """Require that a running provision may continue: a paused or expired journey lets it finish.

    The dataset of a restore may belong to a stage that its journey has left. Raises JourneyNotActiveError for a journey
    that was completed or cancelled, or has left the stage.
    """
    left = journey.stage is not stage and not restored
    if left or journey.state in {JourneyState.COMPLETED, JourneyState.CANCELLED}:
        now = f"at {journey.stage}" if left else journey.state
        msg = f"The journey {journey.journey_id!r} is now {now}; what this attempt had made was removed."
        raise JourneyNotActiveError(msg)


def require_within_limits(limits: ProvisionLimits, *, live: int, wanted: int | None) -> None:
    """Require that one more dataset of that size is within the limits. Raises QuotaExceededError."""
    if live >= limits.live_datasets_per_client:
        msg = f"The client has {live} live datasets; the limit is {limits.live_datasets_per_client}."
        raise QuotaExceededError(
            msg,
            suggested_action="Ask for the teardown of a dataset that nobody needs any more, then call again.",
        )
    require_records_within_limit(limits, wanted)


def require_records_within_limit(limits: ProvisionLimits, wanted: int | None) -> None:
    """Require that a dataset of that size is within the limit. Raises QuotaExceededError."""
    if wanted is not None and wanted > limits.records_per_dataset:
        msg = f"The call asks for {wanted} records; a dataset may have {limits.records_per_dataset}."
        action = f"Ask for {limits.records_per_dataset} records or fewer, or have limits.records_per_dataset raised."
        raise QuotaExceededError(
            msg, field="record_count", recovery=Recovery.FIX_INPUT, suggested_action=action
        )


def require_attachable(
    dataset: Dataset,
    journey_id: str,
    named: Mapping[str, object],
    owner: Journey | UnreadableRow | None = None,
    *,
    retry: bool = False,
) -> None:
    """Require that a provision with these arguments can attach to the live dataset, or retry it.

    `named` holds the arguments that the caller gave, of `template_id`, `record_count` and `data_source`. The retry of a
    dataset whose choices may change may name others. `owner` is the dataset's own journey, as of now, where it is not
    the one of the call. Raises DatasetConflictError or TeardownInProgressError.
    """
    if dataset.journey_id != journey_id:
        raise _other_journey_error(dataset, journey_id, owner)
    if dataset.status is DatasetStatus.TEARDOWN:
        raise teardown_in_progress_error(dataset)
    has = differing_choices(dataset, named)
    changeable = has_changeable_choices(dataset)
    if has and not (retry and changeable):
        different = [f"{name} is {value}, not {named[name]}" for name, value in has.items()]
        msg = f"{dataset.name} is live already, and differs: {'; '.join(different)}."
        names = " and ".join(f'"{name}"' for name in has)
        action = f"To use the live dataset as it is, leave out {names}. {DatasetConflictError.action}"
        if changeable:
            action = (
                f'It is failed: to run it again with {names} as given, make the same call with "retry": true.'
            )
        raise DatasetConflictError(
            msg,
            field=next(iter(has)),
            suggested_action=action,
            dataset_id=dataset.dataset_id,
        )


def _other_journey_error(
    dataset: Dataset, journey_id: str, owner: Journey | UnreadableRow | None
) -> DatasetConflictError:
    """The error for a place that another journey's dataset takes.

    Only while that journey protects the dataset is a call that names that journey a way on: its data stays.
    """
    theirs = dataset.journey_id
    msg = f"{dataset.name} is live already and belongs to the journey {theirs!r}"
    way = "whether it makes way for another dataset is for a person to decide."
    if isinstance(owner, Journey) and owner.protects(dataset.stage):
        return DatasetConflictError(
            f"{msg}, which protects it.",
            field="journey_id",
            candidates=(theirs,),
            suggested_action=f"To use it as that journey's, name {theirs!r}. Else {way}",
            dataset_id=dataset.dataset_id,
        )
    state = (
        f"is {owner.state} at {owner.stage}"
        if isinstance(owner, Journey)
        else "is not there, or cannot be read"
    )
    return DatasetConflictError(
        f"{msg}, which {state} and does not protect it. Nor does {journey_id!r} protect it.",
        recovery=Recovery.NEEDS_HUMAN,
        field="journey_id",
        suggested_action=f"Ask a person: {way}",
        dataset_id=dataset.dataset_id,
    )


def differing_choices(dataset: Dataset, named: Mapping[str, object]) -> dict[str, object]:
    """What the dataset has, for each of the arguments that name something else."""
    has = {
        "template_id": dataset.template.template_id,
        "record_count": dataset.requested_count or dataset.record_count or "all that the template has",
        "data_source": dataset.data_source,
    }
    return {name: has[name] for name, value in named.items() if has[name] != value}


def has_changeable_choices(dataset: Dataset) -> bool:
    """Whether a retry may change template, count and source: nothing of a failed dataset is served.

    The content of a restored dataset comes from its archive, so it has none of these choices.
    """
    settled = dataset.run is None or dataset.run.kind in BLOCKING_RUNS
    return dataset.status is DatasetStatus.FAILED and settled and dataset.restored_from is None


def may_retry(dataset: Dataset, journey: Journey, now: datetime) -> bool:
    """Whether a retry begins a new attempt; False when the call only attaches to the dataset.

    Raises DatasetProtectedError, ProvisionRunningError (a compensation or a snapshot runs), or what
    `require_provision_allowed` raises, for a restored dataset `require_restore_allowed`.
    """
    settled = dataset.status in {DatasetStatus.FAILED, DatasetStatus.VALIDATING}
    if not settled or (dataset.run and dataset.run.kind not in BLOCKING_RUNS):
        return False
    if dataset.run:
        msg = f"{dataset.name} cannot be provisioned again yet. {BLOCKING_RUNS[dataset.run.kind]}"
        raise ProvisionRunningError(
            msg, retry_after_s=2, suggested_action=WAIT_ACTION, dataset_id=dataset.dataset_id
        )
    (require_restore_allowed if dataset.restored_from else require_provision_allowed)(journey, dataset.stage)
    if dataset.protected_until and dataset.protected_until > now:
        until = format_timestamp(dataset.protected_until)
        msg = f"{dataset.name} is protected until {until}; a retry would replace it."
        raise DatasetProtectedError(msg, dataset_id=dataset.dataset_id)
    return True


def require_refreshable(dataset: Dataset, now: ClockReading) -> None:
    """Require that the state of a dataset lets a refresh begin: it serves content, and nothing works on it.

    Raises TeardownInProgressError, ProvisionRunningError, QualityChecksPendingError, InvalidArgumentError for a dataset
    that serves nothing, or DatasetProtectedError.
    """
    name = dataset.name
    facts: dict[str, Any] = {"field": "dataset_id", "dataset_id": dataset.dataset_id}
    if dataset.status is DatasetStatus.TEARDOWN:
        raise teardown_in_progress_error(dataset)
    if dataset.run is not None:
        other = BLOCKING_RUNS.get(dataset.run.kind)
        raise ProvisionRunningError(
            f"{name} cannot be refreshed yet. {other or 'A provision of it is running.'}",
            retry_after_s=5,
            suggested_action=WAIT_ACTION if other else None,
            **facts,
        )
    if dataset.status not in _SERVED or dataset.content is None:
        raise InvalidArgumentError(
            f"{name} is {dataset.status}; only a dataset that is served can be refreshed.",
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action=_WITHOUT_CONTENT.get(dataset.status),
            **facts,
        )
    if dataset.recheck is not None and is_recheck_pending(dataset.recheck, now):
        until = format_timestamp(dataset.recheck.deadline)
        raise QualityChecksPendingError(
            f"The quality of {name} is being checked again; after {until} that no longer counts.",
            retry_after_s=5,
            suggested_action=WAIT_ACTION,
            **facts,
        )
    if (held := protected_until(dataset, now.at)) is not None:
        raise DatasetProtectedError(
            f"{name} is protected until {format_timestamp(held)}; a refresh would replace its content.",
            suggested_action="Wait until then, or ask a person to end the protection.",
            **facts,
        )


def require_refresh_allowed(journey: Journey, dataset: Dataset) -> None:
    """Require that the dataset's journey, in its current state, may have it refreshed.

    Raises StageMismatchError or JourneyNotActiveError.
    """
    facts: dict[str, Any] = {"field": "dataset_id", "dataset_id": dataset.dataset_id}
    if journey.stage is not dataset.stage:
        raise StageMismatchError(
            f"The journey {journey.journey_id!r} is at {journey.stage}; {dataset.name} belongs to {dataset.stage}.",
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action=f"Refresh a dataset of {journey.stage}, or have one provisioned there.",
            **facts,
        )
    if journey.state is not JourneyState.ACTIVE:
        state = f"The journey {journey.journey_id!r} is {journey.state}"
        msg = f"{state}; only the datasets of an active journey can be refreshed."
        raise JourneyNotActiveError(msg, **facts)


def has_moving_source(dataset: Dataset, template: Template | None) -> bool:
    """Whether the source of a dataset's content has other records on a later day.

    `template` is the one with the dataset's template id, None when there is none any more.
    """
    if template is None or dataset.restored_from is not None:
        return False
    if template.is_generated(dataset.data_source):
        return template.generator is not None
    return dataset.data_source is DataSource.MOCK_TEMPLATE and template.is_relative


def require_moving_source(dataset: Dataset, template: Template | None) -> None:
    """Require that the source of a dataset's content has other records on a later day (`has_moving_source`).

    Raises InvalidArgumentError, and MockDataMissingError when the source has become another than the content was made
    from.
    """
    if has_moving_source(dataset, template):
        return
    shown = quote_foreign(dataset.template.template_id)
    facts: dict[str, Any] = {"field": "dataset_id", "dataset_id": dataset.dataset_id}
    if dataset.restored_from is not None:
        what = f"{dataset.name} was restored from an archive: its documents stay what they were."
    elif dataset.data_source is DataSource.SANITIZED_PRODUCTION:
        what = f"{dataset.name} holds records of an export, in which nothing happens any more."
    elif template is None or template.is_generated(dataset.data_source):
        lost = "is no longer in the repository" if template is None else "no longer has a generator"
        msg = f"The template {shown} of {dataset.name} {lost}."
        raise MockDataMissingError(msg, suggested_action=_PUT_BACK, **facts)
    else:
        what = f"The instants in the template {shown} are fixed, so nothing in {dataset.name} would move."
    raise InvalidArgumentError(
        what, recovery=Recovery.CHOOSE_OTHER, suggested_action=_LIVING_SOURCES, **facts
    )


def is_population_due(dataset: Dataset, now: datetime) -> bool:
    """Whether a day has begun since a dataset that is served was populated, so that something has happened since.

    Raises PreconditionUnknownError on a day before that population, when a new one would be older.
    """
    made = require_present(dataset.populated_at, "a dataset that is served has content")
    if now.date() < made.date():
        newest = (made - timedelta(days=1)).date()
        raise PreconditionUnknownError(
            f"The clock says {format_timestamp(now)}, but {dataset.name} was populated at {format_timestamp(made)}, "
            f"with records up to {newest}. A refresh would make it older.",
            recovery=Recovery.NEEDS_HUMAN,
            field="dataset_id",
            suggested_action="Ask a person to check the clock of this machine. If it is right now, wait for that day.",
            dataset_id=dataset.dataset_id,
        )
    return now.date() > made.date()


_SERVED: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})
_WITHOUT_CONTENT: Final = {
    DatasetStatus.FAILED: "Provision it again with retry: that populates it as of today.",
    DatasetStatus.ARCHIVED: "Provision the dataset anew; or restore it from its archive, as it was.",
}
_PUT_BACK: Final = "Put the template back as it was, or check mock_data_repo.path (MOCK_DATA_REPO_PATH)."
_LIVING_SOURCES: Final = (
    "What moves are generated data, and templates with `time: relative`: give the template that line, or take this "
    "dataset down and provision one with generated data."
)
