"""The desk where requests are filed and answered, over a real store: what is kept, said and put on record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from domain import approvals
from domain.approval_desk import Approvals
from domain.approvals import SWEEPER, held, may_answer, may_approve, new_id, shown, sweeper
from domain.audit_chain import AuditQuery
from domain.callers import Call, Caller
from domain.errors import LifecycleError
from domain.job import Policy
from domain.model import Confirmation, Content, QualityReport
from domain.requests import Approval, ApprovalOrigin, ApprovalState, Listed, Question
from domain.vocabulary import Concession, DatasetType, Stage, TeardownReason
from server.adapters.store.sqlite import SqliteStore
from tests.entities import NOW, SetClock, approval, client, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from domain.job import Outside
    from domain.records import Records

MINUTE = timedelta(minutes=1)
PILOT = dataset(stage=Stage.PILOT)
ID, NAME = PILOT.dataset_id, PILOT.name
LEE = Caller(subject="lee", call=Call(audit_id="au-lee", at=NOW, verb="approvals approve", via="cli"))
KIM = Caller(subject="agent:kim", call=Call(audit_id="au-kim", at=NOW, verb="teardown", via="stdio"))
REASON = TeardownReason.JOURNEY_COMPLETED
SHOWN = {"dataset": NAME, "record_count": 7}
QUESTION = Question(
    dataset=PILOT, reason=REASON, requester="agent:kim", generation=1, shown=SHOWN, caller=KIM
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
class Numbers:
    """Tokens that count upwards."""

    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def token(self) -> str:
        return f"{next(self.numbers):06d}"


@dataclass
class Desk:
    """The desk, its store and its clock."""

    store: SqliteStore
    clock: SetClock
    approvals: Approvals

    async def put(self, *rows: Approval) -> None:
        for row in rows:
            await self.store.transact(lambda records, row=row: records.put_approval(row))  # type: ignore[misc]

    async def look(self, approval_id: str = "ap-000001") -> Approval | None:
        return await self.store.read(lambda records: records.approval(approval_id))

    async def noted(self) -> list[dict[str, Any]]:
        """What was put on record, oldest first."""
        rows = await self.store.read(lambda records: records.entries(AuditQuery()))
        return [msgspec.json.decode(each.document) for each in reversed(rows)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A store with the client ACME and one dataset at pilot."""
    clock = SetClock()
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        outside = SimpleNamespace(store=store, clock=clock, ids=Numbers(), policy=Policy())
        for name in ("acme", "globex"):
            await store.transact(lambda records, name=name: records.put_client(client(name)))  # type: ignore[misc]
        await store.transact(lambda records: records.put_journey(journey()))
        await store.transact(lambda records: records.put_dataset(PILOT))
        yield Desk(store=store, clock=clock, approvals=Approvals(cast("Outside", outside)))


async def said(call: Awaitable[object]) -> dict[str, Any]:
    with pytest.raises(LifecycleError) as refusal:
        await call
    return refusal.value.as_dict()


def refused(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(LifecycleError) as refusal:
        call()
    return refusal.value.as_dict()


# --- asking ------------------------------------------------------------------------------------------------------


async def test_a_question_is_filed_once_and_says_what_a_person_does_next(desk: Desk) -> None:
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
            "Ask the operator: a person looks at what will be lost, and decides on a terminal"
            " (`dataset-lifecycle approvals approve ap-000001`). Then make the same call again."
        ),
    }
    assert await said(desk.approvals.ask(QUESTION)) == told
    desk.clock.instant += MINUTE
    assert await said(desk.approvals.ask(QUESTION)) == told
    assert await desk.look() == FILED
    assert await desk.look("ap-000002") is None
    [entry] = await desk.noted()
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
async def test_nobody_is_asked_about_a_state_that_has_passed(desk: Desk, asked: Question) -> None:
    assert await said(desk.approvals.ask(asked)) == {
        "code": "changed_meanwhile",
        "message": f"{asked.dataset.name} has changed since it was looked at, so nobody was asked.",
        "recovery": "wait",
        "dataset_id": asked.dataset.dataset_id,
        "suggested_action": "Look at the dataset again, then decide again.",
    }
    assert await desk.look() is None
    assert await desk.noted() == []


