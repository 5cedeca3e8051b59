"""The desk where requests are filed and answered, over a real store: what is kept, said and put on record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from domain.errors import LifecycleError, format_timestamp
from domain.governance.approvals import ApprovalService, approve_and_execute
from domain.lifecycle.teardown.service import TeardownResult
from domain.model.approval import Approval, ApprovalItem, ApprovalOrigin, ApprovalState, ConfirmationRequest
from domain.model.content import Content, QualityReport
from domain.model.dataset import Confirmation
from domain.model.enums import DatasetType, Stage, TeardownReason, Waiver
from domain.model.principal import Principal, RequestContext
from domain.model.settings import LifecycleSettings
from domain.policy import approvals
from domain.policy.approvals import (
    SWEEP_SUBJECT,
    confirmation_facts,
    find_matching_approval,
    new_approval_id,
    require_can_answer,
    require_can_approve,
    sweep_principal,
    with_sweep_context,
)
from domain.ports import AuditQuery
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock, approval, client, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from domain.lifecycle.teardown.service import TeardownService
    from domain.ports import UnitOfWork

    Rule = Callable[[UnitOfWork, Approval, Principal], None]

MINUTE = timedelta(minutes=1)
PILOT = dataset(stage=Stage.PILOT)
ID, NAME = PILOT.dataset_id, PILOT.name
LEE = Principal(
    subject="lee", call=RequestContext(audit_id="au-lee", at=NOW, verb="approvals approve", via="cli")
)
KIM = Principal(
    subject="agent:kim", call=RequestContext(audit_id="au-kim", at=NOW, verb="teardown", via="stdio")
)
REASON = TeardownReason.JOURNEY_COMPLETED
SHOWN = {"dataset": NAME, "record_count": 7}
QUESTION = ConfirmationRequest(
    dataset=PILOT, reason=REASON, requester="agent:kim", generation=1, shown=SHOWN, principal=KIM
)
FILED = Approval(
    approval_id="ap-000001",
    dataset_id=ID,
    client_id="acme",
    generation=1,
    reason=REASON,
    requester="agent:kim",
    filed_at=NOW,
    expires_at=NOW + 30 * MINUTE,
    shown=SHOWN,
)
GRANTED = replace(
    FILED,
    state=ApprovalState.APPROVED,
    answered_by="lee",
    answered_at=NOW,
    grant_expires_at=NOW + 10 * MINUTE,
)
CONTENT = Content(
    attempt=1,
    record_count=7,
    size_bytes=70,
    checksum="aa",
    containers=("ENG",),
    report=QualityReport(score=100.0, checks=(), checksum="aa", evaluated_at=NOW),
)


@dataclass
class CountingIds:
    """Tokens that count upwards."""

    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def token(self) -> str:
        return f"{next(self.numbers):06d}"


@dataclass
class ApprovalSetup:
    """The desk, its store and its clock."""

    store: SqliteStore
    clock: ManualClock
    approvals: ApprovalService

    async def put(self, *rows: Approval) -> None:
        for row in rows:
            await self.store.transact(lambda uow, row=row: uow.approvals.put(row))  # type: ignore[misc]

    async def load_approval(self, approval_id: str = "ap-000001") -> Any:  # noqa: ANN401 - an approval or nothing
        return await self.store.read(lambda uow: uow.approvals.get(approval_id))

    async def load_audit_entries(self) -> list[dict[str, Any]]:
        """What was put on record, oldest first."""
        rows = await self.store.read(lambda uow: uow.audit.find(AuditQuery()))
        return [msgspec.json.decode(each.document) for each in reversed(rows)]


@pytest.fixture
async def approval_setup(tmp_path: Path) -> AsyncIterator[ApprovalSetup]:
    """A store with the client ACME and one dataset at pilot."""
    clock = ManualClock()
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        for name in ("acme", "globex"):
            await store.transact(lambda uow, name=name: uow.clients.put(client(name)))  # type: ignore[misc]
        await store.transact(lambda uow: uow.journeys.put(journey()))
        await store.transact(lambda uow: uow.datasets.put(PILOT))
        yield ApprovalSetup(
            store=store,
            clock=clock,
            approvals=ApprovalService(store, clock, CountingIds(), LifecycleSettings()),
        )


async def await_refusal(call: Awaitable[object]) -> dict[str, Any]:
    with pytest.raises(LifecycleError) as refusal:
        await call
    return refusal.value.as_dict()


def catch_refusal(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(LifecycleError) as refusal:
        call()
    return refusal.value.as_dict()


# --- asking ------------------------------------------------------------------------------------------------------


async def test_a_question_is_filed_once_and_says_what_a_person_does_next(
    approval_setup: ApprovalSetup,
) -> None:
    told = {
        "code": "confirmation_required",
        "message": (
            f"{NAME} (pilot) is taken down for the reason journey_completed only when a person has approved it."
            " They have been asked."
        ),
        "recovery": "needs_human",
        "how": "approval",
        "approval_id": "ap-000001",
        "expires_at": "2026-03-01T12:30:00Z",
        "dataset_id": ID,
        "suggested_action": (
            "Ask the operator: a person sees what will be lost, and decides on a terminal"
            " (`dataset-lifecycle approvals approve ap-000001`). Then make the same call again."
        ),
    }
    assert await await_refusal(approval_setup.approvals.ask(QUESTION)) == told
    approval_setup.clock.instant += MINUTE
    assert await await_refusal(approval_setup.approvals.ask(QUESTION)) == told
    assert await approval_setup.load_approval() == FILED
    assert await approval_setup.load_approval("ap-000002") is None
    [entry] = await approval_setup.load_audit_entries()
    assert (entry["audit_id"], entry["outcome"], entry["dataset_id"]) == ("au-kim", "approval requested", ID)
    assert entry["data"] == {
        "approval_id": "ap-000001",
        "requester": "agent:kim",
        "generation": 1,
        "shown": SHOWN,
        "datasets": [],
    }


@pytest.mark.parametrize(
    "asked", [replace(QUESTION, generation=2), replace(QUESTION, dataset=dataset("gone"))]
)
async def test_nobody_is_asked_about_a_state_that_has_passed(
    approval_setup: ApprovalSetup, asked: ConfirmationRequest
) -> None:
    assert await await_refusal(approval_setup.approvals.ask(asked)) == {
        "code": "changed_meanwhile",
        "message": f"{asked.dataset.name} has changed since it was read, so no person was asked.",
        "recovery": "wait",
        "dataset_id": asked.dataset.dataset_id,
        "suggested_action": "Read the dataset again, then decide again.",
    }
    assert await approval_setup.load_approval() is None
    assert await approval_setup.load_audit_entries() == []


async def test_an_approved_question_gives_the_word_of_who_approved_it(approval_setup: ApprovalSetup) -> None:
    await approval_setup.put(GRANTED)
    assert await approval_setup.approvals.ask(QUESTION) == Confirmation(
        how="approval",
        by="lee",
        at=NOW,
        dataset_id=ID,
        generation=1,
        reason=REASON,
        requester="agent:kim",
        approval_id="ap-000001",
        shown=SHOWN,
    )


async def test_what_a_teardown_would_go_without_is_asked_filed_and_granted_as_just_that(
    approval_setup: ApprovalSetup,
) -> None:
    question = replace(QUESTION, concession=Waiver.ABANDON_CONNECTOR)
    assert (await await_refusal(approval_setup.approvals.ask(question)))["message"] == (
        f"{NAME} (pilot) is taken down for the reason journey_completed, leaving its connector in Glean, "
        "only when a person has approved it. They have been asked."
    )
    filed = replace(FILED, concession=Waiver.ABANDON_CONNECTOR)
    assert await approval_setup.load_approval() == filed
    await approval_setup.put(replace(GRANTED, concession=Waiver.ABANDON_CONNECTOR))
    given = await approval_setup.approvals.ask(question)
    assert given is not None
    assert given.concession is Waiver.ABANDON_CONNECTOR


@pytest.mark.parametrize(
    "other",
    [
        {"dataset_id": "another"},
        {"generation": 2},
        {"reason": TeardownReason.MANUAL},
        {"requester": "agent:lee"},
        {"concession": Waiver.ABANDON_CONNECTOR},
        {"state": ApprovalState.USED},
        {"grant_expires_at": NOW},
    ],
)
async def test_a_claim_with_a_grant_for_anything_else_is_refused_with_the_human_step(
    approval_setup: ApprovalSetup, other: dict[str, Any]
) -> None:
    held = replace(GRANTED, **other)
    await approval_setup.put(held)
    given = approvals.approval_confirmation(GRANTED)
    claim = partial(
        approvals.spend_grant,
        confirmation=given,
        dataset=PILOT,
        reason=REASON,
        principal=KIM,
        now=NOW,
    )
    assert await await_refusal(approval_setup.store.transact(claim)) == {
        "code": "confirmation_required",
        "message": f"The approval for {NAME} was used, has expired, or is for another teardown.",
        "recovery": "needs_human",
        "how": "approval",
        "dataset_id": ID,
        "suggested_action": "Ask the operator: a person has to decide on it again.",
    }
    assert await approval_setup.load_approval() == held
    await approval_setup.put(GRANTED)
    await approval_setup.store.transact(claim)
    assert await approval_setup.load_approval() == replace(GRANTED, state=ApprovalState.USED)


async def test_a_grant_that_stands_for_one_dataset_is_none_for_another(approval_setup: ApprovalSetup) -> None:
    other = replace(PILOT, dataset_id="acme-pilot-jira-abc123", dataset_type=DatasetType.JIRA_ISSUES)
    await approval_setup.store.transact(lambda uow: uow.datasets.put(other))
    held = replace(GRANTED, dataset_id=other.dataset_id)
    await approval_setup.put(held)
    given = approvals.approval_confirmation(GRANTED)
    claim = partial(approvals.spend_grant, confirmation=given, reason=REASON, principal=KIM, now=NOW)
    assert (await await_refusal(approval_setup.store.transact(partial(claim, dataset=PILOT))))[
        "dataset_id"
    ] == ID
    assert await approval_setup.load_approval() == held
    await approval_setup.store.transact(partial(claim, dataset=other))
    assert await approval_setup.load_approval() == replace(held, state=ApprovalState.USED)


async def test_a_declined_question_is_told_so_while_it_would_be_open(approval_setup: ApprovalSetup) -> None:
    await approval_setup.put(replace(FILED, state=ApprovalState.DECLINED))
    approval_setup.clock.instant += 30 * MINUTE - timedelta(microseconds=1)
    assert await await_refusal(approval_setup.approvals.ask(QUESTION)) == {
        "code": "declined",
        "message": f"A person declined the teardown of {NAME}. Nothing was changed.",
        "recovery": "never",
        "suggested_action": (
            "Leave it. A person can take it down themselves on a terminal; they are asked again from "
            f"{format_timestamp(NOW + 30 * MINUTE)} on, or once the dataset has changed."
        ),
        "dataset_id": ID,
        "approval_id": "ap-000001",
    }
    approval_setup.clock.instant = NOW + 30 * MINUTE
    assert (await await_refusal(approval_setup.approvals.ask(QUESTION)))["code"] == "confirmation_required"


async def test_a_declined_question_without_an_end_is_asked_again_when_the_dataset_has_changed(
    approval_setup: ApprovalSetup,
) -> None:
    await approval_setup.put(replace(FILED, state=ApprovalState.DECLINED, expires_at=None))
    told = await await_refusal(approval_setup.approvals.ask(QUESTION))
    assert told["suggested_action"].endswith("they are asked again once the dataset has changed.")


@pytest.mark.parametrize("before", [None, FILED, GRANTED], ids=["nothing", "open", "granted"])
async def test_a_no_at_the_client_is_kept_and_settles_what_was_asked_or_granted(
    approval_setup: ApprovalSetup, before: Approval | None
) -> None:
    await approval_setup.put(*filter(None, [before]))
    told = await await_refusal(approval_setup.approvals.record_decline(QUESTION))
    assert told["code"] == "declined"
    found = await approval_setup.load_approval(told["approval_id"])
    assert (found.state, found.answered_by, found.answered_at) == (ApprovalState.DECLINED, "agent:kim", NOW)
    assert before is None or found.approval_id == before.approval_id
    assert [each["outcome"] for each in await approval_setup.load_audit_entries()] == ["declined"]
    assert await await_refusal(approval_setup.approvals.ask(QUESTION)) == told


@pytest.mark.parametrize(
    "other",
    [
        {"generation": 2},
        {"reason": TeardownReason.MANUAL},
        {"requester": "agent:lee"},
        {"concession": Waiver.ABANDON_CONNECTOR},
        {"dataset_id": "another"},
        {"state": ApprovalState.USED},
        {"state": ApprovalState.DECLINED, "expires_at": NOW},
        {"expires_at": NOW},
        {"state": ApprovalState.APPROVED, "grant_expires_at": NOW},
    ],
)
async def test_no_request_but_one_for_this_very_question_speaks_for_it(
    approval_setup: ApprovalSetup, other: dict[str, Any]
) -> None:
    await approval_setup.put(replace(FILED, approval_id="ap-999999", **other))
    assert (await await_refusal(approval_setup.approvals.ask(QUESTION)))["approval_id"] == "ap-000001"
    found = await approval_setup.store.read(lambda uow: find_matching_approval(uow, QUESTION, NOW))
    assert found == FILED


async def test_a_request_is_found_among_others_of_its_dataset(approval_setup: ApprovalSetup) -> None:
    others = [replace(FILED, approval_id=f"ap-{n:06d}", requester=f"agent:{n}") for n in range(100, 250)]

    def put(uow: UnitOfWork) -> None:
        for each in (*others, replace(FILED, approval_id="ap-999999")):
            uow.approvals.put(each)

    await approval_setup.store.transact(put)
    assert (await await_refusal(approval_setup.approvals.ask(QUESTION)))["approval_id"] == "ap-999999"


async def test_what_a_sweep_asks_stays_open_and_a_declined_one_stays_declined(
    approval_setup: ApprovalSetup,
) -> None:
    filed = await approval_setup.approvals.file_for_sweep(PILOT, LEE)
    assert filed == Approval(
        approval_id="ap-000001",
        dataset_id=ID,
        client_id="acme",
        generation=1,
        reason=TeardownReason.ORPHANED,
        requester=SWEEP_SUBJECT,
        filed_at=NOW,
        expires_at=None,
        shown=confirmation_facts(PILOT, TeardownReason.ORPHANED, NOW, LifecycleSettings()),
        origin=ApprovalOrigin.SWEEP,
    )
    approval_setup.clock.instant += timedelta(days=400)
    assert await approval_setup.approvals.file_for_sweep(PILOT, LEE) == filed
    declined = await approval_setup.approvals.decline("ap-000001", LEE)
    assert await approval_setup.approvals.file_for_sweep(PILOT, LEE) == declined
    assert [each["outcome"] for each in await approval_setup.load_audit_entries()] == [
        "approval requested",
        "declined",
    ]


async def test_an_id_that_is_taken_is_not_given_again(approval_setup: ApprovalSetup) -> None:
    await approval_setup.put(replace(FILED, requester="agent:lee"))
    assert (await await_refusal(approval_setup.approvals.ask(QUESTION)))["approval_id"] == "ap-000002"
    assert await approval_setup.store.read(lambda uow: new_approval_id(uow, CountingIds())) == "ap-000003"


async def test_a_person_alone_is_kept_as_who_asked_and_who_approved(approval_setup: ApprovalSetup) -> None:
    alone = replace(QUESTION, requester="lee", principal=LEE)
    given = await approval_setup.approvals.self_approve(alone)
    kept = replace(GRANTED, requester="lee")
    assert given == approvals.approval_confirmation(kept)
    assert await approval_setup.load_approval() == kept
    assert kept.self_approved
    [entry] = await approval_setup.load_audit_entries()
    assert (entry["audit_id"], entry["outcome"]) == ("au-lee", "approved by the one who asks")
    assert (entry["data"]["approval_id"], entry["data"]["shown"]) == ("ap-000001", SHOWN)


async def test_a_question_of_nobody_known_is_filed_without_an_entry(approval_setup: ApprovalSetup) -> None:
    await await_refusal(approval_setup.approvals.ask(replace(QUESTION, principal=None)))
    assert await approval_setup.load_approval() == FILED
    assert await approval_setup.load_audit_entries() == []


# --- answering ---------------------------------------------------------------------------------------------------


async def test_an_approval_is_kept_with_who_gave_it_and_until_when_and_put_on_record(
    approval_setup: ApprovalSetup,
) -> None:
    await approval_setup.put(FILED)
    assert await approval_setup.approvals.load_approvable("ap-000001", LEE) == FILED
    assert await approval_setup.approvals.approve("ap-000001", LEE, NAME) == GRANTED
    assert await approval_setup.load_approval() == GRANTED
    [entry] = await approval_setup.load_audit_entries()
    assert (entry["audit_id"], entry["outcome"], entry["dataset_id"]) == ("au-lee", "approved", ID)
    assert (entry["data"]["requester"], entry["data"]["generation"]) == ("agent:kim", 1)
    assert not GRANTED.self_approved


async def test_a_no_is_kept_with_who_said_it_and_put_on_record(approval_setup: ApprovalSetup) -> None:
    await approval_setup.put(FILED)
    declined = replace(FILED, state=ApprovalState.DECLINED, answered_by="lee", answered_at=NOW)
    assert await approval_setup.approvals.decline("ap-000001", LEE) == declined
    assert await approval_setup.load_approval() == declined
    [entry] = await approval_setup.load_audit_entries()
    assert (entry["audit_id"], entry["outcome"], entry["data"]["approval_id"]) == (
        "au-lee",
        "declined",
        "ap-000001",
    )


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ((), "the name of its dataset"),
        (
            (ApprovalItem(dataset_id=ID, name=NAME, client_id="acme", generation=1),),
            "the phrase that it asks for",
        ),
    ],
)
async def test_another_phrase_approves_nothing_and_is_told_what_was_meant(
    approval_setup: ApprovalSetup, listed: tuple[ApprovalItem, ...], wanted: str
) -> None:
    asked = replace(FILED, listed=listed)
    await approval_setup.put(asked)
    told = await await_refusal(approval_setup.approvals.approve("ap-000001", LEE, NAME.lower()))
    assert (told["code"], told["field"]) == ("invalid_argument", "name")
    assert told["message"] == f"The text typed for ap-000001 is not {wanted}; nothing was changed."
    assert await approval_setup.load_approval() == asked
    assert await approval_setup.load_audit_entries() == []


CLOSED = {
    ApprovalState.APPROVED: "was approved already",
    ApprovalState.DECLINED: "was declined",
    ApprovalState.USED: "was approved and used",
    ApprovalState.EXPIRED: "has expired",
    ApprovalState.VOID: "is void, because what it is about has changed since it was filed",
}


@pytest.mark.parametrize("state", CLOSED)
@pytest.mark.parametrize("rule", [require_can_answer, require_can_approve])
def test_a_closed_request_says_why_it_is_closed(state: ApprovalState, rule: Rule) -> None:
    told = catch_refusal(lambda: rule(unit_of_work(), replace(FILED, state=state), LEE))
    assert (told["code"], told["message"]) == ("approval_closed", f"The request ap-000001 {CLOSED[state]}.")


def unit_of_work(*actors: str) -> UnitOfWork:
    """What the rules ask: who is on record as an agent."""
    return cast("UnitOfWork", SimpleNamespace(audit=SimpleNamespace(is_actor=actors.__contains__)))


NO_PERSON = {
    "code": "forbidden",
    "message": "Only a person with the scope for it answers approval requests; an agent's answer does not count.",
    "recovery": "needs_human",
    "suggested_action": "Ask the operator: a person answers it on a terminal.",
}


@pytest.mark.parametrize(
    "nobody",
    [
        Principal(subject="agent:lee"),
        Principal(subject="lee", actors=("bot",)),
        Principal(subject="lee", scopes=frozenset({"admin"})),
    ],
)
@pytest.mark.parametrize("rule", [require_can_answer, require_can_approve])
def test_whoever_is_no_person_or_may_not_approve_is_told_before_anything_else(
    nobody: Principal, rule: Rule
) -> None:
    listed = (ApprovalItem(dataset_id=ID, name=NAME, client_id="acme", generation=1),)
    for asked in (FILED, replace(FILED, state=ApprovalState.USED), replace(GRANTED, listed=listed)):
        assert catch_refusal(lambda asked=asked: rule(unit_of_work(), asked, nobody)) == NO_PERSON  # type: ignore[misc]


@pytest.mark.parametrize("rule", [require_can_answer, require_can_approve])
@pytest.mark.parametrize(
    ("actors_of_request", "actors_on_record"),
    [(("bot", "lee"), ()), (("lee",), ()), ((), ("lee",)), (("bot",), ("bot", "lee"))],
    ids=["further behind", "in the request", "in another call", "in another call, and another in this"],
)
def test_whoever_acts_for_others_is_no_person_whatever_token_they_bring(
    rule: Rule, actors_of_request: tuple[str, ...], actors_on_record: tuple[str, ...]
) -> None:
    listed = (ApprovalItem(dataset_id=ID, name=NAME, client_id="acme", generation=1),)
    uow = unit_of_work(*actors_on_record)
    for asked in (FILED, replace(FILED, state=ApprovalState.USED), replace(GRANTED, listed=listed)):
        acted = replace(asked, actors=actors_of_request)
        assert catch_refusal(lambda acted=acted: rule(uow, acted, LEE)) == {  # type: ignore[misc]
            "code": "forbidden",
            "message": "lee is an agent: it has acted for somebody else. An agent's answer does not count.",
            "recovery": "needs_human",
            "suggested_action": "Ask the operator: a person answers it on a terminal.",
        }


async def test_whoever_acts_in_any_call_that_asks_is_on_the_request(approval_setup: ApprovalSetup) -> None:
    for actors in ((), ("bot",), ("other", "bot"), ("bot",)):
        asked = replace(QUESTION, principal=replace(KIM, actors=actors))
        await await_refusal(approval_setup.approvals.ask(asked))
    assert (await approval_setup.load_approval()).actors == ("bot", "other")


async def test_a_first_call_that_asks_names_its_agents_too(approval_setup: ApprovalSetup) -> None:
    asked = replace(QUESTION, principal=replace(KIM, actors=("bot", "other")))
    await await_refusal(approval_setup.approvals.ask(asked))
    assert (await approval_setup.load_approval()).actors == ("bot", "other")


async def test_a_grant_is_spent_by_no_call_in_which_its_giver_acts(approval_setup: ApprovalSetup) -> None:
    await approval_setup.put(GRANTED)
    claim = partial(
        approvals.spend_grant,
        confirmation=approvals.approval_confirmation(GRANTED),
        dataset=PILOT,
        reason=REASON,
        now=NOW,
    )
    acting = replace(KIM, actors=("bot", str(GRANTED.answered_by)))
    refusal = await await_refusal(approval_setup.store.transact(partial(claim, principal=acting)))
    assert refusal["code"] == "confirmation_required"
    assert await approval_setup.load_approval() == GRANTED
    await approval_setup.store.transact(partial(claim, principal=replace(KIM, actors=("bot",))))
    assert (await approval_setup.load_approval()).state is ApprovalState.USED


def test_who_asked_may_take_it_back_and_not_approve_it() -> None:
    own = replace(FILED, requester="lee")
    require_can_answer(unit_of_work(), own, LEE)
    assert catch_refusal(lambda: require_can_approve(unit_of_work(), own, LEE)) == {
        "code": "forbidden",
        "message": "lee filed the request ap-000001, and nobody approves their own request.",
        "recovery": "needs_human",
        "suggested_action": "Ask another person to decide on it.",
    }


def test_what_a_sweep_carries_out_is_the_sweeps_and_on_record_with_the_call_that_approved_it() -> None:
    sweep = sweep_principal(LEE)
    assert sweep == Principal(subject=SWEEP_SUBJECT)
    assert sweep.call == replace(cast("RequestContext", LEE.call), swept_by="lee")


def test_what_a_sweep_takes_down_is_on_record_as_of_who_started_it() -> None:
    assert with_sweep_context(LEE).call == replace(cast("RequestContext", LEE.call), swept_by="lee")
    nobody = Principal(subject="lee")
    assert with_sweep_context(nobody) is nobody


class RecordedTeardowns:
    """Teardowns that are begun in word only."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, TeardownReason, Principal, int | None]] = []

    async def start_or_attach(
        self, dataset_id: str, reason: TeardownReason, principal: Principal, *, generation: int | None = None
    ) -> TeardownResult:
        self.begun.append((dataset_id, reason, principal, generation))
        return TeardownResult(dataset=PILOT)


