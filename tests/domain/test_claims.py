"""Whether a dataset is taken down: over a real store, with a platform, a person and sagas that are told what to do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from domain.approvals import granted, shown
from domain.audit_chain import AuditQuery
from domain.callers import Call, Caller
from domain.claims import Teardowns, TornDown
from domain.errors import (
    ChangedMeanwhileError,
    ConfirmationRequiredError,
    DeclinedError,
    LifecycleError,
    PlatformUnavailableError,
    RateLimitedError,
    StoreFailedError,
    UnknownDatasetError,
)
from domain.job import Policy
from domain.model import Confirmation, Content, Dataset, Failure, Progress, QualityReport, Run, Teardown
from domain.platform import Observation
from domain.rates import RateLimits, Rates
from domain.requests import Question
from domain.vocabulary import Concession, DatasetStatus, JourneyState, Stage, TeardownReason
from server.adapters.store.sqlite import SqliteStore
from tests.entities import NOW, SetClock, approval, client, connector, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from domain.job import Outside
    from domain.model import Fingerprint
    from domain.running import Sagas

ID, NAME = dataset().dataset_id, dataset().name
MINUTE = timedelta(minutes=1)
KIM = Caller(subject="agent:kim", call=Call(audit_id="au-kim", at=NOW, verb="teardown", via="stdio"))
GLOBEX = Caller(subject="agent:g", clients=frozenset({"globex"}))
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
class Platform:
    """A platform that says what it is told to, and what happens when it is asked."""

    says: Observation | LifecycleError = field(default_factory=lambda: Observation(present=True, at=NOW))
    asked: list[str] = field(default_factory=list)

    async def fingerprint(self) -> Fingerprint:
        return connector().fingerprint

    async def observe(self, handle: str) -> Observation:
        self.asked.append(handle)
        if isinstance(self.says, LifecycleError):
            raise self.says
        return self.says


@dataclass
class Person:
    """Whoever is asked: what they are asked, what happens meanwhile, and what they say."""

    word: Callable[[Question], Confirmation | None] = lambda _: None
    meanwhile: Callable[[], Awaitable[object]] | None = None
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question) -> Confirmation | None:
        self.asked.append(question)
        if self.meanwhile:
            await self.meanwhile()
        return self.word(question)


@dataclass
class Ensured:
    """Sagas that only remember what they were to see to, and end as they are told."""

    ensured: list[Dataset] = field(default_factory=list)
    ended: tuple[Dataset, Progress | None] | None = None
    waited: list[tuple[object, ...]] = field(default_factory=list)

    async def relieve(self) -> None:
        """None is stranded."""

    async def ensure(self, one: Dataset) -> None:
        self.ensured.append(one)

    async def wait(self, *waited: object) -> tuple[Dataset, Progress | None]:
        self.waited.append(waited)
        assert self.ended is not None
        return self.ended


@dataclass
class Bench:
    """Everything around the use case."""

    store: SqliteStore
    clock: SetClock
    platform: Platform
    person: Person
    sagas: Ensured
    outside: Outside
    teardowns: Teardowns

    async def have(self, *rows: Dataset) -> None:
        for row in rows:
            await self.store.transact(lambda records, row=row: records.put_dataset(row))  # type: ignore[misc]

    async def hold(self, **changes: Any) -> None:
        await self.store.transact(lambda records: records.put_journey(journey(**changes)))

    async def look(self) -> Dataset | None:
        return await self.store.read(lambda records: records.dataset(ID))

    async def noted(self) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """What was put on record, oldest first: what became of it, about which dataset, the data, and whose word."""
        rows = await self.store.read(lambda records: records.entries(AuditQuery()))
        entries = [msgspec.json.decode(each.document) for each in reversed(rows)]
        return [
            (each["outcome"], each["dataset_id"], each.get("data", {}), each.get("confirmation", {}))
            for each in entries
        ]

    def asks(
        self, one: Dataset, reason: TeardownReason, requester: str = "agent:kim", **changes: Any
    ) -> Question:
        """The question that a teardown of `one` puts to a person."""
        facts = shown(one, reason, self.clock.now(), Policy(), changes.get("concession", Concession.NONE))
        return Question(
            dataset=one, reason=reason, requester=requester, generation=one.generation, shown=facts, **changes
        )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """ACME's journey is completed; its dataset is READY at sandbox and its connector is quiet."""
    clock, platform, person, sagas = SetClock(), Platform(), Person(), Ensured()
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        outside = cast(
            "Outside", SimpleNamespace(store=store, clock=clock, platform=platform, policy=Policy())
        )
        rates = Rates(store, clock, RateLimits(calls_per_minute=0, teardowns_per_hour=1))
        teardowns = Teardowns(outside, cast("Sagas", sagas), person, rates)
        found = Bench(store, clock, platform, person, sagas, outside, teardowns)
        await store.transact(lambda records: records.put_client(client()))
        await found.hold(state=JourneyState.COMPLETED)
        await store.transact(lambda records: records.put_connector(connector(handle="h1")))
        await found.have(SERVED)
        yield found