async def test_an_approved_question_gives_the_word_of_who_approved_it(desk: Desk) -> None:
    await desk.put(GRANTED)
    assert await desk.approvals.ask(QUESTION) == Confirmation(
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


async def test_what_a_teardown_would_go_without_is_asked_filed_and_granted_as_just_that(desk: Desk) -> None:
    question = replace(QUESTION, concession=Concession.ABANDON_CONNECTOR)
    assert (await said(desk.approvals.ask(question)))["message"] == (
        f"{NAME} (pilot) is taken down for the reason journey_completed, leaving its connector in Glean, "
        "only when a person has approved it. They have been asked."
    )
    filed = replace(FILED, concession=Concession.ABANDON_CONNECTOR)
    assert await desk.look() == filed
    await desk.put(replace(GRANTED, concession=Concession.ABANDON_CONNECTOR))
    given = await desk.approvals.ask(question)
    assert given is not None
    assert given.concession is Concession.ABANDON_CONNECTOR


@pytest.mark.parametrize(
    "other",
    [
        {"dataset_id": "another"},
        {"generation": 2},
        {"reason": TeardownReason.MANUAL},
        {"requester": "agent:lee"},
        {"concession": Concession.ABANDON_CONNECTOR},
        {"state": ApprovalState.USED},
        {"grant_expires_at": NOW},
    ],
)
async def test_a_claim_with_a_grant_for_anything_else_is_refused_with_the_human_step(
    desk: Desk, other: dict[str, Any]
) -> None:
    held = replace(GRANTED, **other)
    await desk.put(held)
    given = approvals.confirmation(GRANTED)
    claim = partial(
        approvals.spend,
        given=given,
        dataset=PILOT,
        reason=REASON,
        requester="agent:kim",
        now=NOW,
    )
    assert await said(desk.store.transact(claim)) == {
        "code": "confirmation_required",
        "message": f"The approval for {NAME} was used, has expired, or is for something else.",
        "recovery": "needs_human",
        "how": "approval",
        "dataset_id": ID,
        "suggested_action": "Ask the operator: a person has to look at it again.",
    }
    assert await desk.look() == held
    await desk.put(GRANTED)
    await desk.store.transact(claim)
    assert await desk.look() == replace(GRANTED, state=ApprovalState.USED)


async def test_a_grant_that_stands_for_one_dataset_is_none_for_another(desk: Desk) -> None:
    other = replace(PILOT, dataset_id="acme-pilot-jira-abc123", dataset_type=DatasetType.JIRA_ISSUES)
    await desk.store.transact(lambda records: records.put_dataset(other))
    held = replace(GRANTED, dataset_id=other.dataset_id)
    await desk.put(held)
    given = approvals.confirmation(GRANTED)
    claim = partial(approvals.spend, given=given, reason=REASON, requester="agent:kim", now=NOW)
    assert (await said(desk.store.transact(partial(claim, dataset=PILOT))))["dataset_id"] == ID
    assert await desk.look() == held
    await desk.store.transact(partial(claim, dataset=other))
    assert await desk.look() == replace(held, state=ApprovalState.USED)


async def test_a_declined_question_is_told_so_while_it_would_be_open(desk: Desk) -> None:
    await desk.put(replace(FILED, state=ApprovalState.DECLINED))
    desk.clock.instant += 30 * MINUTE - timedelta(microseconds=1)
    assert await said(desk.approvals.ask(QUESTION)) == {
        "code": "declined",
        "message": f"A person declined to have {NAME} taken down.",
        "recovery": "never",
        "dataset_id": ID,
        "approval_id": "ap-000001",
    }
    desk.clock.instant = NOW + 30 * MINUTE
    assert (await said(desk.approvals.ask(QUESTION)))["code"] == "confirmation_required"


@pytest.mark.parametrize(
    "other",
    [
        {"generation": 2},
        {"reason": TeardownReason.MANUAL},
        {"requester": "agent:lee"},
        {"concession": Concession.ABANDON_CONNECTOR},
        {"dataset_id": "another"},
        {"state": ApprovalState.USED},
        {"state": ApprovalState.DECLINED, "expires_at": NOW},
        {"expires_at": NOW},
        {"state": ApprovalState.APPROVED, "grant_expires_at": NOW},
    ],
)
async def test_no_request_but_one_for_this_very_question_speaks_for_it(
    desk: Desk, other: dict[str, Any]
) -> None:
    await desk.put(replace(FILED, approval_id="ap-999999", **other))
    assert (await said(desk.approvals.ask(QUESTION)))["approval_id"] == "ap-000001"
    found = await desk.store.read(lambda records: held(records, QUESTION, NOW))
    assert found == FILED


async def test_a_request_is_found_among_others_of_its_dataset(desk: Desk) -> None:
    others = [replace(FILED, approval_id=f"ap-{n:06d}", requester=f"agent:{n}") for n in range(100, 250)]

    def put(records: Records) -> None:
        for each in (*others, replace(FILED, approval_id="ap-999999")):
            records.put_approval(each)

    await desk.store.transact(put)
    assert (await said(desk.approvals.ask(QUESTION)))["approval_id"] == "ap-999999"


async def test_what_a_sweep_asks_stays_open_and_a_declined_one_stays_declined(desk: Desk) -> None:
    filed = await desk.approvals.file_for_sweep(PILOT, LEE)
    assert filed == Approval(
        approval_id="ap-000001",
        dataset_id=ID,
        client_id="acme",
        generation=1,
        reason=TeardownReason.ORPHANED,
        requester=SWEEPER,
        filed_at=NOW,
        expires_at=None,
        shown=shown(PILOT, TeardownReason.ORPHANED, NOW, Policy()),
        origin=ApprovalOrigin.SWEEP,
    )
    desk.clock.instant += timedelta(days=400)
    assert await desk.approvals.file_for_sweep(PILOT, LEE) == filed
    declined = await desk.approvals.decline("ap-000001", LEE)
    assert await desk.approvals.file_for_sweep(PILOT, LEE) == declined
    assert [each["outcome"] for each in await desk.noted()] == ["approval requested", "declined"]


async def test_an_id_that_is_taken_is_not_given_again(desk: Desk) -> None:
    await desk.put(replace(FILED, requester="agent:lee"))
    assert (await said(desk.approvals.ask(QUESTION)))["approval_id"] == "ap-000002"
    assert await desk.store.read(lambda records: new_id(records, Numbers())) == "ap-000003"


async def test_a_person_alone_is_kept_as_who_asked_and_who_approved(desk: Desk) -> None:
    alone = replace(QUESTION, requester="lee", caller=LEE)
    given = await desk.approvals.alone(alone)
    kept = replace(GRANTED, requester="lee")
    assert given == approvals.confirmation(kept)
    assert await desk.look() == kept
    assert kept.one_person
    [entry] = await desk.noted()
    assert (entry["audit_id"], entry["outcome"]) == ("au-lee", "approved by the one who asks")
    assert (entry["data"]["approval_id"], entry["data"]["shown"]) == ("ap-000001", SHOWN)


async def test_a_question_of_nobody_known_is_filed_without_an_entry(desk: Desk) -> None:
    await said(desk.approvals.ask(replace(QUESTION, caller=None)))
    assert await desk.look() == FILED
    assert await desk.noted() == []


# --- answering ---------------------------------------------------------------------------------------------------


async def test_an_approval_is_kept_with_who_gave_it_and_until_when_and_put_on_record(desk: Desk) -> None:
    await desk.put(FILED)
    assert await desk.approvals.answerable("ap-000001", LEE) == FILED
    assert await desk.approvals.approve("ap-000001", LEE, NAME) == GRANTED
    assert await desk.look() == GRANTED
    [entry] = await desk.noted()
    assert (entry["audit_id"], entry["outcome"], entry["dataset_id"]) == ("au-lee", "approved", ID)
    assert (entry["data"]["requester"], entry["data"]["generation"]) == ("agent:kim", 1)
    assert not GRANTED.one_person


async def test_a_no_is_kept_with_who_said_it_and_put_on_record(desk: Desk) -> None:
    await desk.put(FILED)
    declined = replace(FILED, state=ApprovalState.DECLINED, answered_by="lee", answered_at=NOW)
    assert await desk.approvals.decline("ap-000001", LEE) == declined
    assert await desk.look() == declined
    [entry] = await desk.noted()
    assert (entry["audit_id"], entry["outcome"], entry["data"]["approval_id"]) == (
        "au-lee",
        "declined",
        "ap-000001",
    )


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ((), "the name of the dataset that it is about"),
        ((Listed(dataset_id=ID, name=NAME, client_id="acme", generation=1),), "what it asks for"),
    ],
)
async def test_another_phrase_approves_nothing_and_is_told_what_was_meant(
    desk: Desk, listed: tuple[Listed, ...], wanted: str
) -> None:
    asked = replace(FILED, listed=listed)
    await desk.put(asked)
    told = await said(desk.approvals.approve("ap-000001", LEE, NAME.lower()))
    assert (told["code"], told["field"]) == ("invalid_argument", "name")
    assert told["message"] == f"What was typed for ap-000001 is not {wanted}; nothing was changed."
    assert await desk.look() == asked
    assert await desk.noted() == []