@pytest.mark.parametrize(
    ("changes", "typed", "begins"),
    [
        ({"origin": ApprovalOrigin.SWEEP, "generation": 1}, NAME, True),
        ({"origin": ApprovalOrigin.CALLER}, NAME, False),
        (
            {
                "origin": ApprovalOrigin.SWEEP,
                "listed": (ApprovalItem(dataset_id=ID, name=NAME, client_id="acme", generation=1),),
            },
            "take down 1 datasets",
            False,
        ),
    ],
    ids=["a sweep's", "a caller's", "a list"],
)
async def test_only_the_teardown_that_a_sweep_asked_for_begins_with_the_approval(
    approval_setup: ApprovalSetup, changes: dict[str, Any], typed: str, *, begins: bool
) -> None:
    asked = replace(FILED, **changes)
    await approval_setup.put(asked)
    teardowns = RecordedTeardowns()

    approved, begun = await approve_and_execute(
        approval_setup.approvals, cast("TeardownService", teardowns), "ap-000001", LEE, typed
    )

    assert approved == await approval_setup.load_approval() != asked
    assert approved.state is ApprovalState.APPROVED
    assert begun == (TeardownResult(dataset=PILOT) if begins else None)
    assert teardowns.begun == ([(ID, REASON, sweep_principal(LEE), 1)] if begins else [])


