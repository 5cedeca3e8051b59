"""Whether a dataset is taken down: over a real store, with a platform, a person and sagas that are told what to do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from domain.errors import (
    ConfirmationRequiredError,
    DeclinedError,
    LifecycleError,
    PlatformUnavailableError,
    RateLimitedError,
    StaleDatasetError,
    StoreFailedError,
    UnknownDatasetError,
)
from domain.lifecycle.teardown.service import TeardownResult, TeardownService
from domain.model.approval import Approval, ApprovalState, ConfirmationRequest
from domain.model.content import Content, QualityReport
from domain.model.dataset import Confirmation, Dataset, Teardown
from domain.model.enums import DatasetStatus, JourneyState, Stage, TeardownReason, Waiver
from domain.model.principal import Principal, RequestContext
from domain.model.run import Failure, Progress, Run
from domain.model.settings import LifecycleSettings
from domain.policy.approvals import approval_with_grant, confirmation_facts
from domain.policy.rate_limits import RateLimiter, RateLimits
from domain.ports import AuditQuery
from domain.ports.platform import Observation
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock, approval, client, connector, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from domain.lifecycle.sagas.runner import SagaRunner
    from domain.model.connector import Fingerprint
    from domain.ports import Platform, Staging

ID, NAME = dataset().dataset_id, dataset().name
MINUTE = timedelta(minutes=1)
KIM = Principal(
    subject="agent:kim", call=RequestContext(audit_id="au-kim", at=NOW, verb="teardown", via="stdio")
)
GLOBEX = Principal(subject="agent:g", clients=frozenset({"globex"}))
DONE = TeardownReason.JOURNEY_COMPLETED
MANUAL = TeardownReason.MANUAL
SERVED = dataset(connector_id="k1")
CONTENT = Content(
    attempt=1,
    record_count=7,
    size_bytes=70,
    checksum="aa",
    containers=("ENG",),
    report=QualityReport(score=100.0, checks=(), checksum="aa", evaluated_at=NOW),
)
STOPPED = Failure(
    step="disconnect",
    code="cleanup_failed",
    message="It is still listed.",
    recovery="wait",
    suggested_action="Call again.",
    at=NOW,
    attempt=1,
)


@dataclass
class FakePlatform:
    """A platform that says what it is told to, and what happens when it is asked."""

    says: Observation | LifecycleError = field(default_factory=lambda: Observation(present=True, at=NOW))
    meanwhile: Callable[[], Awaitable[object]] | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def location(self) -> Fingerprint:
        return replace(connector().fingerprint, tenant=None)

    async def fetch_fingerprint(self) -> Fingerprint:
        return connector().fingerprint

    async def observe(self, handle: str) -> Observation:
        self.asked.append(handle)
        if self.meanwhile:
            await self.meanwhile()
        if isinstance(self.says, LifecycleError):
            raise self.says
        return self.says


@dataclass
class FakePerson:
    """Whoever is asked: what they are asked, what happens meanwhile, and what they say."""

    word: Callable[[ConfirmationRequest], Confirmation | None] = lambda _: None
    meanwhile: Callable[[], Awaitable[object]] | None = None
    asked: list[ConfirmationRequest] = field(default_factory=list)

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        self.asked.append(question)
        if self.meanwhile:
            await self.meanwhile()
        return self.word(question)


@dataclass
class FakeSagas:
    """Sagas that only remember what they were to see to, and end as they are told."""

    ensured: list[Dataset] = field(default_factory=list)
    ended: tuple[Dataset, Progress | None] | None = None
    waited: list[tuple[object, ...]] = field(default_factory=list)

    async def fail_dead_letters(self) -> None:
        """None is stranded."""

    async def call_past_abandoned_runs(self, call: Callable[[], Awaitable[TeardownResult]]) -> TeardownResult:
        return await call()

    async def ensure_running(self, one: Dataset) -> None:
        self.ensured.append(one)

    async def wait(self, *waited: object) -> tuple[Dataset, Progress | None]:
        self.waited.append(waited)
        assert self.ended is not None
        return self.ended


@dataclass
class TeardownSetup:
    """Everything around the use case."""

    store: SqliteStore
    clock: ManualClock
    platform: FakePlatform
    person: FakePerson
    sagas: FakeSagas
    teardowns: TeardownService

    async def put_dataset(self, *rows: Dataset) -> None:
        for row in rows:
            await self.store.transact(lambda uow, row=row: uow.datasets.put(row))  # type: ignore[misc]

    async def put_journey(self, **changes: Any) -> None:
        await self.store.transact(lambda uow: uow.journeys.put(journey(**changes)))

    async def load_dataset(self) -> Dataset | None:
        return await self.store.read(lambda uow: uow.datasets.get(ID))

    async def load_audit_entries(self) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """What was put on record, oldest first: what became of it, about which dataset, the data, and whose word."""
        rows = await self.store.read(lambda uow: uow.audit.find(AuditQuery()))
        entries = [msgspec.json.decode(each.document) for each in reversed(rows)]
        return [
            (each["outcome"], each["dataset_id"], each.get("data", {}), each.get("confirmation", {}))
            for each in entries
        ]

    def confirmation_request(
        self, one: Dataset, reason: TeardownReason, requester: str = "agent:kim", **changes: Any
    ) -> ConfirmationRequest:
        """The question that a teardown of `one` puts to a person."""
        facts = confirmation_facts(
            one, reason, self.clock.now(), LifecycleSettings(), changes.get("concession", Waiver.NONE)
        )
        return ConfirmationRequest(
            dataset=one, reason=reason, requester=requester, generation=one.generation, shown=facts, **changes
        )


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[TeardownSetup]:
    """ACME's journey is completed; its dataset is READY at sandbox and its connector is quiet."""
    clock, platform, person, sagas = ManualClock(), FakePlatform(), FakePerson(), FakeSagas()
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        rates = RateLimiter(store, clock, RateLimits(calls_per_minute=0, teardowns_per_hour=1))
        teardowns = TeardownService(
            store=store,
            clock=clock,
            staging=cast("Staging", None),
            platform=cast("Platform", platform),
            settings=LifecycleSettings(sandbox_confirmation="elicitation"),
            sagas=cast("SagaRunner", sagas),
            confirmer=person,
            rates=rates,
        )
        found = TeardownSetup(store, clock, platform, person, sagas, teardowns)
        await store.transact(lambda uow: uow.clients.put(client()))
        await found.put_journey(state=JourneyState.COMPLETED)
        await store.transact(lambda uow: uow.connectors.put(connector(handle="h1")))
        await found.put_dataset(SERVED)
        yield found