CLOSED = {
    ApprovalState.APPROVED: "was approved already",
    ApprovalState.DECLINED: "was declined",
    ApprovalState.USED: "was approved and used",
    ApprovalState.EXPIRED: "has expired",
    ApprovalState.VOID: "is void, because what it is about has changed since it was asked",
}


@pytest.mark.parametrize("state", CLOSED)
@pytest.mark.parametrize("rule", [may_answer, may_approve])
def test_a_closed_request_says_why_it_is_closed(
    state: ApprovalState, rule: Callable[[Approval, Caller], None]
) -> None:
    told = refused(lambda: rule(replace(FILED, state=state), LEE))
    assert (told["code"], told["message"]) == ("approval_closed", f"The request ap-000001 {CLOSED[state]}.")


NO_PERSON = {
    "code": "forbidden",
    "message": "Approval requests are answered by a person who may; an agent's answer counts for nothing.",
    "recovery": "needs_human",
    "suggested_action": "Ask the operator: a person answers it on a terminal.",
}


@pytest.mark.parametrize(
    "nobody",
    [
        Caller(subject="agent:lee"),
        Caller(subject="lee", act="bot"),
        Caller(subject="lee", scopes=frozenset({"admin"})),
    ],
)
@pytest.mark.parametrize("rule", [may_answer, may_approve])
def test_whoever_is_no_person_or_may_not_approve_is_told_before_anything_else(
    nobody: Caller, rule: Callable[[Approval, Caller], None]
) -> None:
    listed = (Listed(dataset_id=ID, name=NAME, client_id="acme", generation=1),)
    for asked in (FILED, replace(FILED, state=ApprovalState.USED), replace(GRANTED, listed=listed)):
        assert refused(lambda asked=asked: rule(asked, nobody)) == NO_PERSON  # type: ignore[misc]