def test_a_list_that_was_approved_is_gone_on_with_and_keeps_its_first_word() -> None:
    listed = (ApprovalItem(dataset_id=ID, name=NAME, client_id="acme", generation=1),)
    held = replace(GRANTED, listed=listed)
    require_can_approve(unit_of_work(), held, LEE)
    assert approvals.approval_with_grant(held, "mia", NOW + MINUTE) == held
    fresh = approvals.approval_with_grant(replace(FILED, listed=listed), "mia", NOW)
    assert fresh.grant_expires_at == NOW + timedelta(hours=26)


# --- looking -----------------------------------------------------------------------------------------------------


async def test_a_list_shows_what_waits_oldest_first_and_all_of_it_when_asked(
    approval_setup: ApprovalSetup,
) -> None:
    late = replace(FILED, approval_id="ap-000000", requester="agent:x", filed_at=NOW + MINUTE)
    used = replace(FILED, approval_id="ap-000003", state=ApprovalState.USED)
    over = replace(FILED, approval_id="ap-000004", expires_at=NOW)
    theirs = replace(FILED, approval_id="ap-000005", client_id="globex")
    twin = replace(FILED, approval_id="ap-000002", requester="agent:y")
    await approval_setup.put(late, twin, FILED, used, over, theirs)
    mine = Principal(subject="lee", clients=frozenset({"acme"}))
    expired = replace(over, state=ApprovalState.EXPIRED)

    assert await approval_setup.approvals.list(mine) == [FILED, twin, late]
    assert await approval_setup.approvals.list(mine, everything=True) == [FILED, twin, used, expired, late]
    assert await approval_setup.approvals.list(LEE) == [FILED, twin, theirs, late]
    assert await approval_setup.approvals.load("ap-000004", mine) == expired


