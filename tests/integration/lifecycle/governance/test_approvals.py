"""What an approval allows, and everything that it does not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import (
    ApprovalClosedError,
    ConfirmationRequiredError,
    DeclinedError,
    ForbiddenError,
    InvalidArgumentError,
    JourneyActiveError,
    StaleDatasetError,
    UnknownApprovalError,
)
from domain.model.approval import Approval, ApprovalOrigin, ApprovalState, ConfirmationRequest
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, JourneyState, Stage, TeardownReason
from domain.model.principal import SCOPE_APPROVE, Principal
from domain.policy.approvals import SWEEP_SUBJECT, confirmation_facts
from tests.support.world import OPERATOR, provision_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.errors import LifecycleError
    from domain.model.approval import Confirmer
    from domain.model.dataset import Confirmation, Dataset
    from domain.ports import UnitOfWork
    from tests.support.world import Process, World

AGENT = Principal(subject="agent:kim")
KIM = Principal(subject="person:kim")
LEE = Principal(subject="person:lee")
DONE = TeardownReason.JOURNEY_COMPLETED


@asynccontextmanager
async def create_finished_dataset(
    place: World, stage: Stage = Stage.PILOT
) -> AsyncIterator[tuple[Process, Dataset]]:
    """A dataset past sandbox that its journey needs no longer."""
    async with place.open_process() as process:
        await process.add_client_and_journey(stage=stage)
        dataset = await process.provision(stage=stage)
        await process.complete_journey()
        yield process, await process.load_dataset(dataset.dataset_id)


async def catch_refusal(
    process: Process, dataset: Dataset, reason: TeardownReason = DONE, principal: Principal = AGENT
) -> LifecycleError:
    """The refusal of a teardown, which must have changed nothing."""
    before = await process.load_dataset(dataset.dataset_id)
    with pytest.raises((ConfirmationRequiredError, DeclinedError, JourneyActiveError)) as refusal:
        await process.tear_down(dataset, reason, principal)
    assert await process.load_dataset(dataset.dataset_id) == before
    return refusal.value


async def file_request(process: Process, dataset: Dataset, reason: TeardownReason = DONE) -> str:
    """The id of the request that an agent's teardown files."""
    return str((await catch_refusal(process, dataset, reason)).facts["approval_id"])


def put_dataset(dataset: Dataset, uow: UnitOfWork) -> None:
    """Have the store hold it as it is given."""
    uow.datasets.put(dataset)


async def approve(process: Process, approval_id: str, principal: Principal = KIM) -> Approval:
    """A person's yes."""
    desk = process.services.approvals
    shown = (await desk.load_approvable(approval_id, principal)).shown
    return await desk.approve(approval_id, principal, shown["dataset"])


async def state(process: Process, approval_id: str) -> ApprovalState:
    """How a request stands."""
    return (await process.services.approvals.load(approval_id, OPERATOR)).state