def test_who_asked_may_take_it_back_and_not_approve_it() -> None:
    own = replace(FILED, requester="lee")
    may_answer(own, LEE)
    assert refused(lambda: may_approve(own, LEE)) == {
        "code": "forbidden",
        "message": "The request ap-000001 is by lee, and nobody approves their own.",
        "recovery": "needs_human",
        "suggested_action": "Ask another person to look at it.",
    }


def test_what_a_sweep_carries_out_is_the_sweeps_and_on_record_with_the_call_that_approved_it() -> None:
    sweep = sweeper(LEE)
    assert sweep == Caller(subject=SWEEPER)
    assert sweep.call == replace(cast("Call", LEE.call), via="schedule:sweep")


def test_a_list_that_was_approved_is_gone_on_with_and_keeps_its_first_word() -> None:
    listed = (Listed(dataset_id=ID, name=NAME, client_id="acme", generation=1),)
    held = replace(GRANTED, listed=listed)
    may_approve(held, LEE)
    assert approvals.granted(held, "mia", NOW + MINUTE) == held
    fresh = approvals.granted(replace(FILED, listed=listed), "mia", NOW)
    assert fresh.grant_expires_at == NOW + timedelta(hours=26)


# --- looking -----------------------------------------------------------------------------------------------------


async def test_a_list_shows_what_waits_oldest_first_and_all_of_it_when_asked(desk: Desk) -> None:
    late = replace(FILED, approval_id="ap-000000", requester="agent:x", filed_at=NOW + MINUTE)
    used = replace(FILED, approval_id="ap-000003", state=ApprovalState.USED)
    over = replace(FILED, approval_id="ap-000004", expires_at=NOW)
    theirs = replace(FILED, approval_id="ap-000005", client_id="globex")
    twin = replace(FILED, approval_id="ap-000002", requester="agent:y")
    await desk.put(late, twin, FILED, used, over, theirs)
    mine = Caller(subject="lee", clients=frozenset({"acme"}))
    expired = replace(over, state=ApprovalState.EXPIRED)

    assert await desk.approvals.list(mine) == [FILED, twin, late]
    assert await desk.approvals.list(mine, everything=True) == [FILED, twin, used, expired, late]
    assert await desk.approvals.list(LEE) == [FILED, twin, theirs, late]
    assert await desk.approvals.show("ap-000004", mine) == expired