async def test_more_requests_than_a_page_are_all_listed(
    approval_setup: ApprovalSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.governance.approvals._PAGE", 2)
    many = [replace(FILED, approval_id=f"ap-{n:06d}", requester=f"agent:{n}") for n in range(5)]
    await approval_setup.put(*many)
    assert await approval_setup.approvals.list(LEE, limit=9) == many
    assert await approval_setup.approvals.list(LEE, limit=3) == many[:3]
    assert await approval_setup.approvals.list(LEE, after="ap-000002", limit=9) == many[3:]


async def test_an_unknown_request_and_anothers_are_told_alike_with_the_nearest_of_ones_own(
    approval_setup: ApprovalSetup,
) -> None:
    used = replace(FILED, approval_id="ap-000007", state=ApprovalState.USED)
    await approval_setup.put(FILED, used, replace(FILED, approval_id="ap-000009", client_id="globex"))
    mine = Principal(subject="lee", clients=frozenset({"acme"}))
    for name in ("ap-000009", "ap-000008"):
        assert await await_refusal(approval_setup.approvals.load(name, mine)) == {
            "code": "unknown_approval",
            "message": f"There is no approval request '{name}'.",
            "recovery": "fix_input",
            "field": "approval_id",
            "candidates": ["ap-000001"],
            "suggested_action": "See the requests with `dataset-lifecycle approvals list`.",
        }


# --- what a person is shown --------------------------------------------------------------------------------------

FACTS: dict[str, Any] = {
    "dataset": NAME,
    "dataset_id": ID,
    "client_id": "acme",
    "journey_id": "j1",
    "stage": "pilot",
    "status": "ready",
    "reason": "journey_completed",
    "record_count": 7,
    "created_at": "2026-01-30T12:00:00Z",
    "age_s": 30 * 86400,
    "lost": "its connector in Glean, its documents in search, and its staged documents",
}
BACK = {"restorable_days": 90, "restorable_until": "2026-05-30T12:00:00Z"}


@pytest.mark.parametrize(
    ("waiver", "changes"),
    [
        (Waiver.NONE, BACK),
        (
            Waiver.ABANDON_CONNECTOR,
            BACK
            | {
                "concession": "abandon_connector",
                "lost": "its staged documents",
                "stays": "its connector and its documents stay in Glean, where search may still find them",
            },
        ),
        (
            Waiver.INCOMPLETE_ARCHIVE,
            {
                "concession": "incomplete_archive",
                "lost": (
                    "its connector in Glean, its documents in search, and for good the documents that staging lost"
                ),
                "incomplete": (
                    "its staged documents are missing or damaged, so the archive will hold only what is left"
                ),
            },
        ),
    ],
)
def test_a_person_is_shown_what_goes_what_stays_and_what_can_come_back(
    waiver: Waiver, changes: dict[str, Any]
) -> None:
    whole = replace(PILOT, content=CONTENT)
    assert confirmation_facts(whole, REASON, NOW, LifecycleSettings(), waiver) == FACTS | changes


def test_what_no_archive_brings_back_is_promised_to_nobody() -> None:
    assert (
        confirmation_facts(replace(PILOT, content=CONTENT), REASON, NOW, LifecycleSettings(full_data=False))
        == FACTS
    )
    assert confirmation_facts(PILOT, REASON, NOW, LifecycleSettings()) == FACTS | {
        "record_count": PILOT.record_count
    }


class SingleDatasetStore:
    """The store of a single dataset."""

    datasets = SimpleNamespace(get=lambda dataset_id: PILOT if dataset_id == ID else None)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, ApprovalState.OPEN),
        ({"expires_at": None}, ApprovalState.OPEN),
        ({"expires_at": NOW}, ApprovalState.EXPIRED),
        ({"generation": 2}, ApprovalState.VOID),
        ({"dataset_id": "gone"}, ApprovalState.VOID),
        ({"state": ApprovalState.APPROVED, "expires_at": NOW}, ApprovalState.APPROVED),
        ({"state": ApprovalState.APPROVED, "grant_expires_at": NOW}, ApprovalState.EXPIRED),
        ({"state": ApprovalState.DECLINED, "generation": 2}, ApprovalState.DECLINED),
    ],
)
def test_a_request_stands_as_its_dataset_and_the_clock_say(
    changes: dict[str, Any], state: ApprovalState
) -> None:
    one = replace(approval(PILOT), **changes)
    assert approvals.current_approval(cast("UnitOfWork", SingleDatasetStore()), one, NOW) == replace(
        one, state=state
    )