def typed_confirmation(question: ConfirmationRequest, **changes: Any) -> Confirmation:
    """A person's yes to exactly this question, typed at the client."""
    made = Confirmation(
        how="typed_name",
        by="person:lee",
        at=NOW,
        dataset_id=question.dataset.dataset_id,
        generation=question.generation,
        reason=question.reason,
        requester=question.requester,
        concession=question.concession,
        shown=question.shown,
    )
    return replace(made, **changes)


def claimed_dataset(one: Dataset, reason: TeardownReason, **changes: Any) -> Dataset:
    """The dataset as a claim leaves it."""
    usual: dict[str, Any] = {
        "reason": reason,
        "requester": "agent:kim",
        "former_status": one.status,
        "started_at": NOW,
    }
    held = Teardown(**usual | changes)
    run = Run(saga_id=f"teardown:{ID}:{held.run}", started_at=NOW)
    return replace(
        one,
        status=DatasetStatus.TEARDOWN,
        teardown=held,
        run=run,
        recheck=None,
        generation=one.generation + 1,
    )


# --- claiming ----------------------------------------------------------------------------------------------------


async def test_what_nothing_forbids_is_claimed_put_on_record_and_worked_on(setup: TeardownSetup) -> None:
    begun = await setup.teardowns.start_or_attach(ID, DONE, KIM)

    after = claimed_dataset(SERVED, DONE)
    assert begun == TeardownResult(dataset=after)
    assert await setup.load_dataset() == after
    assert setup.sagas.ensured == [after]
    assert (setup.platform.asked, setup.person.asked) == (["h1"], [])
    found = {
        "found_status": "ready",
        "found_journey": "completed at sandbox",
        "found_connector": "no status",
        "reason": "journey_completed",
    }
    assert await setup.load_audit_entries() == [("teardown claimed", ID, found, {})]


