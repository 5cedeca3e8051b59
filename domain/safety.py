"""Every precondition, limit and policy: facts and the time in, refusals out.

A check that cannot be made refuses. Nothing here depends on what a caller says of itself or of the world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from domain import orphans
from domain.errors import (
    ERRORS_BY_CODE,
    BlockingCheck,
    ConfirmationRequiredError,
    DatasetConflictError,
    DatasetProtectedError,
    JourneyNotActiveError,
    LifecycleError,
    ProvisionRunningError,
    QuotaExceededError,
    Recovery,
    StageMismatchError,
    TeardownInProgressError,
    format_timestamp,
)
from domain.model import Journey, UnreadableRow
from domain.vocabulary import DatasetStatus, JourneyState, Stage, TeardownReason, Waiver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from domain.model import Confirmation, Dataset
    from domain.platform import Observation


# --- provisioning ------------------------------------------------------------------------------------------------


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


_BLOCKING_RUNS: Final = {
    "undo": "What a failed provision of it had made is being removed.",
    "snapshot": "A snapshot of it is being archived.",
}
"""What works on a dataset without making it, by the kind of its run."""
_WAIT_ACTION: Final = "Wait until that has ended."


# --- teardown ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TeardownFacts:
    """What the rules of a teardown look at.

    `journey` is as stored; `observation` is what the platform said (None: there is no connector to ask about), or the
    error that kept it from saying. `abandon` is whether it goes on without a platform that cannot say.
    """

    dataset: Dataset
    journey: Journey | UnreadableRow | None
    observation: Observation | LifecycleError | None
    reason: TeardownReason
    now: datetime
    grace: timedelta
    sync_deadline: timedelta
    abandon: bool = False


def check_teardown(facts: TeardownFacts) -> tuple[BlockingCheck, ...]:
    """Every check that forbids this teardown, in the order of the specification; none when it may go on."""
    found = (
        _provision_running_block(facts),
        _journey_active_block(facts),
        _quality_pending_block(facts),
        _connector_syncing_block(facts),
        orphans.check_protection(facts.dataset, facts.now),
        _false_reason_block(facts),
    )
    return tuple(dict.fromkeys(each for each in found if each is not None))


def raise_if_blocked(dataset: Dataset, blocks: Sequence[BlockingCheck]) -> None:
    """Raise the first block's error, carrying all of them; nothing when there are none."""
    if not blocks:
        return
    first = blocks[0]
    raise ERRORS_BY_CODE[first.code](
        f"{dataset.name} cannot be taken down: {' '.join(each.what for each in blocks)}",
        recovery=first.recovery,
        blocking=tuple(blocks),
        suggested_action=first.clears,
        dataset_id=dataset.dataset_id,
    )


def _provision_running_block(facts: TeardownFacts) -> BlockingCheck | None:
    dataset = facts.dataset
    if dataset.run is None or dataset.status is DatasetStatus.TEARDOWN:
        return None
    beside = _BLOCKING_RUNS.get(dataset.run.kind)
    return BlockingCheck(
        code="provision_running",
        what=beside or "A provision of it is running.",
        since=dataset.run.started_at,
        clears=_WAIT_ACTION if beside else "Wait until it has ended, or cancel it.",
    )


