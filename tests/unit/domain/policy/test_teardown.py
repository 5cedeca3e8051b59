"""Who may provision, attach, retry and tear down: every rule, and mostly its refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    ConfirmationRequiredError,
    DatasetConflictError,
    DatasetProtectedError,
    JourneyActiveError,
    JourneyNotActiveError,
    LifecycleError,
    PlatformMismatchError,
    PlatformUnavailableError,
    ProvisionRunningError,
    QuotaExceededError,
    Recovery,
    StageMismatchError,
    TeardownInProgressError,
)
from domain.model.clock import Uptime
from domain.model.dataset import Confirmation, OrphanMark, Recheck
from domain.model.enums import DatasetStatus, DataSource, JourneyState, Stage, TeardownReason, Waiver
from domain.model.journey import Journey, UnreadableRow
from domain.model.run import Run
from domain.policy.confirmation import WAIVER_PHRASES, require_confirmation, required_confirmation_kind
from domain.policy.provision import (
    ProvisionLimits,
    may_retry,
    require_attachable,
    require_continue_allowed,
    require_provision_allowed,
    require_restore_allowed,
    require_within_limits,
)
from domain.policy.teardown import TeardownFacts, check_teardown, dataset_before_teardown, raise_if_blocked
from domain.ports.platform import Observation
from tests.unit.domain.model.test_model import CONTENT, dataset, teardown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = Run(saga_id="provision:d:1", started_at=NOW)
UNDOING = Run(saga_id="undo:d:1:1", started_at=NOW)
BROKEN = UnreadableRow(what="journey j1", why="its state 'odd' is not known")


def journey(state: JourneyState = JourneyState.ACTIVE, stage: Stage = Stage.SANDBOX) -> Journey:
    return Journey(journey_id="j1", client_id="acme", stage=stage, state=state)


def facts(**changes: Any) -> TeardownFacts:
    usual: dict[str, Any] = {
        "dataset": dataset(),
        "journey": journey(JourneyState.COMPLETED),
        "observation": Observation(present=True, at=NOW, syncing=False),
        "reason": TeardownReason.JOURNEY_COMPLETED,
        "now": NOW,
        "grace": timedelta(days=7),
        "sync_deadline": timedelta(minutes=30),
    }
    return TeardownFacts(**usual | changes)


def codes(**changes: Any) -> list[str]:
    return [each.code for each in check_teardown(facts(**changes))]


@given(state=st.sampled_from(JourneyState), stage=st.sampled_from(Stage), asked=st.sampled_from(Stage))
def test_only_an_active_journey_at_that_stage_has_datasets_made(
    state: JourneyState, stage: Stage, asked: Stage
) -> None:
    if stage is not asked:
        with pytest.raises(StageMismatchError):
            require_provision_allowed(journey(state, stage), asked)
    elif state is not JourneyState.ACTIVE:
        with pytest.raises(JourneyNotActiveError):
            require_provision_allowed(journey(state, stage), asked)
    else:
        require_provision_allowed(journey(state, stage), asked)


@given(state=st.sampled_from(JourneyState), stage=st.sampled_from(Stage))
def test_a_running_provision_stops_only_for_a_journey_that_is_over_or_past_the_stage(
    state: JourneyState, stage: Stage
) -> None:
    over = state in {JourneyState.COMPLETED, JourneyState.CANCELLED} or stage is not Stage.SANDBOX
    if over:
        with pytest.raises(JourneyNotActiveError):
            require_continue_allowed(journey(state, stage), Stage.SANDBOX)
    else:
        require_continue_allowed(journey(state, stage), Stage.SANDBOX)


@given(state=st.sampled_from(JourneyState), stage=st.sampled_from(Stage), asked=st.sampled_from(Stage))
def test_only_an_active_journey_at_that_stage_or_past_it_has_a_dataset_restored(
    state: JourneyState, stage: Stage, asked: Stage
) -> None:
    if list(Stage).index(stage) < list(Stage).index(asked):
        with pytest.raises(StageMismatchError) as refusal:
            require_restore_allowed(journey(state, stage), asked)
        assert refusal.value.field == "journey_id"
    elif state is not JourneyState.ACTIVE:
        with pytest.raises(JourneyNotActiveError) as refused:
            require_restore_allowed(journey(state, stage), asked)
        assert refused.value.field == "journey_id"
    else:
        require_restore_allowed(journey(state, stage), asked)


@given(state=st.sampled_from(JourneyState), stage=st.sampled_from(Stage))
def test_a_running_restore_stops_only_for_a_journey_that_is_over(state: JourneyState, stage: Stage) -> None:
    if state in {JourneyState.COMPLETED, JourneyState.CANCELLED}:
        with pytest.raises(JourneyNotActiveError, match=f"is now {state};"):
            require_continue_allowed(journey(state, stage), Stage.SANDBOX, restored=True)
    else:
        require_continue_allowed(journey(state, stage), Stage.SANDBOX, restored=True)


def test_a_retry_of_a_restored_dataset_asks_what_its_restoration_asked() -> None:
    past = journey(stage=Stage.PILOT)
    failed = dataset(status=DatasetStatus.FAILED)
    with pytest.raises(StageMismatchError):
        may_retry(failed, past, NOW)
    assert may_retry(replace(failed, restored_from="before"), past, NOW)
    with pytest.raises(JourneyNotActiveError):
        may_retry(replace(failed, restored_from="before"), journey(JourneyState.PAUSED, Stage.PILOT), NOW)


def test_a_client_at_its_limit_gets_no_further_dataset_and_none_is_too_large() -> None:
    limits = ProvisionLimits(live_datasets_per_client=2, records_per_dataset=10)
    require_within_limits(limits, live=1, wanted=10)
    require_within_limits(limits, live=1, wanted=None)
    with pytest.raises(QuotaExceededError, match="2 live datasets"):
        require_within_limits(limits, live=2, wanted=1)
    with pytest.raises(QuotaExceededError) as refusal:
        require_within_limits(limits, live=0, wanted=11)
    assert (refusal.value.field, refusal.value.recovery) == ("record_count", Recovery.FIX_INPUT)


def test_a_call_attaches_when_all_that_it_names_is_so() -> None:
    live = dataset(content=CONTENT)
    require_attachable(live, "j1", {})
    require_attachable(
        live,
        "j1",
        {"template_id": "a/b/confluence_pages", "record_count": 7, "data_source": DataSource.MOCK_TEMPLATE},
    )
    require_attachable(replace(live, requested_count=9), "j1", {"record_count": 9})


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({"template_id": "other"}, "template_id"),
        ({"template_id": "a/b/confluence_pages", "record_count": 8}, "record_count"),
        ({"data_source": DataSource.GENERATED}, "data_source"),
    ],
)
def test_a_difference_is_a_conflict_that_names_it(named: dict[str, Any], field: str) -> None:
    with pytest.raises(DatasetConflictError) as refusal:
        require_attachable(dataset(content=CONTENT), "j1", named)
    assert refusal.value.field == field
    assert field in refusal.value.message


def test_nothing_attaches_to_a_dataset_in_teardown() -> None:
    with pytest.raises(TeardownInProgressError) as refusal:
        require_attachable(dataset(status=DatasetStatus.TEARDOWN), "j1", {})
    assert refusal.value.retry_after_s


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"status": DatasetStatus.FAILED}, True),
        ({"status": DatasetStatus.VALIDATING}, True),
        ({"status": DatasetStatus.VALIDATING, "run": RUN}, False),
        ({"status": DatasetStatus.PROVISIONING, "run": RUN}, False),
        ({"status": DatasetStatus.READY}, False),
    ],
)
def test_a_retry_begins_anew_only_what_has_failed_or_settled_below_the_threshold(
    changes: dict[str, Any], begins: bool
) -> None:
    assert may_retry(dataset(**changes), journey(), NOW) is begins


@pytest.mark.parametrize("status", [DatasetStatus.FAILED, DatasetStatus.VALIDATING])
def test_a_retry_waits_for_the_removal_of_what_the_failed_attempt_left(status: DatasetStatus) -> None:
    with pytest.raises(ProvisionRunningError) as refusal:
        may_retry(dataset(status=status, run=UNDOING), journey(), NOW)
    assert refusal.value.retry_after_s


def test_the_removal_of_leftovers_forbids_a_teardown_and_is_not_offered_to_be_cancelled() -> None:
    [block] = check_teardown(facts(dataset=dataset(run=UNDOING), reason=TeardownReason.MANUAL))
    assert (block.code, block.since) == ("provision_running", NOW)
    assert "cancel" not in block.clears


def test_a_retry_needs_an_active_journey_and_leaves_a_protected_dataset_alone() -> None:
    failed = dataset(status=DatasetStatus.FAILED)
    with pytest.raises(JourneyNotActiveError):
        may_retry(failed, journey(JourneyState.PAUSED), NOW)
    with pytest.raises(DatasetProtectedError):
        may_retry(replace(failed, protected_until=NOW + HOUR), journey(), NOW)
    assert may_retry(replace(failed, protected_until=NOW), journey(), NOW)


def test_a_teardown_that_nothing_forbids_goes_on() -> None:
    assert codes() == []
    assert codes(observation=None) == []
    assert codes(observation=Observation(present=False, at=NOW)) == []


def test_everything_that_forbids_is_reported_not_the_first_only() -> None:
    held = dataset(
        run=RUN,
        recheck=Recheck(requested_at=NOW, deadline=NOW + HOUR),
        protected_until=NOW + HOUR,
    )
    found = codes(
        dataset=held,
        journey=journey(),
        observation=Observation(present=True, at=NOW, syncing=True, syncing_since=NOW),
    )
    assert found == [
        "provision_running",
        "journey_active",
        "quality_checks_pending",
        "connector_syncing",
        "dataset_protected",
        "reason_not_true",
    ]


def test_every_block_says_what_clears_it() -> None:
    blocks = check_teardown(facts(dataset=dataset(run=RUN), journey=journey()))
    assert all(each.what and each.clears for each in blocks)
    with pytest.raises(ProvisionRunningError) as refusal:
        raise_if_blocked(dataset(), blocks)
    assert refusal.value.blocking == blocks
    raise_if_blocked(dataset(), ())


@given(
    state=st.sampled_from(JourneyState), stage=st.sampled_from(Stage), reason=st.sampled_from(TeardownReason)
)
def test_no_reason_gets_past_a_journey_that_protects_the_dataset(
    state: JourneyState, stage: Stage, reason: TeardownReason
) -> None:
    living = state in {JourneyState.ACTIVE, JourneyState.PAUSED} and stage is Stage.SANDBOX
    assert ("journey_active" in codes(journey=journey(state, stage), reason=reason)) is living


def test_a_lapsed_lease_protects_no_longer() -> None:
    leased = replace(journey(), lease_expires_at=NOW)
    assert codes(journey=leased, reason=TeardownReason.MANUAL) == []


@pytest.mark.parametrize("reason", TeardownReason)
@pytest.mark.parametrize("status", [DatasetStatus.READY, DatasetStatus.FAILED])
def test_an_unreadable_journey_refuses_whatever_needs_to_know_it(
    reason: TeardownReason, status: DatasetStatus
) -> None:
    found = codes(dataset=dataset(status=status), journey=BROKEN, reason=reason)
    if status is DatasetStatus.FAILED and reason in {TeardownReason.MANUAL, TeardownReason.PROVISION_FAILED}:
        assert found == []  # nobody uses a dataset that never came to be
    else:
        assert found[0] == "precondition_unknown"
        assert found.count("precondition_unknown") == 1


def test_a_failed_dataset_is_in_nobodys_use() -> None:
    assert (
        codes(
            dataset=dataset(status=DatasetStatus.FAILED),
            journey=journey(),
            reason=TeardownReason.PROVISION_FAILED,
        )
        == []
    )


def test_a_recheck_past_its_deadline_is_pending_no_more() -> None:
    assert codes(dataset=dataset(recheck=Recheck(requested_at=NOW - HOUR, deadline=NOW))) == []


@pytest.mark.parametrize("wrong_by", [timedelta(days=1), timedelta(days=-1)])
@pytest.mark.parametrize(("minutes", "blocks"), [(14, ["quality_checks_pending"]), (15, [])])
def test_no_setting_of_the_clock_ends_or_lengthens_a_pending_recheck(
    wrong_by: timedelta, minutes: int, blocks: list[str]
) -> None:
    boot = Uptime(boot="a", seconds=50)
    recheck = Recheck(requested_at=NOW, deadline=NOW + HOUR / 4, uptime=boot)
    later = replace(boot, seconds=50 + 60 * minutes)
    now = NOW + timedelta(minutes=minutes) + wrong_by
    assert codes(dataset=dataset(recheck=recheck), now=now, uptime=later) == blocks


def test_a_recheck_that_a_clock_set_back_finds_in_the_future_blocks_nothing() -> None:
    recheck = Recheck(requested_at=NOW + HOUR, deadline=NOW + 2 * HOUR, uptime=Uptime(boot="a", seconds=50))
    assert codes(dataset=dataset(recheck=recheck), uptime=Uptime(boot="b", seconds=5)) == []


def test_a_platform_that_cannot_say_whether_it_syncs_refuses() -> None:
    assert codes(observation=PlatformUnavailableError("away")) == ["precondition_unknown"]
    assert codes(observation=PlatformMismatchError("another tenant")) == ["platform_mismatch"]


def test_a_sync_past_its_deadline_is_no_block() -> None:
    hanging = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW - timedelta(minutes=31))
    assert codes(observation=hanging) == []
    assert codes(observation=replace(hanging, syncing_since=None)) == ["connector_syncing"]


@pytest.mark.parametrize(
    ("reason", "dataset_changes", "the_journey", "holds"),
    [
        (TeardownReason.STAGE_COMPLETED, {}, journey(stage=Stage.PILOT), True),
        (TeardownReason.STAGE_COMPLETED, {}, journey(JourneyState.COMPLETED), False),
        (TeardownReason.STAGE_COMPLETED, {"stage": Stage.PRODUCTION}, journey(stage=Stage.PILOT), False),
        (TeardownReason.STAGE_COMPLETED, {}, None, False),
        (TeardownReason.JOURNEY_COMPLETED, {}, journey(JourneyState.COMPLETED), True),
        (TeardownReason.JOURNEY_COMPLETED, {}, journey(JourneyState.CANCELLED), True),
        (TeardownReason.JOURNEY_COMPLETED, {}, journey(JourneyState.EXPIRED), False),
        (TeardownReason.JOURNEY_COMPLETED, {}, None, False),
        (TeardownReason.PROVISION_FAILED, {"status": DatasetStatus.FAILED}, journey(), True),
        (TeardownReason.PROVISION_FAILED, {}, journey(JourneyState.COMPLETED), False),
        (TeardownReason.ORPHANED, {}, journey(JourneyState.COMPLETED), False),
        (
            TeardownReason.ORPHANED,
            {
                "created_at": NOW - timedelta(days=30),
                "last_used_at": NOW - timedelta(days=30),
                "orphan": OrphanMark(
                    orphaned_at=NOW - timedelta(days=8), reason="journey_completed", served=8 * 86400
                ),
            },
            journey(JourneyState.COMPLETED),
            True,
        ),
        (TeardownReason.MANUAL, {}, None, True),
    ],
)
def test_the_reason_is_checked_not_believed(
    reason: TeardownReason, dataset_changes: dict[str, Any], the_journey: Journey | None, holds: bool
) -> None:
    found = codes(dataset=dataset(**dataset_changes), journey=the_journey, reason=reason)
    assert found == ([] if holds else ["reason_not_true"])


def test_the_rules_see_a_dataset_in_teardown_as_it_was_when_claimed() -> None:
    held = dataset(status=DatasetStatus.TEARDOWN, run=RUN, teardown=teardown())
    assert dataset_before_teardown(held).status is DatasetStatus.READY
    assert dataset_before_teardown(held).run is None
    assert dataset_before_teardown(dataset()) == dataset()


required_kind = partial(required_confirmation_kind, at_sandbox="elicitation")


@given(stage=st.sampled_from(Stage), reason=st.sampled_from(TeardownReason))
def test_a_person_is_needed_for_manual_and_for_everything_past_sandbox(
    stage: Stage, reason: TeardownReason
) -> None:
    need = required_kind(dataset(stage=stage), reason)
    if stage is not Stage.SANDBOX:
        assert need == "approval"
    else:
        assert need == ("elicitation" if reason is TeardownReason.MANUAL else None)


@given(
    stage=st.sampled_from(Stage),
    reason=st.sampled_from(TeardownReason),
    waiver=st.sampled_from(Waiver),
)
def test_a_concession_needs_an_approval_at_every_stage_and_for_every_reason(
    stage: Stage, reason: TeardownReason, waiver: Waiver
) -> None:
    need = required_kind(dataset(stage=stage), reason, waiver)
    if waiver is Waiver.NONE:
        assert need == required_kind(dataset(stage=stage), reason)
    else:
        assert need == "approval"


UNKNOWN = PlatformUnavailableError("Glean does not answer.")
SYNCING = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW)


@given(
    journey_state=st.sampled_from(JourneyState),
    kept=st.booleans(),
    running=st.booleans(),
    pending=st.booleans(),
    seen=st.sampled_from([UNKNOWN, PlatformMismatchError("It is another's."), SYNCING, None]),
    reason=st.sampled_from(TeardownReason),
)
def test_abandoning_replaces_the_one_check_that_the_platform_cannot_answer_and_no_other(
    journey_state: JourneyState,
    kept: bool,
    running: bool,
    pending: bool,
    seen: Observation | LifecycleError | None,
    reason: TeardownReason,
) -> None:
    held = dataset(
        protected_until=NOW + HOUR if kept else None,
        run=RUN if running else None,
        recheck=Recheck(requested_at=NOW, deadline=NOW + HOUR) if pending else None,
    )
    given_facts = facts(dataset=held, journey=journey(journey_state), observation=seen, reason=reason)
    usual = check_teardown(given_facts)
    abandoned = check_teardown(replace(given_facts, abandon=True))
    silent = [each for each in usual if isinstance(seen, LifecycleError) and seen.message in each.what]
    assert len(silent) == isinstance(seen, LifecycleError)
    assert list(abandoned) == [each for each in usual if each not in silent]


require_asked = partial(require_confirmation, at_sandbox="elicitation")


def typed_confirmation(**changes: Any) -> Confirmation:
    usual: dict[str, Any] = {
        "how": "approval",
        "by": "person:kim",
        "at": NOW,
        "dataset_id": dataset().dataset_id,
        "generation": 1,
        "reason": TeardownReason.MANUAL,
        "requester": "agent:a",
    }
    return Confirmation(**usual | changes)


def test_a_confirmation_for_this_very_teardown_is_enough() -> None:
    require_asked(dataset(), TeardownReason.MANUAL, "agent:a", typed_confirmation())
    require_asked(dataset(), TeardownReason.MANUAL, "agent:a", typed_confirmation(how="typed_name"))
    require_asked(dataset(stage=Stage.PILOT), TeardownReason.MANUAL, "agent:a", typed_confirmation())
    require_asked(dataset(), TeardownReason.ORPHANED, "agent:a", None)


@pytest.mark.parametrize(
    "given_word",
    [
        None,
        typed_confirmation(dataset_id="another"),
        typed_confirmation(generation=2),
        typed_confirmation(reason=TeardownReason.ORPHANED),
        typed_confirmation(requester="agent:b"),
    ],
)
def test_a_confirmation_of_something_else_is_none(given_word: Confirmation | None) -> None:
    with pytest.raises(ConfirmationRequiredError) as refusal:
        require_asked(dataset(), TeardownReason.MANUAL, "agent:a", given_word)
    assert refusal.value.facts["how"] == "elicitation"


@pytest.mark.parametrize("how", ["typed_name", "elicitation", "approval"])
@pytest.mark.parametrize("asked", Waiver)
@pytest.mark.parametrize("given_for", Waiver)
def test_what_is_conceded_is_what_was_approved(how: str, asked: Waiver, given_for: Waiver) -> None:
    held, given_word = dataset(), typed_confirmation(how=how, concession=given_for)
    if asked is given_for and (how == "approval" or asked is Waiver.NONE):
        require_asked(held, TeardownReason.MANUAL, "agent:a", given_word, asked)
        return
    with pytest.raises(ConfirmationRequiredError) as refusal:
        require_asked(held, TeardownReason.MANUAL, "agent:a", given_word, asked)
    assert WAIVER_PHRASES[asked] in refusal.value.message
    assert refusal.value.facts["how"] == ("elicitation" if asked is Waiver.NONE else "approval")


@pytest.mark.parametrize("how", ["typed_name", "elicitation", "approval", "invented"])
def test_where_the_callers_program_is_not_trusted_its_answer_counts_for_nothing(how: str) -> None:
    manual, given_word = TeardownReason.MANUAL, typed_confirmation(how=how)
    assert required_confirmation_kind(dataset(), manual, at_sandbox="approval") == "approval"
    if how in {"typed_name", "approval"}:  # a person at a terminal, or one who answered the request
        require_confirmation(dataset(), manual, "agent:a", given_word, at_sandbox="approval")
        return
    with pytest.raises(ConfirmationRequiredError) as refusal:
        require_confirmation(dataset(), manual, "agent:a", given_word, at_sandbox="approval")
    assert refusal.value.facts["how"] == "approval"


@pytest.mark.parametrize("how", ["typed_name", "elicitation"])
def test_past_sandbox_only_an_approval_counts(how: str) -> None:
    with pytest.raises(ConfirmationRequiredError) as refusal:
        require_asked(
            dataset(stage=Stage.PILOT), TeardownReason.MANUAL, "agent:a", typed_confirmation(how=how)
        )
    assert refusal.value.facts["how"] == "approval"


def test_no_refusal_tells_a_model_which_argument_would_pass() -> None:
    with pytest.raises(ConfirmationRequiredError) as refusal:
        require_asked(dataset(), TeardownReason.MANUAL, "agent:a", None)
    told = str(refusal.value.as_dict()).lower()
    assert not any(hint in told for hint in ("confirm=", "confirm:", "force", "--yes", "argument"))


def test_the_first_block_gives_its_code_to_the_refusal() -> None:
    blocks = check_teardown(facts(journey=journey(), reason=TeardownReason.MANUAL))
    with pytest.raises(JourneyActiveError) as refusal:
        raise_if_blocked(dataset(), blocks)
    assert refusal.value.as_dict()["blocking_checks"][0]["check"] == "journey_active"