async def test_a_second_teardown_is_counted_from_the_first(setup: TeardownSetup) -> None:
    before = Teardown(reason=MANUAL, requester="x", former_status=DatasetStatus.READY, started_at=NOW, run=3)
    await setup.put_dataset(replace(SERVED, teardown=before))
    begun = await setup.teardowns.start_or_attach(ID, DONE, KIM)
    assert begun.dataset.teardown is not None
    assert (begun.dataset.teardown.run, begun.dataset.run) == (
        4,
        Run(saga_id=f"teardown:{ID}:4", started_at=NOW),
    )


async def test_a_dataset_of_another_client_is_unknown_before_anything_is_asked(setup: TeardownSetup) -> None:
    for call in (
        setup.teardowns.start_or_attach(ID, DONE, GLOBEX),
        setup.teardowns.build_confirmation_request(ID, MANUAL, GLOBEX),
    ):
        with pytest.raises(UnknownDatasetError):
            await call
    await setup.put_dataset(replace(SERVED, status=DatasetStatus.ARCHIVED))
    with pytest.raises(UnknownDatasetError):
        await setup.teardowns.start_or_attach(ID, DONE, GLOBEX)
    assert (setup.platform.asked, setup.sagas.ensured) == ([], [])


async def test_what_the_platform_says_is_believed_against_the_teardown_alone(setup: TeardownSetup) -> None:
    setup.platform.says = PlatformUnavailableError("away")
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.start_or_attach(ID, DONE, KIM)
    assert refusal.value.code == "precondition_unknown"
    setup.platform.says = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW)
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.start_or_attach(ID, DONE, KIM)
    assert refusal.value.code == "connector_syncing"
    assert await setup.load_dataset() == SERVED


async def test_a_caller_who_decided_on_another_generation_is_told_that_it_changed(
    setup: TeardownSetup,
) -> None:
    with pytest.raises(StaleDatasetError) as refusal:
        await setup.teardowns.start_or_attach(ID, DONE, KIM, generation=2)
    assert refusal.value.as_dict() == {
        "code": "changed_meanwhile",
        "message": f"{NAME} has changed since it was read: it is now ready.",
        "recovery": "wait",
        "dataset_id": ID,
        "suggested_action": StaleDatasetError.action,
    }
    assert setup.platform.asked == []
    assert (await setup.teardowns.start_or_attach(ID, DONE, KIM, generation=1)).dataset.run is not None


# --- a person's word ---------------------------------------------------------------------------------------------


async def test_a_person_is_shown_what_goes_and_their_word_is_kept_with_the_claim(
    setup: TeardownSetup,
) -> None:
    setup.person.word = typed_confirmation
    begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM)

    question = setup.confirmation_request(SERVED, MANUAL)
    assert setup.person.asked == [question]
    assert setup.person.asked[0].principal is KIM
    assert begun.dataset == claimed_dataset(SERVED, MANUAL, confirmation=typed_confirmation(question))
    assert setup.platform.asked == ["h1", "h1"]
    [(outcome, _, data, given)] = await setup.load_audit_entries()
    assert (outcome, data["reason"]) == ("teardown claimed", "manual")
    assert (given["how"], given["by"], given["shown"]) == ("typed_name", "person:lee", dict(question.shown))


async def test_what_is_on_record_of_the_journey_is_how_it_stood_at_the_claim(setup: TeardownSetup) -> None:
    await setup.put_journey(state=JourneyState.ACTIVE, lease_expires_at=NOW - MINUTE)
    setup.person.word = typed_confirmation
    await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    [(_, _, data, _)] = await setup.load_audit_entries()
    assert data["found_journey"] == "expired at sandbox"


