"""What an approval allows, and everything that it does not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING

import anyio
import pytest

from domain import approvals as rules
from domain.approvals import SWEEPER
from domain.callers import APPROVE, Caller
from domain.errors import (
    ApprovalClosedError,
    ChangedMeanwhileError,
    ConfirmationRequiredError,
    DeclinedError,
    ForbiddenError,
    InvalidArgumentError,
    JourneyActiveError,
    UnknownApprovalError,
)
from domain.model import OrphanMark
from domain.requests import Approval, ApprovalOrigin, ApprovalState, Question
from domain.vocabulary import DatasetStatus, JourneyState, Stage, TeardownReason
from tests.world import ALL, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.errors import LifecycleError
    from domain.model import Confirmation, Dataset
    from domain.requests import Confirmer
    from tests.world import Process, World

AGENT = Caller(subject="agent:kim")
KIM = Caller(subject="person:kim")
LEE = Caller(subject="person:lee")
DONE = TeardownReason.JOURNEY_COMPLETED


@asynccontextmanager
async def finished(place: World, stage: Stage = Stage.PILOT) -> AsyncIterator[tuple[Process, Dataset]]:
    """A dataset past sandbox that its journey needs no longer."""
    async with place.process() as process:
        await process.arrive(stage=stage)
        dataset = await process.provision(stage=stage)
        await process.complete()
        yield process, dataset


async def refused(
    process: Process, dataset: Dataset, reason: TeardownReason = DONE, caller: Caller = AGENT
) -> LifecycleError:
    """The refusal of a teardown, which must have changed nothing."""
    before = await process.look(dataset.dataset_id)
    with pytest.raises((ConfirmationRequiredError, DeclinedError, JourneyActiveError)) as refusal:
        await process.tear_down(dataset, reason, caller)
    assert await process.look(dataset.dataset_id) == before
    return refusal.value


async def asked(process: Process, dataset: Dataset, reason: TeardownReason = DONE) -> str:
    """The id of the request that an agent's teardown files."""
    return str((await refused(process, dataset, reason)).facts["approval_id"])


async def approve(process: Process, approval_id: str, caller: Caller = KIM) -> Approval:
    """A person's yes."""
    desk = process.services.approvals
    shown = (await desk.answerable(approval_id, caller)).shown
    return await desk.approve(approval_id, caller, shown["dataset"])


async def state(process: Process, approval_id: str) -> ApprovalState:
    """How a request stands."""
    return (await process.services.approvals.show(approval_id, ALL)).state


async def test_the_agent_asks_a_person_approves_and_the_same_call_goes_on(place: World) -> None:
    async with finished(place) as (process, dataset):
        refusal = await refused(process, dataset)
        approval_id = str(refusal.facts["approval_id"])
        [waiting] = await process.services.approvals.list(KIM)
        assert (waiting.approval_id, waiting.requester, waiting.origin) == (
            approval_id,
            "agent:kim",
            ApprovalOrigin.CALLER,
        )
        assert waiting.expires_at == waiting.filed_at + timedelta(minutes=30)
        assert refusal.facts["how"] == "approval"
        assert {
            name: waiting.shown[name] for name in ("dataset", "client_id", "journey_id", "record_count")
        } == {
            "dataset": dataset.name,
            "client_id": "acme",
            "journey_id": "j1",
            "record_count": 30,
        }
        assert {"age_s", "lost", "restorable_until"} <= set(waiting.shown)

        answered = await approve(process, approval_id)
        assert answered.answered_at is not None
        assert answered.grant_expires_at == answered.answered_at + timedelta(minutes=10)
        down = await process.tear_down(dataset, DONE, AGENT)

        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        given = down.teardown.confirmation
        assert given is not None
        assert (given.how, given.by, given.requester, given.approval_id, given.one_person) == (
            "approval",
            "person:kim",
            "agent:kim",
            approval_id,
            False,
        )
        assert await state(process, approval_id) is ApprovalState.USED
        assert await process.services.approvals.list(KIM) == []
        assert len(await process.services.approvals.list(KIM, everything=True)) == 1


async def test_the_same_call_again_asks_no_second_time(place: World) -> None:
    async with finished(place) as (process, dataset):
        ids: set[str] = set()

        async def ask() -> None:
            ids.add(await asked(process, dataset))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert len(ids) == len(await process.services.approvals.list(KIM)) == 1