def word(question: Question, **changes: Any) -> Confirmation:
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


def claimed(one: Dataset, reason: TeardownReason, **changes: Any) -> Dataset:
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


async def test_what_nothing_forbids_is_claimed_put_on_record_and_worked_on(bench: Bench) -> None:
    begun = await bench.teardowns.start_or_attach(ID, DONE, KIM)

    after = claimed(SERVED, DONE)
    assert begun == TornDown(dataset=after)
    assert await bench.look() == after
    assert bench.sagas.ensured == [after]
    assert (bench.platform.asked, bench.person.asked) == (["h1"], [])
    found = {
        "found_status": "ready",
        "found_journey": "completed at sandbox",
        "found_connector": "no status",
        "reason": "journey_completed",
    }
    assert await bench.noted() == [("teardown claimed", ID, found, {})]


async def test_a_second_teardown_is_counted_from_the_first(bench: Bench) -> None:
    before = Teardown(reason=MANUAL, requester="x", former_status=DatasetStatus.READY, started_at=NOW, run=3)
    await bench.have(replace(SERVED, teardown=before))
    begun = await bench.teardowns.start_or_attach(ID, DONE, KIM)
    assert begun.dataset.teardown is not None
    assert (begun.dataset.teardown.run, begun.dataset.run) == (
        4,
        Run(saga_id=f"teardown:{ID}:4", started_at=NOW),
    )


async def test_a_dataset_of_another_client_is_unknown_before_anything_is_asked(bench: Bench) -> None:
    for call in (
        bench.teardowns.start_or_attach(ID, DONE, GLOBEX),
        bench.teardowns.question(ID, MANUAL, GLOBEX),
    ):
        with pytest.raises(UnknownDatasetError):
            await call
    await bench.have(replace(SERVED, status=DatasetStatus.ARCHIVED))
    with pytest.raises(UnknownDatasetError):
        await bench.teardowns.start_or_attach(ID, DONE, GLOBEX)
    assert (bench.platform.asked, bench.sagas.ensured) == ([], [])


async def test_what_the_platform_says_is_believed_against_the_teardown_alone(bench: Bench) -> None:
    bench.platform.says = PlatformUnavailableError("away")
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.start_or_attach(ID, DONE, KIM)
    assert refusal.value.code == "precondition_unknown"
    bench.platform.says = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW)
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.start_or_attach(ID, DONE, KIM)
    assert refusal.value.code == "connector_syncing"
    assert await bench.look() == SERVED


async def test_a_caller_who_decided_on_another_generation_is_told_that_it_changed(bench: Bench) -> None:
    with pytest.raises(ChangedMeanwhileError) as refusal:
        await bench.teardowns.start_or_attach(ID, DONE, KIM, generation=2)
    assert refusal.value.as_dict() == {
        "code": "changed_meanwhile",
        "message": f"{NAME} has changed since it was looked at: it is ready by now.",
        "recovery": "wait",
        "dataset_id": ID,
        "suggested_action": ChangedMeanwhileError.action,
    }
    assert bench.platform.asked == []
    assert (await bench.teardowns.start_or_attach(ID, DONE, KIM, generation=1)).dataset.run is not None


# --- a person's word ---------------------------------------------------------------------------------------------


async def test_a_person_is_shown_what_goes_and_their_word_is_kept_with_the_claim(bench: Bench) -> None:
    bench.person.word = word
    begun = await bench.teardowns.start_or_attach(ID, MANUAL, KIM)

    question = bench.asks(SERVED, MANUAL)
    assert bench.person.asked == [question]
    assert bench.person.asked[0].caller is KIM
    assert begun.dataset == claimed(SERVED, MANUAL, confirmation=word(question))
    assert bench.platform.asked == ["h1", "h1"]
    [(outcome, _, data, given)] = await bench.noted()
    assert (outcome, data["reason"]) == ("teardown claimed", "manual")
    assert (given["how"], given["by"], given["shown"]) == ("typed_name", "person:lee", dict(question.shown))