async def test_a_calls_own_confirmer_is_asked_and_not_the_usual_one(setup: TeardownSetup) -> None:
    own = FakePerson(typed_confirmation)
    await setup.teardowns.start_or_attach(ID, MANUAL, KIM, own)
    assert (len(own.asked), setup.person.asked) == (1, [])


async def test_where_nobody_can_be_asked_or_nobody_says_yes_nothing_happens(setup: TeardownSetup) -> None:
    with pytest.raises(ConfirmationRequiredError):
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)

    def no(question: ConfirmationRequest) -> Confirmation:
        raise DeclinedError("no")

    setup.person.word = no
    with pytest.raises(DeclinedError):
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert (await setup.load_dataset(), setup.sagas.ensured) == (SERVED, [])


@pytest.mark.parametrize(
    "other",
    [
        {"generation": 2},
        {"reason": DONE},
        {"requester": "agent:lee"},
        {"dataset_id": "another"},
        {"concession": Waiver.ABANDON_CONNECTOR},
    ],
)
async def test_a_word_for_anything_else_claims_nothing(setup: TeardownSetup, other: dict[str, Any]) -> None:
    setup.person.word = lambda question: typed_confirmation(question, **other)
    with pytest.raises(ConfirmationRequiredError):
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert await setup.load_dataset() == SERVED


async def test_every_check_is_made_again_after_the_answer(setup: TeardownSetup) -> None:
    setup.person.word = typed_confirmation
    setup.person.meanwhile = lambda: setup.put_journey(state=JourneyState.ACTIVE)
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert refusal.value.code == "journey_active"
    await setup.put_journey(state=JourneyState.COMPLETED)

    async def sync() -> None:
        setup.platform.says = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW)

    setup.person.meanwhile = sync
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert refusal.value.code == "connector_syncing"
    assert await setup.load_dataset() == SERVED


async def test_a_dataset_that_changed_while_nobody_needed_to_be_asked_is_not_claimed(
    setup: TeardownSetup,
) -> None:
    seen = replace(SERVED, generation=2)
    setup.platform.meanwhile = lambda: setup.put_dataset(seen)
    with pytest.raises(StaleDatasetError):
        await setup.teardowns.start_or_attach(ID, DONE, KIM)
    assert await setup.load_dataset() == seen


async def test_of_two_claims_at_once_the_second_attaches(setup: TeardownSetup) -> None:
    taken = claimed_dataset(SERVED, MANUAL)
    setup.person.word = typed_confirmation
    setup.person.meanwhile = lambda: setup.put_dataset(taken)
    begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert begun == TeardownResult(dataset=taken)
    assert (await setup.load_dataset(), setup.sagas.ensured, await setup.load_audit_entries()) == (
        taken,
        [taken],
        [],
    )


async def test_a_grant_is_used_up_by_the_claim_and_asks_nobody(setup: TeardownSetup) -> None:
    held = approval_with_grant(approval(SERVED), "person:lee", NOW)
    await setup.store.transact(lambda uow: uow.approvals.put(held))
    given = typed_confirmation(
        setup.confirmation_request(SERVED, MANUAL), how="approval", approval_id=held.approval_id
    )
    begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM, grant=given)
    assert begun.dataset == claimed_dataset(SERVED, MANUAL, confirmation=given)
    kept = await setup.store.read(lambda uow: uow.approvals.get(held.approval_id))
    assert kept is not None
    assert (kept.state, setup.person.asked) == ("used", [])


async def test_a_grant_that_is_good_for_nothing_asks_nobody_either(setup: TeardownSetup) -> None:
    given = typed_confirmation(
        setup.confirmation_request(SERVED, MANUAL), how="approval", approval_id="ap-none"
    )
    setup.person.word = typed_confirmation
    with pytest.raises(ConfirmationRequiredError, match="was used, has expired"):
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM, grant=given)
    assert (setup.person.asked, await setup.load_dataset()) == ([], SERVED)