async def test_sandbox_by_hand_is_asked_for_in_the_same_way(place: World) -> None:
    async with finished(place, Stage.SANDBOX) as (process, dataset):
        approval_id = await asked(process, dataset, TeardownReason.MANUAL)
        await approve(process, approval_id)
        down = await process.tear_down(dataset, TeardownReason.MANUAL, AGENT)
        assert down.status is DatasetStatus.ARCHIVED


async def test_a_grant_serves_no_other_reason_requester_or_dataset(place: World) -> None:
    async with place.process() as process:
        await process.arrive(stage=Stage.PILOT)
        dataset = await process.provision(stage=Stage.PILOT)
        other = await process.provision(stage=Stage.PILOT, dataset_type=request().dataset_type.JIRA_ISSUES)
        await process.complete()
        approval_id = await asked(process, dataset)
        await approve(process, approval_id)

        assert (await refused(process, dataset, TeardownReason.MANUAL)).facts["approval_id"] != approval_id
        stranger = Caller(subject="agent:lee")
        assert (await refused(process, dataset, caller=stranger)).facts["approval_id"] != approval_id
        assert (await refused(process, other)).facts["approval_id"] != approval_id
        assert await state(process, approval_id) is ApprovalState.APPROVED


async def test_a_grant_is_void_once_the_dataset_has_changed(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id, other_id = (
            await asked(process, dataset),
            await asked(process, dataset, TeardownReason.MANUAL),
        )
        await approve(process, approval_id)
        until = place.clock.now() - timedelta(days=1)
        await process.outside.store.transact(
            lambda records: records.put_dataset(dataset.evolve(protected_until=until))
        )

        assert await state(process, approval_id) is ApprovalState.VOID
        assert (await refused(process, dataset)).facts["approval_id"] != approval_id
        with pytest.raises(ApprovalClosedError, match="void"):
            await approve(process, other_id)


async def test_what_is_void_or_over_can_be_answered_no_more(place: World) -> None:
    async with finished(place) as (process, dataset):
        used, late = await asked(process, dataset), await asked(process, dataset, TeardownReason.MANUAL)
        await approve(process, used)
        with pytest.raises(ApprovalClosedError, match="was approved already"):
            await approve(process, used, LEE)
        await process.tear_down(dataset, DONE, AGENT)
        for approval_id, why in ((used, "approved and used"), (late, "void")):
            with pytest.raises(ApprovalClosedError, match=why):
                await approve(process, approval_id)
            with pytest.raises(ApprovalClosedError, match=why):
                await process.services.approvals.decline(approval_id, KIM)


async def test_what_no_archive_can_bring_back_is_shown_as_lost_for_good(place: World) -> None:
    async with finished(place) as (_, dataset):
        for lost, policy in (
            (replace(dataset, content=None), place.policy),
            (dataset, replace(place.policy, full_data=False)),
        ):
            assert "restorable_until" not in rules.shown(lost, DONE, place.clock.now(), policy)


async def test_a_request_is_open_for_thirty_minutes_and_not_for_longer(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id = await asked(process, dataset)
        place.clock.ahead += timedelta(minutes=29)
        assert await asked(process, dataset) == approval_id
        place.clock.ahead += timedelta(minutes=1)
        with pytest.raises(ApprovalClosedError, match="expired"):
            await approve(process, approval_id)
        assert await asked(process, dataset) != approval_id


async def test_a_grant_is_good_for_ten_minutes_and_not_for_longer(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id = await asked(process, dataset)
        await approve(process, approval_id)
        place.clock.ahead += timedelta(minutes=10)
        assert await asked(process, dataset) != approval_id
        assert await state(process, approval_id) is ApprovalState.EXPIRED


async def test_what_was_declined_is_not_asked_again_while_it_would_be_open(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id = await asked(process, dataset)
        declined = await process.services.approvals.decline(approval_id, LEE)
        assert (declined.state, declined.answered_by, declined.one_person) == (
            ApprovalState.DECLINED,
            "person:lee",
            False,
        )
        refusal = await refused(process, dataset)
        assert (refusal.code, refusal.facts["approval_id"]) == ("declined", approval_id)
        with pytest.raises(ApprovalClosedError, match="declined"):
            await approve(process, approval_id)
        place.clock.ahead += timedelta(minutes=30)
        assert await asked(process, dataset) != approval_id


@pytest.mark.parametrize(
    "nobody",
    [
        AGENT,
        Caller(subject="agent:lee"),
        Caller(subject="lee", act="some-agent"),
        Caller(subject="lee", scopes=frozenset({"datasets:teardown", "admin"})),
    ],
)
async def test_an_agent_answers_nothing(place: World, nobody: Caller) -> None:
    async with finished(place) as (process, dataset):
        desk, approval_id = process.services.approvals, await asked(process, dataset)
        for answer in (
            desk.approve(approval_id, nobody, dataset.name),
            desk.decline(approval_id, nobody),
            desk.answerable(approval_id, nobody),
        ):
            with pytest.raises(ForbiddenError):
                await answer
        assert await state(process, approval_id) is ApprovalState.OPEN


async def test_nobody_approves_their_own_and_anybody_may_take_it_back(place: World) -> None:
    async with finished(place) as (process, dataset):
        desk = process.services.approvals
        kim = Caller(subject="kim", scopes=frozenset({APPROVE}))
        approval_id = str((await refused(process, dataset, caller=kim)).facts["approval_id"])
        with pytest.raises(ForbiddenError, match="nobody approves their own"):
            await desk.approve(approval_id, kim, dataset.name)
        assert (await desk.decline(approval_id, kim)).state is ApprovalState.DECLINED


@pytest.mark.parametrize("typed", ["", "acme-pilot-confluence", "ACME-Pilot-Confluence ", "yes", "true"])
async def test_only_the_name_itself_approves(place: World, typed: str) -> None:
    async with finished(place) as (process, dataset):
        approval_id = await asked(process, dataset)
        with pytest.raises(InvalidArgumentError) as refusal:
            await process.services.approvals.approve(approval_id, KIM, typed)
        assert refusal.value.field == "name"
        assert await state(process, approval_id) is ApprovalState.OPEN


async def test_of_two_who_answer_at_once_one_is_told_that_it_was_answered(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id, told = await asked(process, dataset), []

        async def answer(caller: Caller) -> None:
            try:
                told.append((await approve(process, approval_id, caller)).answered_by)
            except ApprovalClosedError as error:
                told.append(error.code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer, KIM)
            tasks.start_soon(answer, LEE)
        held = await process.services.approvals.show(approval_id, ALL)
        assert sorted(map(str, told)) == sorted(["approval_closed", str(held.answered_by)])


async def test_a_journey_that_is_in_use_again_keeps_what_was_approved(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id = await asked(process, dataset)
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, ALL)
        await approve(process, approval_id)
        assert (await refused(process, dataset)).code == "journey_active"
        assert await state(process, approval_id) is ApprovalState.APPROVED


class Replaying:
    """A confirmer that gives what it was given, whatever is asked."""

    def __init__(self, given: Confirmation) -> None:
        self._given = given

    async def ask(self, question: Question) -> Confirmation | None:
        return replace(self._given, generation=question.generation)


async def test_a_confirmation_that_is_replayed_is_worth_nothing(place: World) -> None:
    async with finished(place) as (process, dataset):
        question = Question(
            dataset=dataset,
            reason=DONE,
            requester="agent:kim",
            generation=dataset.generation,
            shown=rules.shown(dataset, DONE, place.clock.now(), place.policy),
        )
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await process.services.approvals.ask(question)
        await approve(process, str(refusal.value.facts["approval_id"]))
        given = await process.services.approvals.ask(question)
        assert given is not None

        begun = await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await process.services.sagas.cancel(dataset.dataset_id, ALL)
        await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        back = await process.look(dataset.dataset_id)
        for held in (back, back.evolve(protected_until=place.clock.now())):
            await process.outside.store.transact(methodcaller("put_dataset", held))
            with pytest.raises(ConfirmationRequiredError):
                await process.tear_down(dataset, DONE, AGENT, Replaying(given))


async def test_a_grant_that_two_claims_race_for_is_used_once(place: World) -> None:
    async with finished(place) as (process, dataset):
        await approve(process, await asked(process, dataset))
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(process.tear_down, dataset, DONE, AGENT)
        down = await process.look(dataset.dataset_id)
        assert (down.status, down.teardown and down.teardown.run) == (DatasetStatus.ARCHIVED, 1)


async def test_whoever_finds_the_grant_used_by_a_teardown_of_the_same_attaches_to_it(place: World) -> None:
    class Overtaken:
        async def ask(self, question: Question) -> Confirmation | None:
            await process.tear_down(dataset, DONE, AGENT)
            return await process.services.approvals.ask(question)

    overtaken: Confirmer = Overtaken()
    async with finished(place) as (process, dataset):
        await approve(process, await asked(process, dataset))
        down = await process.tear_down(dataset, DONE, AGENT, overtaken)
        assert (down.status, down.teardown and down.teardown.run) == (DatasetStatus.ARCHIVED, 1)


async def test_whoever_asks_about_what_has_changed_otherwise_is_refused(place: World) -> None:
    class Late:
        async def ask(self, question: Question) -> Confirmation | None:
            await process.outside.store.transact(lambda records: records.put_dataset(changed))
            return await process.services.approvals.ask(question)

    late: Confirmer = Late()
    async with finished(place) as (process, dataset):
        changed = replace(dataset, generation=dataset.generation + 1)
        with pytest.raises(ChangedMeanwhileError, match="nobody was asked"):
            await process.tear_down(dataset, DONE, AGENT, late)
        assert await process.look(dataset.dataset_id) == changed


async def test_a_person_alone_is_kept_as_one_person_who_asked_and_approved(place: World) -> None:
    class Alone:
        async def ask(self, question: Question) -> Confirmation | None:
            return await process.services.approvals.alone(question)

    alone: Confirmer = Alone()
    async with finished(place) as (process, dataset):
        down = await process.tear_down(dataset, DONE, KIM, alone)
        [kept] = await process.services.approvals.list(KIM, everything=True)
    assert down.teardown is not None
    assert down.teardown.confirmation is not None
    assert down.teardown.confirmation.one_person
    assert (kept.one_person, kept.state, kept.answered_by) == (True, ApprovalState.USED, "person:kim")


async def test_another_clients_request_is_as_unknown_as_none(place: World) -> None:
    async with finished(place) as (process, dataset):
        approval_id = await asked(process, dataset)
        stranger = Caller(subject="person:x", clients=frozenset({"globex"}))
        desk = process.services.approvals
        for call in (
            desk.show(approval_id, stranger),
            desk.approve(approval_id, stranger, dataset.name),
            desk.decline(approval_id, stranger),
            desk.show("ap-nothing", stranger),
        ):
            with pytest.raises(UnknownApprovalError) as refusal:
                await call
            assert refusal.value.candidates == ()
        assert await desk.list(stranger) == []
        with pytest.raises(UnknownApprovalError) as near:
            await desk.show(approval_id[:-1], KIM)
        assert near.value.candidates == (approval_id,)


async def test_what_a_sweep_asks_stays_open_and_is_asked_once_whatever_is_answered(place: World) -> None:
    async with finished(place) as (process, dataset):
        desk = process.services.approvals
        filed = await desk.file_for_sweep(dataset, ALL)
        assert (filed.origin, filed.requester, filed.expires_at, filed.reason) == (
            ApprovalOrigin.SWEEP,
            SWEEPER,
            None,
            TeardownReason.ORPHANED,
        )
        place.clock.ahead += timedelta(days=30)
        assert await desk.file_for_sweep(dataset, ALL) == filed
        declined = await desk.decline(filed.approval_id, KIM)
        place.clock.ahead += timedelta(days=30)
        assert await desk.file_for_sweep(dataset, ALL) == declined


async def test_what_a_sweep_asked_for_is_carried_out_for_the_sweep_and_for_nobody_else(place: World) -> None:
    async with finished(place) as (process, dataset):
        served = place.policy.orphan_grace.total_seconds()
        mark = OrphanMark(orphaned_at=place.clock.now(), reason="journey_completed", served=served)
        orphan = dataset.evolve(orphan=mark)
        await process.outside.store.transact(lambda records: records.put_dataset(orphan))
        desk = process.services.approvals
        result = await process.services.orphans.sweep(
            process.tear_down,
            partial(desk.file_for_sweep, caller=ALL),
            partial(process.services.sweep_lists.file, caller=ALL),
            apply=True,
        )
        [filed] = result.requests
        await approve(process, filed.approval_id)

        assert (await refused(process, dataset, TeardownReason.ORPHANED)).code == "confirmation_required"
        down = await process.tear_down(dataset, TeardownReason.ORPHANED, Caller(subject=SWEEPER))
        assert down.status is DatasetStatus.ARCHIVED
        assert await state(process, filed.approval_id) is ApprovalState.USED
