"""Rules of teardown: every check that forbids one. Facts and the time go in, refusals come out.

A check that cannot be made refuses. No rule depends on what a caller says about itself or the world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from domain.errors import (
    ERRORS_BY_CODE,
    BlockingCheck,
    LifecycleError,
    ProvisionRunningError,
    Recovery,
    TeardownInProgressError,
    format_timestamp,
)
from domain.model import (
    ClockReading,
    DatasetStatus,
    Journey,
    JourneyState,
    TeardownReason,
    UnreadableRow,
)
from domain.policy.clocks import time_since
from domain.policy.orphans import check_orphan_teardown, check_protection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from domain.model import Dataset, Recheck, Uptime
    from domain.ports import Observation

BLOCKING_RUNS: Final = {
    "undo": "The remains of a failed provision of it are being removed.",
    "snapshot": "A snapshot of it is being archived.",
}
"""The runs that work on a dataset and are no provision, by kind, each in a sentence."""
WAIT_ACTION: Final = "Wait until that has ended."


@dataclass(frozen=True, slots=True, kw_only=True)
class TeardownFacts:
    """The facts that the rules of teardown judge.

    `journey` is the stored journey. `observation` is what the platform reports of the connector, the error that
    prevented the observation, or None without a connector. `uptime` is that of the machine at `now`. `abandon` is
    whether the teardown may go without a platform that cannot be observed. `clock` is the check that finds the clock in
    doubt: it forbids what time has made due.
    """

    dataset: Dataset
    journey: Journey | UnreadableRow | None
    observation: Observation | LifecycleError | None
    reason: TeardownReason
    now: datetime
    grace: timedelta
    sync_deadline: timedelta
    uptime: Uptime | None = None
    abandon: bool = False
    clock: BlockingCheck | None = None


def check_teardown(facts: TeardownFacts) -> tuple[BlockingCheck, ...]:
    """Every check that forbids this teardown, in the order of the specification; none when it is allowed."""
    found = (
        _provision_running_block(facts),
        _journey_active_block(facts),
        _quality_pending_block(facts),
        _connector_syncing_block(facts),
        check_protection(facts.dataset, facts.now),
        _false_reason_block(facts),
    )
    # Two rules may give the same check (an unreadable journey); it is reported once.
    return tuple(dict.fromkeys(each for each in found if each is not None))


def raise_if_blocked(dataset: Dataset, blocks: Sequence[BlockingCheck]) -> None:
    """Raise the error of the first check, with all checks in it; do nothing when there are none."""
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
    other_run = BLOCKING_RUNS.get(dataset.run.kind)
    return BlockingCheck(
        code="provision_running",
        what=other_run or f"A {dataset.run.work} of it is running.",
        since=dataset.run.started_at,
        clears=WAIT_ACTION if other_run else "Wait until it has ended, or cancel it.",
    )


def _journey_active_block(facts: TeardownFacts) -> BlockingCheck | None:
    dataset, journey = facts.dataset, facts.journey
    if dataset.status is DatasetStatus.FAILED or journey is None:
        return None
    if isinstance(journey, UnreadableRow):
        return _journey_unknown_block(dataset)
    journey_now = journey.as_of(facts.now)
    if not journey_now.protects(dataset.stage):
        return None
    return BlockingCheck(
        code="journey_active",
        what=f"Its journey {journey.journey_id!r} is {journey_now.state} at {journey_now.stage}.",
        clears="Complete or cancel the journey, or promote it past this stage.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def _journey_unknown_block(dataset: Dataset) -> BlockingCheck:
    return BlockingCheck(
        code="precondition_unknown",
        what=f"Its journey {dataset.journey_id!r} cannot be read, so it is not known whether it is in use.",
        clears="Have the journey's row repaired.",
        recovery=Recovery.NEEDS_HUMAN,
    )


def _quality_pending_block(facts: TeardownFacts) -> BlockingCheck | None:
    recheck = facts.dataset.recheck
    if recheck is None or not is_recheck_pending(recheck, ClockReading(at=facts.now, uptime=facts.uptime)):
        return None
    return BlockingCheck(
        code="quality_checks_pending",
        what="A quality re-check of it is pending.",
        since=recheck.requested_at,
        clears=f"Wait until it has ended; after {format_timestamp(recheck.deadline)} it no longer counts.",
    )


def is_recheck_pending(recheck: Recheck, now: ClockReading) -> bool:
    """Whether a re-check is to be waited for: it may still run, and its time is not over."""
    passed = time_since(recheck.requested, now)
    return passed is not None and passed < recheck.deadline - recheck.requested_at


def _connector_syncing_block(facts: TeardownFacts) -> BlockingCheck | None:
    observation = facts.observation
    if isinstance(observation, LifecycleError):
        if facts.abandon:
            return None
        code = observation.code if observation.code == "platform_mismatch" else "precondition_unknown"
        return BlockingCheck(
            code=code,
            what=f"It is not known whether its connector is syncing: {observation.message}",
            clears=observation.suggested_action,
            recovery=observation.recovery,
        )
    if observation is None or not observation.syncing:
        return None
    # A sync past its deadline hangs: waiting for it would protect the dataset for ever.
    if observation.syncing_since and facts.now - observation.syncing_since > facts.sync_deadline:
        return None
    return BlockingCheck(
        code="connector_syncing",
        what="Its connector is syncing.",
        since=observation.syncing_since,
        clears="Wait until the sync has ended.",
    )


def _false_reason_block(facts: TeardownFacts) -> BlockingCheck | None:
    why = _reason_contradiction(facts)
    if why is None or isinstance(why, BlockingCheck):
        return why
    return BlockingCheck(
        code="reason_not_true",
        what=f"The reason {facts.reason} does not hold: {why}",
        clears="Give the reason that is true, if there is one.",
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
        return check_orphan_teardown(dataset, journey, facts.now, facts.grace) or facts.clock
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


def teardown_in_progress_error(dataset: Dataset) -> TeardownInProgressError:
    """The refusal of work on a dataset in TEARDOWN. Waiting clears it only while a saga works on the teardown."""
    stopped, dataset_id = dataset.stalled_teardown, dataset.dataset_id
    if stopped is None:
        message = f"{dataset.name} is being taken down."
        return TeardownInProgressError(message, retry_after_s=5, dataset_id=dataset_id)
    failure = stopped.failure
    where = f" at the step {failure.step!r}: {failure.message}" if failure else "."
    return TeardownInProgressError(
        f"The teardown of {dataset.name} stopped{where}",
        recovery=Recovery.CHOOSE_OTHER,
        suggested_action=f"Call its teardown again with the reason {stopped.reason}: it continues from there. "
        "Call this again once the dataset is archived.",
        dataset_id=dataset_id,
    )


def require_no_running_work(dataset: Dataset, what: str) -> None:
    """Require that no saga works on the dataset, for `what`.

    Raises TeardownInProgressError or ProvisionRunningError.
    """
    if dataset.status is DatasetStatus.TEARDOWN:
        raise teardown_in_progress_error(dataset)
    if dataset.run is not None:
        msg = f"Work on {dataset.name} is running; {what} needs a dataset without running work."
        raise ProvisionRunningError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)


def dataset_before_teardown(dataset: Dataset) -> Dataset:
    """The dataset in its status before the teardown claimed it, so that the rules can run again."""
    teardown = dataset.teardown
    if dataset.status is not DatasetStatus.TEARDOWN or teardown is None:
        return dataset
    return replace(dataset, status=teardown.former_status, run=None)