async def test_a_grant_serves_until_its_last_moment_and_no_longer(setup: TeardownSetup) -> None:
    held = approval_with_grant(approval(SERVED), "person:lee", NOW)
    await setup.store.transact(lambda uow: uow.approvals.put(held))
    given = typed_confirmation(
        setup.confirmation_request(SERVED, MANUAL), how="approval", approval_id=held.approval_id
    )
    setup.clock.instant = NOW + 10 * MINUTE
    with pytest.raises(ConfirmationRequiredError):
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM, grant=given)


# --- what is conceded --------------------------------------------------------------------------------------------


async def test_a_connector_is_abandoned_only_for_a_word_about_just_that(setup: TeardownSetup) -> None:
    setup.platform.says = PlatformUnavailableError("gone for good")
    concession = Waiver.ABANDON_CONNECTOR
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await setup.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    assert refusal.value.facts["how"] == "approval"
    question = setup.confirmation_request(SERVED, DONE, concession=concession)
    assert setup.person.asked == [question]

    held = approval_with_grant(approval(SERVED, reason=DONE, concession=concession), "person:lee", NOW)
    await setup.store.transact(lambda uow: uow.approvals.put(held))
    setup.person.word = lambda asked: typed_confirmation(asked, how="approval", approval_id=held.approval_id)
    begun = await setup.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    given = typed_confirmation(question, how="approval", approval_id=held.approval_id)
    assert begun.dataset == claimed_dataset(SERVED, DONE, confirmation=given, abandon_connector=True)


async def test_a_stopped_teardown_goes_on_without_its_connector_for_a_word_about_that(
    setup: TeardownSetup,
) -> None:
    stopped = replace(claimed_dataset(SERVED, DONE, failure=STOPPED), run=None)
    await setup.put_dataset(stopped)
    concession = Waiver.ABANDON_CONNECTOR
    with pytest.raises(ConfirmationRequiredError):
        await setup.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    assert await setup.load_dataset() == stopped
    question = setup.confirmation_request(stopped, DONE, concession=concession)
    assert setup.person.asked == [question]

    held = approval_with_grant(approval(stopped, reason=DONE, concession=concession), "person:lee", NOW)
    await setup.store.transact(lambda uow: uow.approvals.put(held))
    given = typed_confirmation(question, how="approval", approval_id=held.approval_id)
    own = FakePerson(lambda _: given)
    begun = await setup.teardowns.start_or_attach(ID, DONE, KIM, own, abandon=True)

    teardown = begun.dataset.teardown
    assert teardown is not None
    assert (teardown.abandon_connector, teardown.conceded, teardown.run) == (True, (given,), 2)
    assert len(own.asked) == 1
    kept = await setup.store.read(lambda uow: uow.approvals.get(held.approval_id))
    assert kept is not None
    assert kept.state == "used"
    [(outcome, about, _, noted)] = await setup.load_audit_entries()
    assert (outcome, about, noted["approval_id"]) == ("teardown resumed", ID, held.approval_id)


async def test_a_teardown_that_somebody_else_took_up_meanwhile_is_attached_to(setup: TeardownSetup) -> None:
    stopped = replace(claimed_dataset(SERVED, DONE, failure=STOPPED), run=None)
    await setup.put_dataset(stopped)
    running = replace(stopped, run=Run(saga_id=f"teardown:{ID}:2", started_at=NOW))
    setup.person.word = typed_confirmation
    setup.person.meanwhile = lambda: setup.put_dataset(running)
    begun = await setup.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    assert begun == TeardownResult(dataset=running)
    assert await setup.load_audit_entries() == []


# --- going on ----------------------------------------------------------------------------------------------------


async def test_a_stopped_teardown_is_taken_up_again_and_a_running_one_attached_to(
    setup: TeardownSetup,
) -> None:
    stopped = replace(
        claimed_dataset(SERVED, DONE, failure=replace(STOPPED, step="announce"), disconnecting=True), run=None
    )
    await setup.put_dataset(stopped)
    setup.clock.instant += MINUTE
    begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM, generation=77)
    again = replace(
        stopped,
        teardown=replace(cast("Teardown", stopped.teardown), run=2, failure=None),
        run=Run(saga_id=f"teardown:{ID}:2", started_at=NOW + MINUTE),
    )
    assert begun == TeardownResult(dataset=again)
    assert await setup.load_dataset() == again
    assert [each[:2] for each in await setup.load_audit_entries()] == [("teardown resumed", ID)]
    assert await setup.teardowns.start_or_attach(ID, MANUAL, KIM) == begun
    assert len(await setup.load_audit_entries()) == 1
    assert setup.sagas.ensured == [again, again]
    assert setup.person.asked == []


