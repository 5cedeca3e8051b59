"""Runs whose process died: a command that they would refuse finishes them first, whatever it asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import (
    InvalidArgumentError,
    LifecycleError,
    NothingRunningError,
    PastNoReturnError,
    ProvisionFailedError,
    ProvisionRunningError,
    Recovery,
    TeardownInProgressError,
)
from domain.model.enums import DatasetStatus, JourneyState, TeardownReason
from domain.model.run import Run
from tests.support.inline_engine import JournalEntry, ProcessDied
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

    Make = Callable[[World], Awaitable[str]]
    Ask = Callable[[Process, str], Awaitable[object]]

READY, ARCHIVED = DatasetStatus.READY, DatasetStatus.ARCHIVED


def die_at(step: str) -> Callable[[str, str], None]:
    """A hook of a process that dies as soon as it comes to a step."""

    def die(reached: str, moment: str) -> None:
        if (reached, moment) == (step, "before"):
            raise ProcessDied(step)

    return die


async def make_dataset(world: World) -> Dataset:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        return await process.provision()


async def leave_provision(world: World) -> str:
    async with world.open_process(crash=die_at("push")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_crash()
    return begun.dataset.dataset_id


async def leave_restore(world: World) -> str:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        await process.complete_journey()
        await process.tear_down(ready)
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
    async with world.open_process(crash=die_at("push")) as process:
        begun = await process.services.restores.start_or_attach(ready.dataset_id, "j1", OPERATOR)
        await process.wait_for_crash()
    return begun.dataset.dataset_id


async def leave_snapshot(world: World) -> str:
    ready = await make_dataset(world)
    async with world.open_process(crash=die_at("archive")) as process, anyio.create_task_group() as tasks:
        tasks.start_soon(process.services.snapshots.take, ready.dataset_id, OPERATOR)
        await process.wait_for_crash()
        tasks.cancel_scope.cancel()
    return ready.dataset_id


async def leave_claimed_snapshot(world: World) -> str:
    """As a process leaves it that dies before it has told the engine."""
    ready = await make_dataset(world)
    await put_run(world, ready, "snapshot")
    return ready.dataset_id


async def leave_teardown(world: World, step: str = "archive") -> str:
    ready = await make_dataset(world)
    async with world.open_process(crash=die_at(step)) as process:
        await process.complete_journey()
        await process.services.teardowns.start_or_attach(
            ready.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.wait_for_crash()
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
    return ready.dataset_id


async def leave_teardown_past_no_return(world: World) -> str:
    return await leave_teardown(world, "delete")


async def leave_compensation(world: World) -> str:
    for each in ("documents.upload", "datasources.delete"):
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name(each), status=403, times=None)
        )
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision()
    world.glean.faults.clear()
    async with world.open_process(crash=die_at("list")) as process:
        assert await process.services.sagas.resume(respect_backoff=False) == 1
        await process.wait_for_crash()
    return str(failure.value.facts["dataset_id"])


async def put_run(world: World, dataset: Dataset, kind: str) -> Run:
    run = Run.start(kind, dataset.dataset_id, "x", dataset.created_at)
    async with world.open_store() as store:
        await store.transact(lambda uow: uow.datasets.put(dataset.evolve(run=run)))
    return run


async def provision(process: Process, _: str) -> DatasetStatus:
    return (await process.provision()).status


async def retry(process: Process, _: str) -> DatasetStatus:
    return (await process.provision(retry=True)).status


async def tear_down(process: Process, dataset_id: str) -> DatasetStatus:
    await process.services.registry.set_state("j1", JourneyState.COMPLETED, OPERATOR)
    return (await process.tear_down(dataset_id)).status


async def plan_teardown_of_client(process: Process, dataset_id: str) -> list[str]:
    await process.services.registry.set_state("j1", JourneyState.COMPLETED, OPERATOR)
    plan = await process.services.group_teardowns.plan(
        TeardownReason.JOURNEY_COMPLETED, OPERATOR, client_id="acme"
    )
    assert [each.dataset.dataset_id for each in plan.requests] == [dataset_id]
    return [each.code for _, each in plan.refused]


async def recheck(process: Process, dataset_id: str) -> DatasetStatus:
    check = process.services.datasets.recheck
    return (await process.services.sagas.call_past_abandoned_runs(lambda: check(dataset_id, OPERATOR))).status


async def snapshot(process: Process, dataset_id: str) -> str | None:
    return (await process.services.snapshots.take(dataset_id, OPERATOR)).reason


async def cancel(process: Process, dataset_id: str) -> DatasetStatus:
    await process.services.sagas.cancel(dataset_id, OPERATOR)
    return (await process.services.sagas.wait(dataset_id, 30))[0].status


async def restore(process: Process, dataset_id: str) -> DatasetStatus:
    begun = await process.services.restores.start_or_attach(dataset_id, "j1", OPERATOR)
    return (await process.services.provisioning.wait(begun, 30)).dataset.status


TABLE: list[tuple[Make, Ask, object]] = [
    (leave_provision, tear_down, ARCHIVED),
    (leave_provision, plan_teardown_of_client, []),
    (leave_provision, cancel, DatasetStatus.FAILED),
    (leave_restore, tear_down, ARCHIVED),
    (leave_snapshot, tear_down, ARCHIVED),
    (leave_snapshot, cancel, NothingRunningError),
    (leave_claimed_snapshot, tear_down, ARCHIVED),
    (leave_claimed_snapshot, recheck, READY),
    (leave_teardown, recheck, READY),
    (leave_teardown_past_no_return, provision, READY),
    (leave_teardown_past_no_return, restore, READY),
    (leave_compensation, retry, READY),
    (leave_compensation, tear_down, ARCHIVED),
]
EXHAUSTIVE: list[tuple[Make, Ask, object]] = [
    (leave_provision, provision, READY),
    (leave_provision, retry, READY),
    (leave_provision, recheck, READY),
    (leave_provision, snapshot, "snapshot"),
    (leave_restore, provision, READY),
    (leave_restore, recheck, READY),
    (leave_restore, snapshot, "snapshot"),
    (leave_restore, cancel, DatasetStatus.FAILED),
    (leave_snapshot, provision, READY),
    (leave_snapshot, recheck, READY),
    (leave_snapshot, snapshot, "snapshot"),
    (leave_teardown, provision, READY),
    (leave_teardown, tear_down, ARCHIVED),
    (leave_teardown, cancel, READY),
    (leave_teardown_past_no_return, tear_down, ARCHIVED),
    (leave_teardown_past_no_return, snapshot, InvalidArgumentError),
    (leave_teardown_past_no_return, cancel, NothingRunningError),
    (leave_compensation, provision, ProvisionFailedError),
    (leave_compensation, recheck, InvalidArgumentError),
    (leave_compensation, snapshot, InvalidArgumentError),
    (leave_compensation, cancel, NothingRunningError),
]


def name_case(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(
    ("leave", "ask", "answer"),
    [*TABLE, *(pytest.param(*each, marks=pytest.mark.exhaustive) for each in EXHAUSTIVE)],
    ids=name_case,
)
async def test_a_command_finishes_what_a_dead_process_left_and_goes_on(
    world: World, leave: Make, ask: Ask, answer: object
) -> None:
    dataset_id = await leave(world)
    async with world.open_process(command=True) as process:
        with anyio.fail_after(30):
            assert await _outcome(ask(process, dataset_id)) == answer
        left = await process.load_dataset(dataset_id)
    assert left.run is None


async def _outcome(asked: Awaitable[object]) -> object:
    """The answer, or the class of the refusal; none of them may say that waiting helps."""
    try:
        return await asked
    except LifecycleError as refusal:
        return "wait" if refusal.recovery is Recovery.WAIT else type(refusal)


async def test_a_run_that_another_process_works_on_refuses_as_ever(world: World) -> None:
    ready = await make_dataset(world)
    async with world.open_process() as other, world.open_process(command=True) as process:
        await process.complete_journey()
        for kind in ("snapshot", "undo", "provision"):
            run = await put_run(world, ready, kind)
            world.journal[run.saga_id] = JournalEntry(kind, ready.dataset_id, owner=other.engine)
            with pytest.raises(ProvisionRunningError):
                await process.tear_down(ready)
            assert not await process.services.sagas.is_abandoned(await process.load_dataset(ready.dataset_id))
    assert (await latest(world, ready)).run is not None


async def test_a_server_refuses_at_once_because_it_resumes_such_runs_by_itself(world: World) -> None:
    dataset_id = await leave_claimed_snapshot(world)
    async with world.open_process() as process:
        await process.complete_journey()
        with pytest.raises(ProvisionRunningError) as refusal:
            await process.tear_down(dataset_id)
        assert refusal.value.recovery is Recovery.WAIT
        assert await process.services.sagas.resume() == 1
        await process.services.sagas.wait(dataset_id, 30)
        assert (await process.tear_down(dataset_id)).status is ARCHIVED


async def test_a_run_of_another_release_is_left_to_it(world: World) -> None:
    ready = await make_dataset(world)
    run = await put_run(world, ready, "polish")
    async with world.open_process(command=True) as process:
        await process.complete_journey()
        with pytest.raises(ProvisionRunningError):
            await process.tear_down(ready)
    assert (await latest(world, ready)).run == run


async def test_a_run_that_killed_too_many_processes_is_given_up_and_not_waited_for(world: World) -> None:
    world.policy = replace(world.policy, attempts=2)
    dataset_id = await leave_teardown(world)
    async with world.open_process(crash=die_at("archive")) as process:
        await process.engine.resume()
        await process.wait_for_crash()
    async with world.open_process(command=True) as process:
        with anyio.fail_after(30), pytest.raises(TeardownInProgressError) as refusal:
            await process.provision()
        assert (refusal.value.recovery, refusal.value.retry_after_s) == (Recovery.CHOOSE_OTHER, None)
        assert "stopped at the step 'archive'" in refusal.value.message
        assert "journey_completed" in str(refusal.value.suggested_action)
    left = await latest_of(world, dataset_id)
    assert (left.status, left.run) == (DatasetStatus.TEARDOWN, None)


async def test_a_stopped_teardown_past_its_point_of_no_return_is_to_be_called_again_not_waited_for(
    world: World,
) -> None:
    ready = await make_dataset(world)
    world.glean.faults.add(
        Fault(
            kind="status",
            operation=world.operation_name("datasources.delete"),
            status=403,
            times=None,
        )
    )
    async with world.open_process(command=True) as process:
        await process.complete_journey()
        with pytest.raises(LifecycleError):
            await process.tear_down(ready)
        with pytest.raises(PastNoReturnError) as refusal:
            await process.services.sagas.cancel(ready.dataset_id, OPERATOR)
    assert refusal.value.recovery is Recovery.CHOOSE_OTHER
    assert "Call the teardown again" in str(refusal.value.suggested_action)


async def test_a_dataset_without_a_run_is_not_abandoned(world: World) -> None:
    ready = await make_dataset(world)
    async with world.open_process() as process:
        assert not await process.services.sagas.is_abandoned(ready)
        run = await put_run(world, ready, "snapshot")
        assert await process.services.sagas.is_abandoned(ready.evolve(run=run))


async def latest(world: World, dataset: Dataset) -> Dataset:
    return await latest_of(world, dataset.dataset_id)


async def latest_of(world: World, dataset_id: str) -> Dataset:
    async with world.open_store() as store:
        found = await store.read(lambda uow: uow.datasets.get(dataset_id))
    assert found is not None
    return found


async def test_a_teardown_past_its_point_of_no_return_that_a_server_resumes_is_waited_for(
    world: World,
) -> None:
    dataset_id = await leave_teardown_past_no_return(world)
    async with world.open_process() as process:
        with pytest.raises(PastNoReturnError) as refusal:
            await process.services.sagas.cancel(dataset_id, OPERATOR)
    assert (refusal.value.recovery, refusal.value.facts["dataset_id"]) == (Recovery.WAIT, dataset_id)