def _journey_active_block(facts: TeardownFacts) -> BlockingCheck | None:
    dataset, journey = facts.dataset, facts.journey
    if dataset.status is DatasetStatus.FAILED or journey is None:
        return None
    if isinstance(journey, UnreadableRow):
        return _journey_unknown_block(dataset)
    stands = journey.as_of(facts.now)
    if not stands.protects(dataset.stage):
        return None
    return BlockingCheck(
        code="journey_active",
        what=f"Its journey {journey.journey_id!r} is {stands.state} at {stands.stage}.",
        clears="Complete or cancel the journey, or promote it past this stage.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def _journey_unknown_block(dataset: Dataset) -> BlockingCheck:
    return BlockingCheck(
        code="precondition_unknown",
        what=f"Its journey {dataset.journey_id!r} cannot be read, so whether it is in use is not known.",
        clears="Have the journey's row repaired.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def _quality_pending_block(facts: TeardownFacts) -> BlockingCheck | None:
    recheck = facts.dataset.recheck
    if recheck is None or recheck.deadline <= facts.now:
        return None
    return BlockingCheck(
        code="quality_checks_pending",
        what="A quality re-check of it is pending.",
        since=recheck.requested_at,
        clears=f"Wait for it; it is given up at {format_timestamp(recheck.deadline)}.",
    )


def _connector_syncing_block(facts: TeardownFacts) -> BlockingCheck | None:
    seen = facts.observation
    if isinstance(seen, LifecycleError):
        if facts.abandon:
            return None
        known = seen.code if seen.code == "platform_mismatch" else "precondition_unknown"
        return BlockingCheck(
            code=known,
            what=f"Whether its connector is syncing could not be found out: {seen.message}",
            clears=seen.suggested_action,
            recovery=seen.recovery,
        )
    if seen is None or not seen.syncing:
        return None
    if seen.syncing_since and facts.now - seen.syncing_since > facts.sync_deadline:
        return None
    return BlockingCheck(
        code="connector_syncing",
        what="Its connector is syncing.",
        since=seen.syncing_since,
        clears="Wait until the sync has ended.",
    )


def _false_reason_block(facts: TeardownFacts) -> BlockingCheck | None:
    why = _reason_contradiction(facts)
    if why is None or isinstance(why, BlockingCheck):
        return why
    return BlockingCheck(
        code="reason_not_true",
        what=f"The reason {facts.reason} does not hold: {why}",
        clears="Give the reason that is true, when there is one.",
        recovery=Recovery.FIX_INPUT,
    )


def _reason_contradiction(facts: TeardownFacts) -> str | BlockingCheck | None:
    dataset, journey = facts.dataset, facts.journey
    if facts.reason is TeardownReason.MANUAL:
        return None
    if facts.reason is TeardownReason.PROVISION_FAILED:
        return None if dataset.status is DatasetStatus.FAILED else f"the dataset is {dataset.status}."
    if isinstance(journey, UnreadableRow):
        return _journey_unknown_block(dataset)
    if facts.reason is TeardownReason.ORPHANED:
        return orphans.check_orphan_teardown(dataset, journey, facts.now, facts.grace)
    return _journey_contradiction(dataset, journey and journey.as_of(facts.now), facts.reason)


def _journey_contradiction(dataset: Dataset, journey: Journey | None, reason: TeardownReason) -> str | None:
    if journey is None:
        return "its journey is not on record."
    if reason is TeardownReason.STAGE_COMPLETED:
        past = journey.stage.order > dataset.stage.order
        return (
            None
            if past
            else f"the journey is at {journey.stage}, and the dataset belongs to {dataset.stage}."
        )
    over = journey.state in {JourneyState.COMPLETED, JourneyState.CANCELLED}
    return None if over else f"the journey is {journey.state}."


def required_confirmation_kind(
    dataset: Dataset, reason: TeardownReason, waiver: Waiver = Waiver.NONE
) -> str | None:
    """Which kind of person's word this teardown needs: `elicitation`, `approval`, or None."""
    if dataset.stage is not Stage.SANDBOX or waiver is not Waiver.NONE:
        return "approval"
    return "elicitation" if reason is TeardownReason.MANUAL else None


def require_confirmation(
    dataset: Dataset,
    reason: TeardownReason,
    requester: str,
    confirmation: Confirmation | None,
    waiver: Waiver = Waiver.NONE,
) -> None:
    """Whether the confirmation at hand allows this very teardown, with what it would go without.

    It must name this dataset at this generation, this reason, this requester and this concession; past sandbox, and for
    any concession, it must be an approval. Raises ConfirmationRequiredError.
    """
    how = required_confirmation_kind(dataset, reason, waiver)
    if how is None:
        return
    fits = confirmation is not None and (
        confirmation.dataset_id,
        confirmation.generation,
        confirmation.reason,
        confirmation.requester,
        confirmation.concession,
    ) == (dataset.dataset_id, dataset.generation, reason, requester, waiver)
    if fits and confirmation is not None and (how != "approval" or confirmation.how == "approval"):
        return
    person = (
        "another person approves it"
        if how == "approval"
        else "a person confirms it by typing the dataset's name"
    )
    stale = (
        " The confirmation given was for something else, or for an earlier state of it."
        if confirmation
        else ""
    )
    msg = (
        f"{dataset.name} ({dataset.stage}) is taken down for the reason {reason}{WAIVER_PHRASES[waiver]} only when "
        f"{person}.{stale}"
    )
    raise ConfirmationRequiredError(
        msg,
        how=how,
        dataset_id=dataset.dataset_id,
        suggested_action=(
            "Ask the operator: another person has to approve it, with what will be lost in view."
            if how == "approval"
            else "Ask the operator: a person decides this on a terminal, with what will be lost in view."
        ),
    )


WAIVER_PHRASES: Final = {
    Waiver.NONE: "",
    Waiver.ABANDON_CONNECTOR: ", leaving its connector in Glean,",
    Waiver.INCOMPLETE_ARCHIVE: ", with an archive of what is left of it,",
}
"""What a teardown would go without, inside a sentence about it."""


def dataset_before_teardown(dataset: Dataset) -> Dataset:
    """A dataset in TEARDOWN as the rules saw it when it was claimed, for running them again."""
    teardown = dataset.teardown
    if dataset.status is not DatasetStatus.TEARDOWN or teardown is None:
        return dataset
    return replace(dataset, status=teardown.former_status, run=None)