async def test_what_is_on_record_of_the_journey_is_how_it_stood_at_the_claim(bench: Bench) -> None:
    await bench.hold(state=JourneyState.ACTIVE, lease_expires_at=NOW - MINUTE)
    bench.person.word = word
    await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    [(_, _, data, _)] = await bench.noted()
    assert data["found_journey"] == "expired at sandbox"


async def test_a_calls_own_confirmer_is_asked_and_not_the_usual_one(bench: Bench) -> None:
    own = Person(word)
    await bench.teardowns.start_or_attach(ID, MANUAL, KIM, own)
    assert (len(own.asked), bench.person.asked) == (1, [])


async def test_where_nobody_can_be_asked_or_nobody_says_yes_nothing_happens(bench: Bench) -> None:
    with pytest.raises(ConfirmationRequiredError):
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM)

    def no(question: Question) -> Confirmation:
        raise DeclinedError("no")

    bench.person.word = no
    with pytest.raises(DeclinedError):
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert (await bench.look(), bench.sagas.ensured) == (SERVED, [])


@pytest.mark.parametrize(
    "other",
    [
        {"generation": 2},
        {"reason": DONE},
        {"requester": "agent:lee"},
        {"dataset_id": "another"},
        {"concession": Concession.ABANDON_CONNECTOR},
    ],
)
async def test_a_word_for_anything_else_claims_nothing(bench: Bench, other: dict[str, Any]) -> None:
    bench.person.word = lambda question: word(question, **other)
    with pytest.raises(ConfirmationRequiredError):
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert await bench.look() == SERVED


async def test_every_check_is_made_again_after_the_answer(bench: Bench) -> None:
    bench.person.word = word
    bench.person.meanwhile = lambda: bench.hold(state=JourneyState.ACTIVE)
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert refusal.value.code == "journey_active"
    await bench.hold(state=JourneyState.COMPLETED)

    async def sync() -> None:
        bench.platform.says = Observation(present=True, at=NOW, syncing=True, syncing_since=NOW)

    bench.person.meanwhile = sync
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert refusal.value.code == "connector_syncing"
    assert await bench.look() == SERVED


async def test_a_dataset_that_changed_while_nobody_needed_to_be_asked_is_not_claimed(bench: Bench) -> None:
    seen = replace(SERVED, generation=2)

    class Changing(Platform):
        async def observe(self, handle: str) -> Observation:
            await bench.have(seen)
            return await super().observe(handle)

    cast("Any", bench.outside).platform = Changing()
    with pytest.raises(ChangedMeanwhileError):
        await bench.teardowns.start_or_attach(ID, DONE, KIM)
    assert await bench.look() == seen


async def test_of_two_claims_at_once_the_second_attaches(bench: Bench) -> None:
    taken = claimed(SERVED, MANUAL)
    bench.person.word = word
    bench.person.meanwhile = lambda: bench.have(taken)
    begun = await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    assert begun == TornDown(dataset=taken)
    assert (await bench.look(), bench.sagas.ensured, await bench.noted()) == (taken, [taken], [])


async def test_a_grant_is_used_up_by_the_claim_and_asks_nobody(bench: Bench) -> None:
    held = granted(approval(SERVED), "person:lee", NOW)
    await bench.store.transact(lambda records: records.put_approval(held))
    given = word(bench.asks(SERVED, MANUAL), how="approval", approval_id=held.approval_id)
    begun = await bench.teardowns.start_or_attach(ID, MANUAL, KIM, grant=given)
    assert begun.dataset == claimed(SERVED, MANUAL, confirmation=given)
    kept = await bench.store.read(lambda records: records.approval(held.approval_id))
    assert kept is not None
    assert (kept.state, bench.person.asked) == ("used", [])


async def test_a_grant_that_is_good_for_nothing_asks_nobody_either(bench: Bench) -> None:
    given = word(bench.asks(SERVED, MANUAL), how="approval", approval_id="ap-none")
    bench.person.word = word
    with pytest.raises(ConfirmationRequiredError, match="was used, has expired"):
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM, grant=given)
    assert (bench.person.asked, await bench.look()) == ([], SERVED)


async def test_a_grant_serves_until_its_last_moment_and_no_longer(bench: Bench) -> None:
    held = granted(approval(SERVED), "person:lee", NOW)
    await bench.store.transact(lambda records: records.put_approval(held))
    given = word(bench.asks(SERVED, MANUAL), how="approval", approval_id=held.approval_id)
    bench.clock.instant = NOW + 10 * MINUTE
    with pytest.raises(ConfirmationRequiredError):
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM, grant=given)


