"""A sweep that would take too much asks once, and what a person approves is that list: no less, no more, once."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import (
    ApprovalClosedError,
    ForbiddenError,
    InvalidArgumentError,
    StoreFailedError,
    UnknownApprovalError,
)
from domain.governance.orphans import OrphanService
from domain.model.approval import ApprovalItem, ApprovalOrigin, ApprovalState
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, JourneyState, Stage, TeardownReason
from domain.model.principal import SCOPE_APPROVE, Principal, RequestContext
from domain.policy.approvals import SWEEP_SUBJECT, sweep_principal
from domain.policy.orphans import SweepCaps
from tests.support.inline_engine import ProcessDied
from tests.support.interception import CallInterceptor, OnNthCall
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, provision_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from domain.governance.orphan_facts import SweepResult
    from domain.governance.sweeps import BatchTeardownResult
    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.approval import Approval
    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

LEE = Principal(subject="person:lee")
NAMES = ("acme", "globex", "initech")


async def orphan(process: Process, client_id: str, stage: Stage = Stage.SANDBOX) -> Dataset:
    """A dataset of a client of its own, that a sweep may take."""
    await process.add_client_and_journey(client_id, f"j-{client_id}", stage)
    dataset = await process.provision(client_id=client_id, journey_id=f"j-{client_id}", stage=stage)
    await process.complete_journey(f"j-{client_id}")
    served = process.world.policy.orphan_grace.total_seconds()
    mark = OrphanMark(orphaned_at=process.world.clock.now(), reason="journey_completed", served=served)
    due = dataset.evolve(orphan=mark)
    await process.deps.store.transact(lambda uow: uow.datasets.put(due))
    return due


@asynccontextmanager
async def create_due_datasets(place: World) -> AsyncIterator[tuple[Process, list[Dataset]]]:
    """Three datasets that are due, one more than a sweep may take."""
    async with place.open_process() as process:
        yield process, [await orphan(process, each) for each in NAMES]


async def sweep(process: Process, count: int = 2) -> SweepResult:
    services, deps = process.services, process.deps
    orphans = OrphanService(deps.store, deps.clock, caps=SweepCaps(count=count))

    async def take(dataset: Dataset) -> None:
        await process.tear_down(dataset, TeardownReason.ORPHANED)

    return await orphans.sweep(
        take,
        partial(services.approvals.file_for_sweep, principal=OPERATOR),
        partial(services.sweep_lists.file_request, principal=OPERATOR),
        apply=True,
    )


async def sweep_approval(process: Process, count: int = 2) -> Approval:
    found = (await sweep(process, count)).asked
    assert found is not None
    return found


async def approve(process: Process, filed: Approval, principal: Principal = LEE) -> Approval:
    return await process.services.approvals.approve(filed.approval_id, principal, filed.phrase)


async def carry_out(process: Process, approval: Approval) -> BatchTeardownResult:
    lists = process.services.sweep_lists
    return await lists.wait_for_teardowns(await lists.start_approved_teardowns(approval, LEE))


async def statuses(process: Process, datasets: list[Dataset]) -> list[DatasetStatus]:
    return [(await process.load_dataset(each.dataset_id)).status for each in datasets]


async def change(process: Process, dataset: Dataset) -> Dataset:
    """The dataset is not what was shown any more: its generation is another."""
    changed = dataset.evolve(protected_until=process.world.clock.now() - timedelta(days=1))
    await process.deps.store.transact(lambda uow: uow.datasets.put(changed))
    return changed


def codes(done: BatchTeardownResult) -> dict[str, str]:
    return {one.client_id: error.code for one, error in done.left}


async def test_beyond_the_cap_one_request_lists_them_all_and_nothing_is_taken(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        filed = await sweep_approval(process)
        assert await sweep_approval(process) == filed
        assert await process.services.approvals.list(LEE) == [filed]
        assert (filed.origin, filed.requester, filed.reason, filed.expires_at, filed.state) == (
            ApprovalOrigin.SWEEP,
            SWEEP_SUBJECT,
            TeardownReason.ORPHANED,
            None,
            ApprovalState.OPEN,
        )
        assert filed.listed == tuple(
            ApprovalItem(
                dataset_id=each.dataset_id,
                name=each.name,
                client_id=each.client_id,
                generation=each.generation,
            )
            for each in datasets
        )
        assert (filed.phrase, filed.clients) == ("take down 3 datasets", frozenset(NAMES))
        assert filed.shown["why"] == "3 datasets are due, and one sweep takes 2 at most."
        for shown, dataset in zip(filed.shown["datasets"], datasets, strict=True):
            assert {
                name: shown[name] for name in ("dataset_id", "dataset", "client_id", "stage", "generation")
            } == {
                "dataset_id": dataset.dataset_id,
                "dataset": dataset.name,
                "client_id": dataset.client_id,
                "stage": "sandbox",
                "generation": dataset.generation,
            }
            assert {"lost", "restorable_until", "record_count"} <= set(shown)
        world.clock.ahead += timedelta(days=300)
        assert (await process.services.approvals.load(filed.approval_id, LEE)).state is ApprovalState.OPEN
        assert await process.services.sweep_lists.list_approved(LEE) == []
        assert await statuses(process, datasets) == [DatasetStatus.READY] * 3


@pytest.mark.each_dialect
async def test_what_is_approved_is_exactly_that_list(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        filed = await sweep_approval(process)
        late = await orphan(process, "umbrella")
        pilot = await orphan(process, "hooli", Stage.PILOT)
        granted = await approve(process, filed)
        assert granted.answered_at is not None
        assert granted.grant_expires_at == granted.answered_at + timedelta(hours=26)

        done = await carry_out(process, granted)

        assert [each.dataset.dataset_id for each in done.taken] == [each.dataset_id for each in datasets]
        assert (done.left, done.approval.state) == ((), ApprovalState.USED)
        assert all(each.spent for each in done.approval.listed)
        assert await statuses(process, datasets) == [DatasetStatus.ARCHIVED] * 3
        assert await statuses(process, [late, pilot]) == [DatasetStatus.READY] * 2
        for each in datasets:
            teardown = (await process.load_dataset(each.dataset_id)).teardown
            assert teardown is not None
            assert teardown.confirmation is not None
            assert (teardown.requester, teardown.confirmation.by, teardown.confirmation.approval_id) == (
                SWEEP_SUBJECT,
                "person:lee",
                filed.approval_id,
            )


async def test_what_has_changed_or_is_forbidden_by_now_is_left_and_the_others_go(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        granted = await approve(process, await sweep_approval(process))
        await change(process, datasets[0])
        await process.services.registry.set_state("j-globex", JourneyState.ACTIVE, OPERATOR)

        done = await carry_out(process, granted)

        assert codes(done) == {"acme": "changed_meanwhile", "globex": "changed_meanwhile"}
        assert await statuses(process, datasets) == [
            DatasetStatus.READY,
            DatasetStatus.READY,
            DatasetStatus.ARCHIVED,
        ]
        assert await process.services.sweep_lists.list_approved(LEE) == []
        await process.services.registry.set_state("j-globex", JourneyState.COMPLETED, OPERATOR)
        assert datasets[1].orphan is not None
        mark = replace(datasets[1].orphan, orphaned_at=world.clock.now())
        held = (await process.load_dataset(datasets[1].dataset_id)).evolve(orphan=mark)
        await process.deps.store.transact(lambda uow: uow.datasets.put(held))
        again = await carry_out(process, granted)
        assert codes(again) == {"acme": "changed_meanwhile", "globex": "changed_meanwhile"}
        assert await process.services.approvals.list(LEE) == []


@pytest.mark.each_dialect
async def test_what_others_take_down_is_theirs(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        granted = await approve(process, await sweep_approval(process))
        removing = world.operation_name("datasources.delete")
        world.glean.faults.add(Fault(kind="status", operation=removing, status=403))
        with pytest.raises(Exception, match="disconnect"):
            await process.tear_down(datasets[0])
        done = await carry_out(process, granted)
        assert codes(done) == {"acme": "changed_meanwhile"}
        assert (await process.load_dataset(datasets[0].dataset_id)).status is DatasetStatus.TEARDOWN


async def test_a_teardown_that_stops_is_told_and_holds_up_no_other(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        granted = await approve(process, await sweep_approval(process))
        world.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=403))
        done = await carry_out(process, granted)
        assert list(codes(done).values()) == ["platform_denied"]
        assert Counter(await statuses(process, datasets)) == {
            DatasetStatus.ARCHIVED: 2,
            DatasetStatus.TEARDOWN: 1,
        }


async def test_another_set_voids_the_open_request_and_so_does_a_sweep_that_needs_none(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        first = await sweep_approval(process)
        changed = await change(process, datasets[0])
        second = await sweep_approval(process)
        assert second.approval_id != first.approval_id
        assert second.listed[0].generation == changed.generation
        with pytest.raises(ApprovalClosedError, match="void"):
            await approve(process, first)
        assert await process.services.approvals.list(LEE) == [second]

        await process.services.registry.set_state("j-acme", JourneyState.ACTIVE, OPERATOR)
        result = await sweep(process)
        assert (len(result.taken), result.asked) == (2, None)
        with pytest.raises(ApprovalClosedError, match="void"):
            await approve(process, second)


async def test_a_list_of_which_nothing_is_left_as_it_was_is_void(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        filed = await sweep_approval(process)
        for each in datasets[:2]:
            await change(process, each)
        assert (await process.services.approvals.load(filed.approval_id, LEE)).state is ApprovalState.OPEN
        await change(process, datasets[2])
        with pytest.raises(ApprovalClosedError, match="void"):
            await approve(process, filed)


async def test_what_was_declined_is_not_asked_again_until_the_set_is_another(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        filed = await sweep_approval(process)
        declined = await process.services.approvals.decline(filed.approval_id, LEE)
        assert await sweep_approval(process) == declined
        assert await statuses(process, datasets) == [DatasetStatus.READY] * 3
        await orphan(process, "umbrella")
        assert (await sweep_approval(process)).approval_id != filed.approval_id


@pytest.mark.parametrize("typed", ["", "3 datasets", "take down 2 datasets", "Take down 3 datasets", "yes"])
async def test_only_the_phrase_itself_approves(world: World, typed: str) -> None:
    async with create_due_datasets(world) as (process, _):
        filed = await sweep_approval(process)
        with pytest.raises(InvalidArgumentError, match="not the phrase that it asks for"):
            await process.services.approvals.approve(filed.approval_id, LEE, typed)
        assert await process.services.approvals.list(LEE) == [filed]


async def test_only_a_person_who_may_touch_every_client_of_it_answers(world: World) -> None:
    async with create_due_datasets(world) as (process, _):
        filed, desk = await sweep_approval(process), process.services.approvals
        for nobody in (
            Principal(subject="agent:kim"),
            Principal(subject="lee", actors=("some-agent",)),
            Principal(subject="lee", scopes=frozenset({"datasets:teardown", "admin"})),
        ):
            with pytest.raises(ForbiddenError):
                await approve(process, filed, nobody)
        some = Principal(subject="lee", clients=frozenset(NAMES[:2]), scopes=frozenset({SCOPE_APPROVE}))
        for call in (desk.approve(filed.approval_id, some, filed.phrase), desk.load(filed.approval_id, some)):
            with pytest.raises(UnknownApprovalError) as refusal:
                await call
            assert refusal.value.candidates == ()
        assert await desk.list(some) == []
        whole = replace(some, clients=frozenset(NAMES))
        granted = await approve(process, filed, whole)
        assert await process.services.sweep_lists.list_approved(some) == []
        assert await process.services.sweep_lists.list_approved(whole) == [granted]
        with pytest.raises(ForbiddenError):
            await desk.load_approvable(filed.approval_id, Principal(subject="agent:kim"))
        with pytest.raises(ApprovalClosedError, match="approved already"):
            await desk.decline(filed.approval_id, whole)


def crash_before_observing(step: Callable[[], Awaitable[object]]) -> Callable[[Dependencies], Dependencies]:
    """A process that does this before it observes a connector."""
    return lambda deps: replace(deps, platform=CallInterceptor(deps.platform, "observe", step))


async def die() -> None:
    raise ProcessDied


@pytest.mark.parametrize("looks", range(1, 10))
async def test_what_a_process_died_over_goes_on_without_a_person_being_asked_again(
    world: World, looks: int
) -> None:
    async with create_due_datasets(world) as (first, datasets):
        granted = await approve(first, await sweep_approval(first))
    with suppress(ProcessDied):
        async with world.open_process(replace=crash_before_observing(OnNthCall(die, looks))) as process:
            await process.services.sweep_lists.start_approved_teardowns(granted, LEE)
            raise ProcessDied  # it has claimed them all, and waits
    async with world.open_process() as process:
        await process.services.sagas.resume()
        left = await process.services.sweep_lists.list_approved(LEE)
        for each in left:
            again = await process.services.approvals.load_approvable(each.approval_id, LEE)
            assert await process.services.approvals.approve(each.approval_id, LEE, again.phrase) == again
            assert (await carry_out(process, each)).left == ()
        for dataset in datasets:
            await process.services.sagas.wait(dataset.dataset_id, 30)
        assert await statuses(process, datasets) == [DatasetStatus.ARCHIVED] * 3
        assert (await process.load_event_kinds()).count("dataset:torn_down") == 3
        assert (await process.services.approvals.load(granted.approval_id, LEE)).state is ApprovalState.USED


async def test_two_that_carry_it_out_at_once_take_each_dataset_once(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        granted = await approve(process, await sweep_approval(process))
        async with world.open_process() as other, anyio.create_task_group() as tasks:
            for each in (process, other):
                tasks.start_soon(partial(carry_out, each, granted))
        assert await statuses(process, datasets) == [DatasetStatus.ARCHIVED] * 3
        assert (await process.load_event_kinds()).count("dataset:torn_down") == 3
        assert {(await process.load_dataset(each.dataset_id)).generation for each in datasets} == {
            datasets[0].generation + 2
        }


async def test_a_grant_is_over_the_day_after(world: World) -> None:
    async with create_due_datasets(world) as (process, datasets):
        granted = await approve(process, await sweep_approval(process))
        world.clock.ahead += timedelta(hours=26)
        assert await process.services.sweep_lists.list_approved(LEE) == []
        done = await carry_out(process, granted)
        assert set(codes(done).values()) == {"confirmation_required"}
        assert await statuses(process, datasets) == [DatasetStatus.READY] * 3


async def test_a_store_that_fails_ends_it_there_and_the_rest_stays_granted(world: World) -> None:
    async def fail() -> None:
        raise StoreFailedError("The disk is full.")

    async with create_due_datasets(world) as (first, datasets):
        granted = await approve(first, await sweep_approval(first))
    step = OnNthCall(fail)
    async with world.open_process(
        replace=lambda deps: replace(deps, store=CallInterceptor(deps.store, "transact", step))
    ) as process:
        with pytest.raises(StoreFailedError):
            await process.services.sweep_lists.start_approved_teardowns(granted, LEE)
        assert await process.services.sweep_lists.list_approved(LEE) == [granted]
        assert (await carry_out(process, granted)).left == ()
        assert await statuses(process, datasets) == [DatasetStatus.ARCHIVED] * 3


def test_what_a_sweep_takes_counts_against_nobodys_rate() -> None:
    at = provision_request().dataset_type  # any value: a call is told of and not read here
    call = RequestContext(audit_id="a1", at=at, verb="approvals approve", via="cli")  # type: ignore[arg-type]
    assert sweep_principal(LEE) == Principal(subject=SWEEP_SUBJECT)
    assert sweep_principal(replace(LEE, call=call)).call == replace(call, swept_by=LEE.subject)