async def test_what_is_archived_is_answered_as_it_is(setup: TeardownSetup) -> None:
    gone = replace(claimed_dataset(SERVED, DONE), status=DatasetStatus.ARCHIVED, run=None)
    await setup.put_dataset(gone)
    for abandon in (False, True):
        begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM, abandon=abandon)
        assert begun == TeardownResult(dataset=gone)
    assert (await setup.load_audit_entries(), setup.person.asked) == ([], [])


@pytest.mark.parametrize(
    "one",
    [claimed_dataset(SERVED, DONE), dataset(status=DatasetStatus.ARCHIVED, archived_at=NOW)],
    ids=["claimed", "archived"],
)
async def test_of_what_is_claimed_or_archived_there_is_nothing_to_show_a_person(
    setup: TeardownSetup, one: Dataset
) -> None:
    await setup.put_dataset(one)
    assert await setup.teardowns.preview(one.dataset_id, MANUAL, KIM) is None


async def test_a_running_teardown_is_attached_to_whatever_it_is_called_with(setup: TeardownSetup) -> None:
    running = claimed_dataset(SERVED, DONE)
    await setup.put_dataset(running)
    begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM, abandon=True)
    assert begun == TeardownResult(dataset=running)
    assert (await setup.load_audit_entries(), setup.person.asked) == ([], [])


# --- asking first ------------------------------------------------------------------------------------------------


async def test_the_question_to_a_client_is_put_only_where_its_answer_could_be_enough(
    setup: TeardownSetup,
) -> None:
    question = await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM)
    assert question == setup.confirmation_request(SERVED, MANUAL)
    assert question is not None
    assert question.principal is KIM
    await setup.put_journey(state=JourneyState.EXPIRED)
    assert await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM) == question
    assert await setup.teardowns.build_confirmation_request(ID, DONE, KIM) is None
    for settled in (DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED):
        await setup.put_dataset(replace(SERVED, status=settled))
        assert await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM) is None
    await setup.put_dataset(replace(SERVED, stage=Stage.PILOT))
    assert await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM) is None


async def test_no_question_is_put_where_the_callers_program_is_not_trusted(
    setup: TeardownSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup.teardowns, "_settings", LifecycleSettings(sandbox_confirmation="approval"))
    assert await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM) is None
    setup.person.word = lambda question: typed_confirmation(question, how="elicitation")
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert refusal.value.facts["how"] == "approval"
    assert await setup.load_dataset() == SERVED


@pytest.mark.parametrize(
    ("state", "asked"),
    [(ApprovalState.OPEN, True), (ApprovalState.APPROVED, False), (ApprovalState.DECLINED, False)],
)
async def test_no_question_is_put_about_what_somebody_has_decided(
    setup: TeardownSetup, state: ApprovalState, *, asked: bool
) -> None:
    question = setup.confirmation_request(SERVED, MANUAL)
    filed = Approval(
        approval_id="ap-1",
        dataset_id=ID,
        client_id=SERVED.client_id,
        generation=SERVED.generation,
        reason=MANUAL,
        requester="agent:kim",
        filed_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
        grant_expires_at=NOW + timedelta(minutes=10),
        shown=question.shown,
        state=state,
    )
    await setup.store.transact(lambda uow: uow.approvals.put(filed))
    found = await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM)
    assert found == (question if asked else None)


async def test_where_nobody_answers_at_the_caller_the_usual_person_is_asked(setup: TeardownSetup) -> None:
    silent = FakePerson()
    setup.person.word = typed_confirmation
    begun = await setup.teardowns.start_or_attach(ID, MANUAL, KIM, silent)
    assert begun.dataset.status is DatasetStatus.TEARDOWN
    assert silent.asked == setup.person.asked == [setup.confirmation_request(SERVED, MANUAL)]