# --- what is conceded --------------------------------------------------------------------------------------------


async def test_a_connector_is_abandoned_only_for_a_word_about_just_that(bench: Bench) -> None:
    bench.platform.says = PlatformUnavailableError("gone for good")
    concession = Concession.ABANDON_CONNECTOR
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await bench.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    assert refusal.value.facts["how"] == "approval"
    question = bench.asks(SERVED, DONE, concession=concession)
    assert bench.person.asked == [question]

    held = granted(approval(SERVED, reason=DONE, concession=concession), "person:lee", NOW)
    await bench.store.transact(lambda records: records.put_approval(held))
    bench.person.word = lambda asked: word(asked, how="approval", approval_id=held.approval_id)
    begun = await bench.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    given = word(question, how="approval", approval_id=held.approval_id)
    assert begun.dataset == claimed(SERVED, DONE, confirmation=given, abandon_connector=True)


async def test_a_stopped_teardown_goes_on_without_its_connector_for_a_word_about_that(bench: Bench) -> None:
    stopped = replace(claimed(SERVED, DONE, failure=STOPPED), run=None)
    await bench.have(stopped)
    concession = Concession.ABANDON_CONNECTOR
    with pytest.raises(ConfirmationRequiredError):
        await bench.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    assert await bench.look() == stopped
    question = bench.asks(stopped, DONE, concession=concession)
    assert bench.person.asked == [question]

    held = granted(approval(stopped, reason=DONE, concession=concession), "person:lee", NOW)
    await bench.store.transact(lambda records: records.put_approval(held))
    given = word(question, how="approval", approval_id=held.approval_id)
    own = Person(lambda _: given)
    begun = await bench.teardowns.start_or_attach(ID, DONE, KIM, own, abandon=True)

    teardown = begun.dataset.teardown
    assert teardown is not None
    assert (teardown.abandon_connector, teardown.conceded, teardown.run) == (True, (given,), 2)
    assert len(own.asked) == 1
    kept = await bench.store.read(lambda records: records.approval(held.approval_id))
    assert kept is not None
    assert kept.state == "used"
    [(outcome, about, _, noted)] = await bench.noted()
    assert (outcome, about, noted["approval_id"]) == ("teardown resumed", ID, held.approval_id)


async def test_a_teardown_that_somebody_else_took_up_meanwhile_is_attached_to(bench: Bench) -> None:
    stopped = replace(claimed(SERVED, DONE, failure=STOPPED), run=None)
    await bench.have(stopped)
    running = replace(stopped, run=Run(saga_id=f"teardown:{ID}:2", started_at=NOW))
    bench.person.word = word
    bench.person.meanwhile = lambda: bench.have(running)
    begun = await bench.teardowns.start_or_attach(ID, DONE, KIM, abandon=True)
    assert begun == TornDown(dataset=running)
    assert await bench.noted() == []


# --- going on ----------------------------------------------------------------------------------------------------


async def test_a_stopped_teardown_is_taken_up_again_and_a_running_one_attached_to(bench: Bench) -> None:
    stopped = replace(
        claimed(SERVED, DONE, failure=replace(STOPPED, step="announce"), disconnecting=True), run=None
    )
    await bench.have(stopped)
    bench.clock.instant += MINUTE
    begun = await bench.teardowns.start_or_attach(ID, MANUAL, KIM, generation=77)
    again = replace(
        stopped,
        teardown=replace(cast("Teardown", stopped.teardown), run=2, failure=None),
        run=Run(saga_id=f"teardown:{ID}:2", started_at=NOW + MINUTE),
    )
    assert begun == TornDown(dataset=again)
    assert await bench.look() == again
    assert [each[:2] for each in await bench.noted()] == [("teardown resumed", ID)]
    assert await bench.teardowns.start_or_attach(ID, MANUAL, KIM) == begun
    assert len(await bench.noted()) == 1
    assert bench.sagas.ensured == [again, again]
    assert bench.person.asked == []


async def test_what_is_archived_is_answered_as_it_is(bench: Bench) -> None:
    gone = replace(claimed(SERVED, DONE), status=DatasetStatus.ARCHIVED, run=None)
    await bench.have(gone)
    for abandon in (False, True):
        begun = await bench.teardowns.start_or_attach(ID, MANUAL, KIM, abandon=abandon)
        assert begun == TornDown(dataset=gone)
    assert (await bench.noted(), bench.person.asked) == ([], [])