async def test_more_requests_than_a_page_are_all_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.approval_desk._PAGE", 2)
    many = [replace(FILED, approval_id=f"ap-{n:06d}", requester=f"agent:{n}") for n in range(5)]
    await desk.put(*many)
    assert await desk.approvals.list(LEE) == many


async def test_an_unknown_request_and_anothers_are_told_alike_with_the_nearest_of_ones_own(
    desk: Desk,
) -> None:
    used = replace(FILED, approval_id="ap-000007", state=ApprovalState.USED)
    await desk.put(FILED, used, replace(FILED, approval_id="ap-000009", client_id="globex"))
    mine = Caller(subject="lee", clients=frozenset({"acme"}))
    for name in ("ap-000009", "ap-000008"):
        assert await said(desk.approvals.show(name, mine)) == {
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
    "lost": "its connector in Glean, what search finds of it, and what is staged",
}
BACK = {"restorable_days": 90, "restorable_until": "2026-05-30T12:00:00Z"}


@pytest.mark.parametrize(
    ("concession", "changes"),
    [
        (Concession.NONE, BACK),
        (
            Concession.ABANDON_CONNECTOR,
            BACK
            | {
                "concession": "abandon_connector",
                "lost": "what is staged",
                "stays": "its connector and its documents stay in Glean, where search may go on finding them",
            },
        ),
        (
            Concession.INCOMPLETE_ARCHIVE,
            {
                "concession": "incomplete_archive",
                "lost": (
                    "its connector in Glean, what search finds of it, and for good the documents that staging lost"
                ),
                "incomplete": (
                    "what is staged of it is gone or damaged, so the archive will hold only what is left"
                ),
            },
        ),
    ],
)
def test_a_person_is_shown_what_goes_what_stays_and_what_can_come_back(
    concession: Concession, changes: dict[str, Any]
) -> None:
    whole = replace(PILOT, content=CONTENT)
    assert shown(whole, REASON, NOW, Policy(), concession) == FACTS | changes


def test_what_no_archive_brings_back_is_promised_to_nobody() -> None:
    assert shown(replace(PILOT, content=CONTENT), REASON, NOW, Policy(full_data=False)) == FACTS
    assert shown(PILOT, REASON, NOW, Policy()) == FACTS | {"record_count": PILOT.record_count}


class One:
    """The store of a single dataset."""

    def dataset(self, dataset_id: str) -> object:
        return PILOT if dataset_id == ID else None


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
    assert approvals.standing(cast("Records", One()), one, NOW) == replace(one, state=state)