async def test_the_agent_asks_a_person_approves_and_the_same_call_goes_on(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        refusal = await catch_refusal(process, dataset)
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
        assert (given.how, given.by, given.requester, given.approval_id, given.self_approved) == (
            "approval",
            "person:kim",
            "agent:kim",
            approval_id,
            False,
        )
        assert await state(process, approval_id) is ApprovalState.USED
        assert await process.services.approvals.list(KIM) == []
        assert len(await process.services.approvals.list(KIM, everything=True)) == 1


async def test_the_same_call_again_asks_no_second_time(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        ids: set[str] = set()

        async def ask() -> None:
            ids.add(await file_request(process, dataset))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert len(ids) == len(await process.services.approvals.list(KIM)) == 1


async def test_sandbox_by_hand_is_asked_for_in_the_same_way(world: World) -> None:
    async with create_finished_dataset(world, Stage.SANDBOX) as (process, dataset):
        approval_id = await file_request(process, dataset, TeardownReason.MANUAL)
        await approve(process, approval_id)
        down = await process.tear_down(dataset, TeardownReason.MANUAL, AGENT)
        assert down.status is DatasetStatus.ARCHIVED


async def test_a_grant_serves_no_other_reason_requester_or_dataset(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(stage=Stage.PILOT)
        other = await process.provision(
            stage=Stage.PILOT, dataset_type=provision_request().dataset_type.JIRA_ISSUES
        )
        await process.complete_journey()
        approval_id = await file_request(process, dataset)
        await approve(process, approval_id)

        assert (await catch_refusal(process, dataset, TeardownReason.MANUAL)).facts[
            "approval_id"
        ] != approval_id
        stranger = Principal(subject="agent:lee")
        assert (await catch_refusal(process, dataset, principal=stranger)).facts["approval_id"] != approval_id
        assert (await catch_refusal(process, other)).facts["approval_id"] != approval_id
        assert await state(process, approval_id) is ApprovalState.APPROVED


async def test_a_grant_is_void_once_the_dataset_has_changed(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id, other_id = (
            await file_request(process, dataset),
            await file_request(process, dataset, TeardownReason.MANUAL),
        )
        await approve(process, approval_id)
        until = world.clock.now() - timedelta(days=1)
        await process.deps.store.transact(lambda uow: uow.datasets.put(dataset.evolve(protected_until=until)))

        assert await state(process, approval_id) is ApprovalState.VOID
        assert (await catch_refusal(process, dataset)).facts["approval_id"] != approval_id
        with pytest.raises(ApprovalClosedError, match="void"):
            await approve(process, other_id)


async def test_what_is_void_or_over_can_be_answered_no_more(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        used, late = (
            await file_request(process, dataset),
            await file_request(process, dataset, TeardownReason.MANUAL),
        )
        await approve(process, used)
        with pytest.raises(ApprovalClosedError, match="was approved already"):
            await approve(process, used, LEE)
        await process.tear_down(dataset, DONE, AGENT)
        for approval_id, why in ((used, "approved and used"), (late, "void")):
            with pytest.raises(ApprovalClosedError, match=why):
                await approve(process, approval_id)
            with pytest.raises(ApprovalClosedError, match=why):
                await process.services.approvals.decline(approval_id, KIM)


async def test_what_no_archive_can_bring_back_is_shown_as_lost_for_good(world: World) -> None:
    async with create_finished_dataset(world) as (_, dataset):
        for lost, policy in (
            (replace(dataset, content=None), world.policy),
            (dataset, replace(world.policy, full_data=False)),
        ):
            assert "restorable_until" not in confirmation_facts(lost, DONE, world.clock.now(), policy)


async def test_a_request_is_open_for_thirty_minutes_and_not_for_longer(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id = await file_request(process, dataset)
        world.clock.ahead += timedelta(minutes=29)
        assert await file_request(process, dataset) == approval_id
        world.clock.ahead += timedelta(minutes=1)
        with pytest.raises(ApprovalClosedError, match="expired"):
            await approve(process, approval_id)
        assert await file_request(process, dataset) != approval_id


async def test_a_grant_is_good_for_ten_minutes_and_not_for_longer(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id = await file_request(process, dataset)
        await approve(process, approval_id)
        world.clock.ahead += timedelta(minutes=10)
        assert await file_request(process, dataset) != approval_id
        assert await state(process, approval_id) is ApprovalState.EXPIRED


async def test_what_was_declined_is_not_asked_again_while_it_would_be_open(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id = await file_request(process, dataset)
        declined = await process.services.approvals.decline(approval_id, LEE)
        assert (declined.state, declined.answered_by, declined.self_approved) == (
            ApprovalState.DECLINED,
            "person:lee",
            False,
        )
        refusal = await catch_refusal(process, dataset)
        assert (refusal.code, refusal.facts["approval_id"]) == ("declined", approval_id)
        with pytest.raises(ApprovalClosedError, match="declined"):
            await approve(process, approval_id)
        world.clock.ahead += timedelta(minutes=30)
        assert await file_request(process, dataset) != approval_id


@pytest.mark.parametrize(
    "nobody",
    [
        AGENT,
        Principal(subject="agent:lee"),
        Principal(subject="lee", actors=("some-agent",)),
        Principal(subject="lee", scopes=frozenset({"datasets:teardown", "admin"})),
    ],
)
async def test_an_agent_answers_nothing(world: World, nobody: Principal) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        desk, approval_id = process.services.approvals, await file_request(process, dataset)
        for answer in (
            desk.approve(approval_id, nobody, dataset.name),
            desk.decline(approval_id, nobody),
            desk.load_approvable(approval_id, nobody),
        ):
            with pytest.raises(ForbiddenError):
                await answer
        assert await state(process, approval_id) is ApprovalState.OPEN


async def test_nobody_approves_their_own_and_anybody_may_take_it_back(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        desk = process.services.approvals
        kim = Principal(subject="kim", scopes=frozenset({SCOPE_APPROVE}))
        approval_id = str((await catch_refusal(process, dataset, principal=kim)).facts["approval_id"])
        with pytest.raises(ForbiddenError, match="nobody approves their own"):
            await desk.approve(approval_id, kim, dataset.name)
        assert (await desk.decline(approval_id, kim)).state is ApprovalState.DECLINED


@pytest.mark.parametrize("typed", ["", "acme-pilot-confluence", "ACME-Pilot-Confluence ", "yes", "true"])
async def test_only_the_name_itself_approves(world: World, typed: str) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id = await file_request(process, dataset)
        with pytest.raises(InvalidArgumentError) as refusal:
            await process.services.approvals.approve(approval_id, KIM, typed)
        assert refusal.value.field == "name"
        assert await state(process, approval_id) is ApprovalState.OPEN


async def test_of_two_who_answer_at_once_one_is_told_that_it_was_answered(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id, told = await file_request(process, dataset), []

        async def answer(principal: Principal) -> None:
            try:
                told.append((await approve(process, approval_id, principal)).answered_by)
            except ApprovalClosedError as error:
                told.append(error.code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer, KIM)
            tasks.start_soon(answer, LEE)
        held = await process.services.approvals.load(approval_id, OPERATOR)
        assert sorted(map(str, told)) == sorted(["approval_closed", str(held.answered_by)])


async def test_a_journey_that_is_in_use_again_voids_what_was_asked_and_approved(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        asked = await file_request(process, dataset, TeardownReason.MANUAL)
        approved = await file_request(process, dataset)
        await approve(process, approved)
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        assert [await state(process, each) for each in (asked, approved)] == [ApprovalState.VOID] * 2
        in_use = await process.load_dataset(dataset.dataset_id)
        assert (await catch_refusal(process, in_use)).code == "journey_active"


class ReplayingConfirmer:
    """A confirmer that gives what it was given, whatever is asked."""

    def __init__(self, given: Confirmation) -> None:
        self._given = given

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        return replace(self._given, generation=question.generation)


async def test_a_confirmation_that_is_replayed_is_worth_nothing(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        question = ConfirmationRequest(
            dataset=dataset,
            reason=DONE,
            requester="agent:kim",
            generation=dataset.generation,
            shown=confirmation_facts(dataset, DONE, world.clock.now(), world.policy),
        )
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await process.services.approvals.ask(question)
        await approve(process, str(refusal.value.facts["approval_id"]))
        given = await process.services.approvals.ask(question)
        assert given is not None

        begun = await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await process.services.sagas.cancel(dataset.dataset_id, OPERATOR)
        await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        back = await process.load_dataset(dataset.dataset_id)
        for held in (back, back.evolve(protected_until=world.clock.now())):
            await process.deps.store.transact(partial(put_dataset, held))
            with pytest.raises(ConfirmationRequiredError):
                await process.tear_down(dataset, DONE, AGENT, ReplayingConfirmer(given))


async def test_a_grant_that_two_claims_race_for_is_used_once(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        await approve(process, await file_request(process, dataset))
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(process.tear_down, dataset, DONE, AGENT)
        down = await process.load_dataset(dataset.dataset_id)
        assert (down.status, down.teardown and down.teardown.run) == (DatasetStatus.ARCHIVED, 1)


async def test_whoever_finds_the_grant_used_by_a_teardown_of_the_same_attaches_to_it(world: World) -> None:
    class Overtaken:
        async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
            await process.tear_down(dataset, DONE, AGENT)
            return await process.services.approvals.ask(question)

    overtaken: Confirmer = Overtaken()
    async with create_finished_dataset(world) as (process, dataset):
        await approve(process, await file_request(process, dataset))
        down = await process.tear_down(dataset, DONE, AGENT, overtaken)
        assert (down.status, down.teardown and down.teardown.run) == (DatasetStatus.ARCHIVED, 1)


async def test_whoever_asks_about_what_has_changed_otherwise_is_refused(world: World) -> None:
    class Late:
        async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
            await process.deps.store.transact(lambda uow: uow.datasets.put(changed))
            return await process.services.approvals.ask(question)

    late: Confirmer = Late()
    async with create_finished_dataset(world) as (process, dataset):
        changed = replace(dataset, generation=dataset.generation + 1)
        with pytest.raises(StaleDatasetError, match="no person was asked"):
            await process.tear_down(dataset, DONE, AGENT, late)
        assert await process.load_dataset(dataset.dataset_id) == changed


async def test_a_person_alone_is_kept_as_one_person_who_asked_and_approved(world: World) -> None:
    class Alone:
        async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
            return await process.services.approvals.self_approve(question)

    alone: Confirmer = Alone()
    async with create_finished_dataset(world) as (process, dataset):
        down = await process.tear_down(dataset, DONE, KIM, alone)
        [kept] = await process.services.approvals.list(KIM, everything=True)
    assert down.teardown is not None
    assert down.teardown.confirmation is not None
    assert down.teardown.confirmation.self_approved
    assert (kept.self_approved, kept.state, kept.answered_by) == (True, ApprovalState.USED, "person:kim")


async def test_another_clients_request_is_as_unknown_as_none(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        approval_id = await file_request(process, dataset)
        stranger = Principal(subject="person:x", clients=frozenset({"globex"}))
        desk = process.services.approvals
        for call in (
            desk.load(approval_id, stranger),
            desk.approve(approval_id, stranger, dataset.name),
            desk.decline(approval_id, stranger),
            desk.load("ap-nothing", stranger),
        ):
            with pytest.raises(UnknownApprovalError) as refusal:
                await call
            assert refusal.value.candidates == ()
        assert await desk.list(stranger) == []
        with pytest.raises(UnknownApprovalError) as near:
            await desk.load(approval_id[:-1], KIM)
        assert near.value.candidates == (approval_id,)


async def test_what_a_sweep_asks_stays_open_and_is_asked_once_whatever_is_answered(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        desk = process.services.approvals
        filed = await desk.file_for_sweep(dataset, OPERATOR)
        assert (filed.origin, filed.requester, filed.expires_at, filed.reason) == (
            ApprovalOrigin.SWEEP,
            SWEEP_SUBJECT,
            None,
            TeardownReason.ORPHANED,
        )
        world.clock.ahead += timedelta(days=30)
        assert await desk.file_for_sweep(dataset, OPERATOR) == filed
        declined = await desk.decline(filed.approval_id, KIM)
        world.clock.ahead += timedelta(days=30)
        assert await desk.file_for_sweep(dataset, OPERATOR) == declined


async def test_what_a_sweep_asked_for_is_carried_out_for_the_sweep_and_for_nobody_else(world: World) -> None:
    async with create_finished_dataset(world) as (process, dataset):
        served = world.policy.orphan_grace.total_seconds()
        mark = OrphanMark(orphaned_at=world.clock.now(), reason="journey_completed", served=served)
        orphan = dataset.evolve(orphan=mark)
        await process.deps.store.transact(lambda uow: uow.datasets.put(orphan))
        desk = process.services.approvals
        result = await process.services.orphans.sweep(
            process.tear_down,
            partial(desk.file_for_sweep, principal=OPERATOR),
            partial(process.services.sweep_lists.file_request, principal=OPERATOR),
            apply=True,
        )
        [filed] = result.requests
        await approve(process, filed.approval_id)

        assert (
            await catch_refusal(process, dataset, TeardownReason.ORPHANED)
        ).code == "confirmation_required"
        down = await process.tear_down(dataset, TeardownReason.ORPHANED, Principal(subject=SWEEP_SUBJECT))
        assert down.status is DatasetStatus.ARCHIVED
        assert await state(process, filed.approval_id) is ApprovalState.USED