async def test_a_running_teardown_is_attached_to_whatever_it_is_called_with(bench: Bench) -> None:
    running = claimed(SERVED, DONE)
    await bench.have(running)
    begun = await bench.teardowns.start_or_attach(ID, MANUAL, KIM, abandon=True)
    assert begun == TornDown(dataset=running)
    assert (await bench.noted(), bench.person.asked) == ([], [])


# --- asking first ------------------------------------------------------------------------------------------------


async def test_the_question_to_a_client_is_put_only_where_its_answer_could_be_enough(bench: Bench) -> None:
    question = await bench.teardowns.question(ID, MANUAL, KIM)
    assert question == bench.asks(SERVED, MANUAL)
    assert question is not None
    assert question.caller is KIM
    await bench.hold(state=JourneyState.EXPIRED)
    assert await bench.teardowns.question(ID, MANUAL, KIM) == question
    assert await bench.teardowns.question(ID, DONE, KIM) is None
    for settled in (DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED):
        await bench.have(replace(SERVED, status=settled))
        assert await bench.teardowns.question(ID, MANUAL, KIM) is None
    await bench.have(replace(SERVED, stage=Stage.PILOT))
    assert await bench.teardowns.question(ID, MANUAL, KIM) is None


async def test_nobody_is_asked_what_no_answer_could_allow(bench: Bench) -> None:
    await bench.hold(state=JourneyState.ACTIVE)
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.question(ID, MANUAL, KIM)
    assert refusal.value.code == "journey_active"
    await bench.hold(state=JourneyState.COMPLETED)
    bench.platform.says = PlatformUnavailableError("away")
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.question(ID, MANUAL, KIM)
    assert refusal.value.code == "precondition_unknown"


# --- rates -------------------------------------------------------------------------------------------------------


async def test_every_claim_counts_and_nothing_else_does(bench: Bench) -> None:
    with pytest.raises(ConfirmationRequiredError):
        await bench.teardowns.start_or_attach(ID, MANUAL, KIM)
    bench.person.word = word
    bench.person.meanwhile = lambda: bench.have(claimed(SERVED, MANUAL))
    await bench.teardowns.start_or_attach(ID, MANUAL, KIM)  # attaches to another's claim
    await bench.have(SERVED)
    await bench.teardowns.start_or_attach(ID, DONE, KIM)
    await bench.have(SERVED)
    with pytest.raises(RateLimitedError):
        await bench.teardowns.start_or_attach(ID, DONE, KIM)
    assert await bench.look() == SERVED
    other = Caller(subject="agent:lee")
    assert (await bench.teardowns.start_or_attach(ID, DONE, other)).dataset.run is not None


async def test_a_claim_of_which_nothing_is_known_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Dataset:
        raise StoreFailedError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("domain.claims.with_run", fail)
        with pytest.raises(StoreFailedError):
            await bench.teardowns.start_or_attach(ID, DONE, KIM)
    with pytest.raises(RateLimitedError):
        await bench.teardowns.start_or_attach(ID, DONE, KIM)


# --- waiting -----------------------------------------------------------------------------------------------------


async def test_a_wait_tells_how_it_stands(bench: Bench) -> None:
    begun = TornDown(dataset=SERVED)
    half = Progress(saga_id="s", step="archive", done=1, total=4, message="m")
    running = replace(claimed(SERVED, DONE, failure=STOPPED))
    bench.sagas.ended = (running, half)

    async def listener(_: Progress) -> None:
        """Hear of nothing."""

    assert await bench.teardowns.wait(begun, 5, listener) == TornDown(dataset=running, progress=half)
    assert bench.sagas.waited == [(ID, 5, listener)]
    gone = replace(SERVED, status=DatasetStatus.ARCHIVED)
    bench.sagas.ended = (gone, None)
    assert await bench.teardowns.wait(begun, None) == TornDown(dataset=gone)


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (DatasetStatus.TEARDOWN, "it goes on from there when called again"),
        (DatasetStatus.READY, "it is ready again"),
    ],
)
async def test_a_wait_for_what_stopped_says_where_why_and_what_became_of_it(
    bench: Bench, status: DatasetStatus, how: str
) -> None:
    failure = replace(STOPPED, suggested_action="Look there.", recovery="needs_human")
    stopped = replace(claimed(SERVED, DONE, failure=failure), status=status, run=None)
    bench.sagas.ended = (stopped, None)
    with pytest.raises(LifecycleError) as refusal:
        await bench.teardowns.wait(TornDown(dataset=SERVED), None)
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