async def test_nobody_is_asked_what_no_answer_could_allow(setup: TeardownSetup) -> None:
    await setup.put_journey(state=JourneyState.ACTIVE)
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM)
    assert refusal.value.code == "journey_active"
    await setup.put_journey(state=JourneyState.COMPLETED)
    setup.platform.says = PlatformUnavailableError("away")
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.build_confirmation_request(ID, MANUAL, KIM)
    assert refusal.value.code == "precondition_unknown"


# --- rates -------------------------------------------------------------------------------------------------------


async def test_every_claim_counts_and_nothing_else_does(setup: TeardownSetup) -> None:
    with pytest.raises(ConfirmationRequiredError):
        await setup.teardowns.start_or_attach(ID, MANUAL, KIM)
    setup.person.word = typed_confirmation
    setup.person.meanwhile = lambda: setup.put_dataset(claimed_dataset(SERVED, MANUAL))
    await setup.teardowns.start_or_attach(ID, MANUAL, KIM)  # attaches to another's claim
    await setup.put_dataset(SERVED)
    await setup.teardowns.start_or_attach(ID, DONE, KIM)
    await setup.put_dataset(SERVED)
    with pytest.raises(RateLimitedError):
        await setup.teardowns.start_or_attach(ID, DONE, KIM)
    assert await setup.load_dataset() == SERVED
    other = Principal(subject="agent:lee")
    assert (await setup.teardowns.start_or_attach(ID, DONE, other)).dataset.run is not None


async def test_a_claim_of_which_nothing_is_known_counts(
    setup: TeardownSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Dataset:
        raise StoreFailedError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("domain.lifecycle.teardown.service.with_teardown_run", fail)
        with pytest.raises(StoreFailedError):
            await setup.teardowns.start_or_attach(ID, DONE, KIM)
    with pytest.raises(RateLimitedError):
        await setup.teardowns.start_or_attach(ID, DONE, KIM)


# --- waiting -----------------------------------------------------------------------------------------------------


async def test_a_wait_tells_how_it_stands(setup: TeardownSetup) -> None:
    begun = TeardownResult(dataset=SERVED)
    half = Progress(saga_id="s", step="archive", done=1, total=4, message="m")
    running = replace(claimed_dataset(SERVED, DONE, failure=STOPPED))
    setup.sagas.ended = (running, half)

    async def listener(_: Progress) -> None:
        """Hear of nothing."""

    assert await setup.teardowns.wait(begun, 5, listener) == TeardownResult(dataset=running, progress=half)
    assert setup.sagas.waited == [(ID, 5, listener)]
    gone = replace(SERVED, status=DatasetStatus.ARCHIVED)
    setup.sagas.ended = (gone, None)
    assert await setup.teardowns.wait(begun, None) == TeardownResult(dataset=gone)


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (DatasetStatus.TEARDOWN, "the next call continues from there"),
        (DatasetStatus.READY, "it is ready again"),
    ],
)
async def test_a_wait_for_what_stopped_says_where_why_and_what_became_of_it(
    setup: TeardownSetup, status: DatasetStatus, how: str
) -> None:
    failure = replace(STOPPED, suggested_action="Look there.", recovery="needs_human")
    stopped = replace(claimed_dataset(SERVED, DONE, failure=failure), status=status, run=None)
    setup.sagas.ended = (stopped, None)
    with pytest.raises(LifecycleError) as refusal:
        await setup.teardowns.wait(TeardownResult(dataset=SERVED), None)
    assert refusal.value.as_dict() == {
        "code": "cleanup_failed",
        "message": f"Taking down {NAME} stopped at the step 'disconnect'; {how}. It is still listed.",
        "recovery": "needs_human",
        "suggested_action": "Look there.",
        "dataset_id": ID,
        "client_id": "acme",
        "status": status.value,
        "step": "disconnect",
    }
