"""What the rules' refusals say, whole: a code for a program, and for a person what was found and what clears it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import (
    BlockingCheck,
    DatasetConflictError,
    LifecycleError,
    PlatformMismatchError,
    PlatformUnavailableError,
    Recovery,
)
from domain.model.content import Content, QualityReport
from domain.model.dataset import Confirmation, OrphanMark, Recheck
from domain.model.enums import DatasetStatus, DataSource, JourneyState, Stage, TeardownReason, Waiver
from domain.model.journey import UnreadableRow
from domain.model.principal import Principal
from domain.model.run import Run
from domain.policy.confirmation import require_approval, require_confirmation
from domain.policy.orphans import check_orphan_teardown, check_protection, check_sweep
from domain.policy.provision import (
    ProvisionLimits,
    may_retry,
    require_attachable,
    require_continue_allowed,
    require_provision_allowed,
    require_restore_allowed,
    require_source_allowed,
    require_within_limits,
)
from domain.policy.scopes import require_journey_access, require_scope
from domain.policy.teardown import TeardownFacts, check_teardown, dataset_before_teardown, raise_if_blocked
from domain.ports.platform import Observation
from tests.support.entities import NOW, dataset, journey

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.model.journey import Journey

HOUR = timedelta(hours=1)
GRACE = timedelta(days=7)
ID, NAME = dataset().dataset_id, dataset().name
RUNNING = Run(saga_id="provision:d:1", started_at=NOW - HOUR)
UNDOING = Run(saga_id="undo:d:1:1", started_at=NOW - HOUR)
SNAPSHOT = Run(saga_id="snapshot:d:1", started_at=NOW - HOUR)
DONE = journey(state=JourneyState.COMPLETED)
PAUSED = journey(state=JourneyState.PAUSED)
LEASED = journey(lease_expires_at=NOW + HOUR)
LAPSED = journey(lease_expires_at=NOW)
BROKEN = UnreadableRow(what="journey 'j1'", why="its state 'odd' is not known")
CONTENT = Content(
    attempt=1,
    record_count=7,
    size_bytes=70,
    checksum="aa",
    containers=("ENG",),
    report=QualityReport(score=100.0, checks=(), checksum="aa", evaluated_at=NOW),
)


def catch_refusal(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(LifecycleError) as refusal:
        call()
    return refusal.value.as_dict()


# --- provisioning ------------------------------------------------------------------------------------------------


def test_a_journey_at_another_stage_is_told_at_which() -> None:
    assert catch_refusal(lambda: require_provision_allowed(journey(stage=Stage.PILOT), Stage.SANDBOX)) == {
        "code": "stage_mismatch",
        "message": "The journey 'j1' is at pilot, not at sandbox.",
        "recovery": "fix_input",
        "field": "stage",
        "candidates": ["pilot"],
        "suggested_action": "Name the stage that the journey is at, or ask a person to promote the journey.",
    }
    assert catch_refusal(lambda: require_restore_allowed(journey(), Stage.PILOT)) == {
        "code": "stage_mismatch",
        "message": "The journey 'j1' is at sandbox, not yet at pilot.",
        "recovery": "fix_input",
        "field": "journey_id",
        "suggested_action": "Name a journey that is at that stage or past it, or have this one promoted.",
    }


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            require_provision_allowed,
            "The journey 'j1' is paused; only an active journey can have datasets made.",
        ),
        (
            require_restore_allowed,
            "The journey 'j1' is paused; only an active journey can have datasets restored.",
        ),
    ],
)
def test_a_journey_that_is_not_active_is_told_in_which_state_it_is(
    rule: Callable[[Journey, Stage], None], message: str
) -> None:
    assert catch_refusal(lambda: rule(PAUSED, Stage.SANDBOX)) == {
        "code": "journey_not_active",
        "message": message,
        "recovery": "needs_human",
        "field": "journey_id",
        "suggested_action": "Ask a person to activate the journey, then call again.",
    }


@pytest.mark.parametrize(
    ("stands", "now"),
    [(DONE, "completed"), (journey(stage=Stage.PILOT), "at pilot")],
)
def test_a_provision_that_was_taken_back_says_what_became_of_the_journey(stands: Journey, now: str) -> None:
    assert catch_refusal(lambda: require_continue_allowed(stands, Stage.SANDBOX)) == {
        "code": "journey_not_active",
        "message": f"The journey 'j1' is now {now}; what this attempt had made was removed.",
        "recovery": "needs_human",
        "suggested_action": "Ask a person to activate the journey, then call again.",
    }


def test_a_limit_is_told_with_what_is_above_it() -> None:
    limits = ProvisionLimits(live_datasets_per_client=2, records_per_dataset=10)
    assert catch_refusal(lambda: require_within_limits(limits, live=2, wanted=1)) == {
        "code": "quota_exceeded",
        "message": "The client has 2 live datasets; the limit is 2.",
        "recovery": "needs_human",
        "suggested_action": "Ask for the teardown of a dataset that nobody needs any more, then call again.",
    }
    assert catch_refusal(lambda: require_within_limits(limits, live=0, wanted=11)) == {
        "code": "quota_exceeded",
        "message": "The call asks for 11 records; a dataset may have 10.",
        "recovery": "fix_input",
        "field": "record_count",
        "suggested_action": "Ask for 10 records or fewer, or have limits.records_per_dataset raised.",
    }


def test_a_protected_dataset_of_another_journey_is_used_as_that_journeys() -> None:
    for state in (JourneyState.ACTIVE, JourneyState.PAUSED):
        owner = journey("j1", state=state)
        assert catch_refusal(partial(require_attachable, dataset(), "j2", {}, owner)) == {
            "code": "dataset_conflict",
            "recovery": "choose_other",
            "message": f"{NAME} is live already and belongs to the journey 'j1', which protects it.",
            "field": "journey_id",
            "candidates": ["j1"],
            "dataset_id": ID,
            "suggested_action": (
                "To use it as that journey's, name 'j1'. "
                "Else whether it makes way for another dataset is for a person to decide."
            ),
        }


@pytest.mark.parametrize(
    ("owner", "state"),
    [
        (journey("j1", state=JourneyState.COMPLETED), "is completed at sandbox"),
        (journey("j1", state=JourneyState.EXPIRED), "is expired at sandbox"),
        (journey("j1", stage=Stage.PILOT), "is active at pilot"),
        (UnreadableRow(what="the journey 'j1'", why="no JSON"), "is not there, or cannot be read"),
        (None, "is not there, or cannot be read"),
    ],
)
def test_a_dataset_that_its_journey_does_not_protect_is_recommended_to_nobody(
    owner: Journey | UnreadableRow | None, state: str
) -> None:
    assert catch_refusal(lambda: require_attachable(dataset(), "j2", {}, owner)) == {
        "code": "dataset_conflict",
        "recovery": "needs_human",
        "message": (
            f"{NAME} is live already and belongs to the journey 'j1', which {state} and does not protect it. "
            "Nor does 'j2' protect it."
        ),
        "field": "journey_id",
        "dataset_id": ID,
        "suggested_action": "Ask a person: whether it makes way for another dataset is for a person to decide.",
    }


def test_a_conflict_names_the_dataset_and_what_differs() -> None:
    live = dataset(content=CONTENT)
    conflict = {
        "code": "dataset_conflict",
        "recovery": "choose_other",
        "dataset_id": ID,
        "suggested_action": DatasetConflictError.action,
    }
    leave_out = f"To use the live dataset as it is, leave out {{}}. {DatasetConflictError.action}"
    named = {"record_count": 8, "data_source": DataSource.GENERATED}
    assert catch_refusal(lambda: require_attachable(live, "j1", named)) == conflict | {
        "message": (
            f"{NAME} is live already, and differs: "
            "record_count is 7, not 8; data_source is mock_template, not generated."
        ),
        "field": "record_count",
        "suggested_action": leave_out.format('"record_count" and "data_source"'),
    }
    assert catch_refusal(lambda: require_attachable(dataset(), "j1", {"record_count": 8})) == conflict | {
        "message": f"{NAME} is live already, and differs: record_count is all that the template has, not 8.",
        "field": "record_count",
        "suggested_action": leave_out.format('"record_count"'),
    }
    assert catch_refusal(lambda: require_attachable(dataset(status=DatasetStatus.TEARDOWN), "j1", {})) == {
        "code": "teardown_in_progress",
        "message": f"{NAME} is being taken down.",
        "recovery": "wait",
        "retry_after_s": 5,
        "dataset_id": ID,
        "suggested_action": "Wait until the dataset is archived, then call again.",
    }


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (UNDOING, "The remains of a failed provision of it are being removed."),
        (SNAPSHOT, "A snapshot of it is being archived."),
    ],
)
def test_a_retry_is_told_what_it_waits_for(run: Run, why: str) -> None:
    failed = dataset(status=DatasetStatus.FAILED, run=run)
    assert catch_refusal(lambda: may_retry(failed, journey(), NOW)) == {
        "code": "provision_running",
        "message": f"{NAME} cannot be provisioned again yet. {why}",
        "recovery": "wait",
        "retry_after_s": 2,
        "dataset_id": ID,
        "suggested_action": "Wait until that has ended.",
    }


def test_a_retry_of_what_is_to_be_kept_is_told_until_when() -> None:
    failed = dataset(status=DatasetStatus.FAILED, protected_until=NOW + HOUR)
    assert catch_refusal(lambda: may_retry(failed, journey(), NOW)) == {
        "code": "dataset_protected",
        "message": f"{NAME} is protected until 2026-03-01T13:00:00Z; a retry would replace it.",
        "recovery": "needs_human",
        "dataset_id": ID,
    }


# --- teardown ----------------------------------------------------------------------------------------------------


def find_blocks(**changes: Any) -> list[BlockingCheck]:
    usual: dict[str, Any] = {
        "dataset": dataset(),
        "journey": DONE,
        "observation": Observation(present=True, at=NOW, syncing=False),
        "reason": TeardownReason.MANUAL,
        "now": NOW,
        "grace": GRACE,
        "sync_deadline": HOUR / 2,
    }
    return list(check_teardown(TeardownFacts(**usual | changes)))


UNKNOWN = BlockingCheck(
    code="precondition_unknown",
    what="Its journey 'j1' cannot be read, so it is not known whether it is in use.",
    clears="Have the journey's row repaired.",
    recovery=Recovery.NEEDS_HUMAN,
)
KEPT = BlockingCheck(
    code="dataset_protected",
    what="It is protected until 2026-03-01T13:00:00Z.",
    clears="Wait until then, or ask a person to end the protection.",
    recovery=Recovery.NEEDS_HUMAN,
)
SYNCING = BlockingCheck(
    code="connector_syncing",
    what="Its connector is syncing.",
    since=NOW - HOUR / 2,
    clears="Wait until the sync has ended.",
)


@pytest.mark.parametrize(
    ("run", "what", "clears"),
    [
        (RUNNING, "A provision of it is running.", "Wait until it has ended, or cancel it."),
        (
            UNDOING,
            "The remains of a failed provision of it are being removed.",
            "Wait until that has ended.",
        ),
        (SNAPSHOT, "A snapshot of it is being archived.", "Wait until that has ended."),
    ],
)
def test_work_on_a_dataset_blocks_with_what_it_is_and_since_when(run: Run, what: str, clears: str) -> None:
    assert find_blocks(dataset=dataset(run=run)) == [
        BlockingCheck(code="provision_running", what=what, since=NOW - HOUR, clears=clears)
    ]


@pytest.mark.parametrize(
    ("protects", "state"),
    [(journey(), "active"), (LEASED, "active"), (PAUSED, "paused")],
)
def test_a_journey_that_protects_blocks_with_its_state(protects: Journey, state: str) -> None:
    assert find_blocks(journey=protects) == [
        BlockingCheck(
            code="journey_active",
            what=f"Its journey 'j1' is {state} at sandbox.",
            clears="Complete or cancel the journey, or promote it past this stage.",
            recovery=Recovery.NEEDS_HUMAN,
        )
    ]


def test_a_journey_that_cannot_be_read_blocks_once_however_often_it_is_asked_for() -> None:
    assert find_blocks(journey=BROKEN) == [UNKNOWN]
    assert find_blocks(journey=BROKEN, reason=TeardownReason.JOURNEY_COMPLETED) == [UNKNOWN]


def test_a_pending_recheck_blocks_until_its_deadline() -> None:
    pending = Recheck(requested_at=NOW - HOUR, deadline=NOW + HOUR)
    assert find_blocks(dataset=dataset(recheck=pending)) == [
        BlockingCheck(
            code="quality_checks_pending",
            what="A quality re-check of it is pending.",
            since=NOW - HOUR,
            clears="Wait until it has ended; after 2026-03-01T13:00:00Z it no longer counts.",
        )
    ]


def test_a_sync_blocks_up_to_its_deadline() -> None:
    syncing = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW - HOUR / 2)
    assert find_blocks(observation=syncing) == [SYNCING]
    late = replace(syncing, syncing_since=NOW - HOUR / 2 - timedelta(microseconds=1))
    assert find_blocks(observation=late) == []
    assert find_blocks(observation=replace(syncing, syncing_since=None)) == [replace(SYNCING, since=None)]


def test_a_platform_that_cannot_be_asked_blocks_with_what_would_make_it_answer() -> None:
    away = PlatformUnavailableError("Glean did not answer.", suggested_action="Look at its status page.")
    foreign = PlatformMismatchError("Another tenant answered.", suggested_action="Check the key.")
    assert find_blocks(observation=away) == [
        BlockingCheck(
            code="precondition_unknown",
            what="It is not known whether its connector is syncing: Glean did not answer.",
            clears="Look at its status page.",
            recovery=Recovery.WAIT,
        )
    ]
    assert find_blocks(observation=foreign) == [
        BlockingCheck(
            code="platform_mismatch",
            what="It is not known whether its connector is syncing: Another tenant answered.",
            clears="Check the key.",
            recovery=Recovery.NEEDS_HUMAN,
        )
    ]


def test_a_protection_blocks_up_to_its_end() -> None:
    assert find_blocks(dataset=dataset(protected_until=NOW + HOUR)) == [KEPT]
    assert find_blocks(dataset=dataset(protected_until=NOW)) == []


@pytest.mark.parametrize(
    ("reason", "stands", "why"),
    [
        (
            TeardownReason.STAGE_COMPLETED,
            DONE,
            "the journey is at sandbox, and the dataset belongs to sandbox.",
        ),
        (TeardownReason.STAGE_COMPLETED, None, "its journey is not on record."),
        (TeardownReason.JOURNEY_COMPLETED, LAPSED, "the journey is expired."),
        (TeardownReason.JOURNEY_COMPLETED, None, "its journey is not on record."),
        (TeardownReason.PROVISION_FAILED, DONE, "the dataset is ready."),
    ],
)
def test_a_reason_that_does_not_hold_is_told_why(
    reason: TeardownReason, stands: Journey | None, why: str
) -> None:
    assert find_blocks(journey=stands, reason=reason) == [
        BlockingCheck(
            code="reason_not_true",
            what=f"The reason {reason} does not hold: {why}",
            clears="Give the reason that is true, if there is one.",
            recovery=Recovery.FIX_INPUT,
        )
    ]


def test_a_refusal_carries_all_blocks_and_speaks_for_the_first() -> None:
    first = replace(SYNCING, recovery=Recovery.NEVER)
    assert catch_refusal(lambda: raise_if_blocked(dataset(), [first, KEPT])) == {
        "code": "connector_syncing",
        "message": (
            f"{NAME} cannot be taken down: "
            "Its connector is syncing. It is protected until 2026-03-01T13:00:00Z."
        ),
        "recovery": "never",
        "blocking_checks": [first.as_dict(), KEPT.as_dict()],
        "suggested_action": "Wait until the sync has ended.",
        "dataset_id": ID,
    }


WORD = Confirmation(
    how="elicitation",
    by="person:kim",
    at=NOW,
    dataset_id=ID,
    generation=1,
    reason=TeardownReason.MANUAL,
    requester="agent:a",
)
require_asked = partial(require_confirmation, at_sandbox="elicitation")
STALE = " The confirmation given was for another teardown, or for an earlier state of the dataset."


@pytest.mark.parametrize(("given", "stale"), [(None, ""), (replace(WORD, generation=2), STALE)])
@pytest.mark.parametrize(
    ("stage", "how", "when", "step"),
    [
        (
            Stage.SANDBOX,
            "elicitation",
            "a person confirms it by typing the dataset's name",
            "Ask the operator: a person sees on a terminal what will be lost, and decides.",
        ),
        (
            Stage.PILOT,
            "approval",
            "another person approves it",
            "Ask the operator: another person has to see what will be lost, and approve it.",
        ),
    ],
)
def test_a_refusal_for_want_of_a_persons_word_names_the_human_step_alone(
    given: Confirmation | None, stale: str, stage: Stage, how: str, when: str, step: str
) -> None:
    one = dataset(stage=stage)
    assert catch_refusal(lambda: require_asked(one, TeardownReason.MANUAL, "agent:a", given)) == {
        "code": "confirmation_required",
        "message": f"{NAME} ({stage}) is taken down for the reason manual only when {when}.{stale}",
        "recovery": "needs_human",
        "how": how,
        "dataset_id": ID,
        "suggested_action": step,
    }


@pytest.mark.parametrize(
    ("waiver", "without"),
    [
        (Waiver.ABANDON_CONNECTOR, ", leaving its connector in Glean,"),
        (Waiver.INCOMPLETE_ARCHIVE, ", with an incomplete archive,"),
    ],
)
def test_what_a_teardown_would_go_without_is_approved_at_every_stage_and_said(
    waiver: Waiver, without: str
) -> None:
    reason = TeardownReason.JOURNEY_COMPLETED
    typed = replace(WORD, reason=reason, concession=waiver)
    for given in (None, typed, replace(typed, how="approval", concession=Waiver.NONE)):
        stale = STALE if given else ""
        refusal = catch_refusal(partial(require_asked, dataset(), reason, "agent:a", given, waiver))
        assert refusal == {
            "code": "confirmation_required",
            "message": (
                f"{NAME} (sandbox) is taken down for the reason journey_completed{without} "
                f"only when another person approves it.{stale}"
            ),
            "recovery": "needs_human",
            "how": "approval",
            "dataset_id": ID,
            "suggested_action": (
                "Ask the operator: another person has to see what will be lost, and approve it."
            ),
        }
    approved = replace(typed, how="approval")
    require_asked(dataset(), reason, "agent:a", approved, waiver)
    assert require_approval(dataset(), reason, "agent:a", approved, waiver) == approved


def test_where_an_approval_is_required_no_other_confirmation_counts() -> None:
    manual = TeardownReason.MANUAL
    for given in (None, replace(WORD, reason=manual)):
        refusal = catch_refusal(partial(require_approval, dataset(), manual, "agent:a", given, Waiver.NONE))
        assert (refusal["code"], refusal["how"]) == ("confirmation_required", "approval")
    require_asked(dataset(), manual, "agent:a", replace(WORD, reason=manual))


def test_rules_run_again_inside_a_claim_that_was_left_without_its_facts_see_the_dataset_as_it_is() -> None:
    torn = dataset(status=DatasetStatus.TEARDOWN)
    assert dataset_before_teardown(torn) == torn


# --- orphans -----------------------------------------------------------------------------------------------------

MARK = OrphanMark(orphaned_at=NOW - timedelta(days=9), reason="journey_completed")
SERVED = replace(MARK, served=GRACE.total_seconds())


@pytest.mark.parametrize(
    ("owner", "what", "clears", "recovery"),
    [
        (
            LEASED,
            "It is not an orphan: its journey protects it, or work on it is running.",
            "Give the reason that is true, if there is one.",
            Recovery.FIX_INPUT,
        ),
        (
            None,
            "It is an orphan for the reason journey_missing, on which a person decides.",
            "Ask a person to add the journey again, or to take the dataset down.",
            Recovery.NEEDS_HUMAN,
        ),
        (
            journey(stage=Stage.PILOT),
            "It is an orphan for the reason stage_passed, on which a person decides.",
            "Ask a person to decide: the journey has left this stage.",
            Recovery.NEEDS_HUMAN,
        ),
    ],
)
def test_what_keeps_an_orphan_from_being_eligible_says_what_clears_it(
    owner: Journey | None, what: str, clears: str, recovery: Recovery
) -> None:
    check = BlockingCheck(code="reason_not_true", what=what, clears=clears, recovery=recovery)
    assert check_orphan_teardown(dataset(orphan=SERVED), owner, NOW, GRACE) == check
    assert (
        find_blocks(dataset=dataset(orphan=SERVED), journey=owner, reason=TeardownReason.ORPHANED)[-1]
        == check
    )
    assert check_sweep(dataset(orphan=SERVED), owner, NOW, GRACE) == check


def test_an_orphan_that_no_scan_has_marked_is_told_that_one_will() -> None:
    assert check_orphan_teardown(dataset(), LAPSED, NOW, GRACE) == BlockingCheck(
        code="reason_not_true",
        what="No scan has found it to be an orphan since it was last used.",
        clears="The daily scan marks it, and counts its grace of 7 days from then on.",
    )


def test_an_orphan_whose_journey_cannot_be_read_waits_for_a_person() -> None:
    assert check_orphan_teardown(dataset(orphan=SERVED), BROKEN, NOW, GRACE) == UNKNOWN
    assert find_blocks(dataset=dataset(orphan=SERVED), journey=BROKEN, reason=TeardownReason.ORPHANED) == [
        UNKNOWN
    ]


def test_a_lapsed_lease_makes_an_orphan_that_a_sweep_may_take() -> None:
    assert check_sweep(dataset(orphan=SERVED), LAPSED, NOW, GRACE) is None
    assert find_blocks(dataset=dataset(orphan=SERVED), journey=LAPSED, reason=TeardownReason.ORPHANED) == []


def test_what_is_kept_and_what_is_past_sandbox_is_no_sweeps_and_told_what_clears_it() -> None:
    held = dataset(orphan=SERVED, protected_until=NOW + HOUR)
    assert check_protection(held, NOW) == KEPT
    assert check_sweep(held, DONE, NOW, GRACE) == KEPT
    assert check_sweep(dataset(orphan=SERVED, stage=Stage.PILOT), DONE, NOW, GRACE) == BlockingCheck(
        code="confirmation_required",
        what="It is at pilot, where every teardown needs an approval.",
        clears="Have a person approve its teardown.",
        recovery=Recovery.NEEDS_HUMAN,
    )


# --- scopes ------------------------------------------------------------------------------------------------------


def test_an_agents_approval_is_refused_with_the_human_step() -> None:
    agent = Principal(subject="kim", actors=("bot",))
    assert catch_refusal(lambda: require_scope(agent, "approvals approve")) == {
        "code": "forbidden",
        "message": "Only a person may use approvals approve; this token belongs to an agent that acts for somebody.",
        "recovery": "needs_human",
        "scope": "datasets:approve",
        "suggested_action": "Have a person do it, with a token of their own or at a terminal.",
    }


def test_a_token_bound_to_a_journey_is_told_so_and_not_whose_the_dataset_is() -> None:
    assert catch_refusal(
        lambda: require_journey_access(Principal(subject="kim", journey_id="j2"), dataset())
    ) == {
        "code": "forbidden",
        "message": f"This token is bound to the journey j2, and {NAME} belongs to another.",
        "recovery": "needs_human",
        "dataset_id": ID,
        "suggested_action": "Ask the person who is responsible for that dataset's journey to do it.",
    }
    require_journey_access(Principal(subject="kim", journey_id="j1"), dataset())


@pytest.mark.parametrize("stage", Stage)
def test_sanitized_production_data_are_for_pilots_alone(stage: Stage) -> None:
    for source in (None, DataSource.MOCK_TEMPLATE, DataSource.GENERATED):
        require_source_allowed(source, stage)
    if stage is Stage.PILOT:
        require_source_allowed(DataSource.SANITIZED_PRODUCTION, stage)
    else:
        assert catch_refusal(lambda: require_source_allowed(DataSource.SANITIZED_PRODUCTION, stage)) == {
            "code": "invalid_argument",
            "message": f"Sanitized production data are for pilot only; the call is for {stage}.",
            "recovery": "choose_other",
            "field": "data_source",
            "candidates": ["mock_template", "generated"],
            "suggested_action": "Choose another data source, or call for a journey that is at the stage pilot.",
        }
