"""A saga that ends process after process is stopped and told of, and what it worked on can be taken up anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import (
    NothingRunningError,
    PlatformUnavailableError,
    ProvisionFailedError,
    ProvisionRunningError,
    Recovery,
)
from domain.lifecycle import PROVISION_SAGA
from domain.lifecycle.archives.archive import load_snapshot_failure
from domain.lifecycle.sagas.dead_letter import fail_dead_letter
from domain.model.enums import DatasetStatus, TeardownReason
from domain.model.run import Run
from domain.model.settings import LifecycleSettings
from domain.ports.engine import DeadLetter
from server.doctor.dead_letters import list_dead_letters
from tests.support.inline_engine import CrashAt, JournalEntry
from tests.support.interception import CallInterceptor
from tests.support.polling import wait_for
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model.dataset import Dataset
    from domain.model.run import PendingCompensation
    from tests.support.world import Process, World

    Begin = Callable[[Process], Awaitable[object]]

ATTEMPTS = 3
DONE = TeardownReason.JOURNEY_COMPLETED


@pytest.fixture(autouse=True)
def limit_attempts(world: World) -> None:
    world.policy = LifecycleSettings(attempts=ATTEMPTS)


async def exhaust_attempts(place: World, begin: Begin, step: str, moment: str = "before") -> str:
    """Have one process after another die in that step of the saga that `begin` begins; its id."""
    saga_id = ""
    for number in range(ATTEMPTS):
        async with place.open_process(crash=CrashAt(step, moment)) as process:
            await (process.engine.resume() if number else begin(process))
            saga_id = list(place.journal)[-1]
            with anyio.fail_after(30):
                await place.journal[saga_id].left.wait()
            assert process.engine.dead
    assert place.journal[saga_id].deaths == [step] * ATTEMPTS
    return saga_id


async def first(process: Process) -> None:
    await process.add_client_and_journey()
    await process.start_provision()


async def expect_dead_letter(process: Process, saga_id: str) -> Dataset:
    """The dataset after the next look."""
    await process.services.sagas.fail_dead_letters()
    assert process.engine.journal[saga_id].ended
    dataset = await process.load_dataset(saga_id.split(":")[1])
    assert dataset.run is None
    return dataset


async def list_compensations(process: Process) -> list[PendingCompensation]:
    return await process.deps.store.read(lambda uow: uow.compensations.find())


async def list_dead_letters_now(process: Process) -> list[str]:
    return await process.deps.store.read(list_dead_letters)


@pytest.mark.parametrize(
    ("step", "moment", "undos"),
    [
        ("clear", "before", set()),
        ("populate", "inside", {"populate"}),
        ("push", "inside", {"populate", "connect", "push"}),
        ("index", "before", {"populate", "connect", "push", "index"}),
    ],
)
async def test_a_provision_that_ends_its_processes_fails_is_undone_and_succeeds_at_the_next_retry(
    world: World, step: str, moment: str, undos: set[str]
) -> None:
    saga_id = await exhaust_attempts(world, first, step, moment)
    async with world.open_process() as process:
        await process.engine.resume()
        failed = await expect_dead_letter(process, saga_id)
        assert failed.failure is not None
        assert (failed.status, failed.failure.step, failed.failure.code, failed.failure.recovery) == (
            DatasetStatus.FAILED,
            step,
            "saga_stranded",
            "needs_human",
        )
        assert f"{step!r} {ATTEMPTS} times in a row" in failed.failure.message
        assert (await process.load_event_kinds())[-1] == "dataset:provision_failed"
        entry = (await process.load_audit_entries())[-1]
        assert (entry.event, entry.data["code"]) == ("dataset:provision_failed", "saga_stranded")
        assert (
            {each.what for each in await list_compensations(process)} == undos == set(failed.failure.to_undo)
        )
        assert await list_dead_letters_now(process) == [f"{failed.dataset_id} at the step {step!r}"]
        with pytest.raises(ProvisionFailedError, match="died") as told:
            await process.provision()
        assert (told.value.recovery, told.value.facts["cause"]) == (Recovery.NEEDS_HUMAN, "saga_stranded")

        await process.services.sagas.resume(respect_backoff=False)
        undone, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        assert undone.failure is not None
        assert (undone.failure.to_undo, await list_compensations(process), world.staged_files()) == (
            (),
            [],
            [],
        )
        assert world.glean.documents(failed.name) == []

        ready = await process.provision(retry=True)
        assert (ready.status, ready.attempt, ready.failure) == (DatasetStatus.READY, 2, None)
        assert await list_dead_letters_now(process) == []


async def test_a_provision_that_ends_its_processes_while_it_is_undone_says_so_and_leaves_the_rest(
    world: World,
) -> None:
    world.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    world.glean.faults.add(Fault(kind="status", operation="uploads.discard", status=503, times=None))
    saga_id = await exhaust_attempts(world, first, "undo push", "inside")
    world.glean.faults.clear()
    async with world.open_process() as process:
        failed = await expect_dead_letter(process, saga_id)
        assert failed.failure is not None
        assert failed.failure.step == "undo push"
        found = {each.what: each.cause for each in await list_compensations(process)}
        assert found.keys() == {"push", "connect", "populate"}
        assert "died" not in found["push"]  # tried in vain before, and that stands
        assert (await process.provision(retry=True)).status is DatasetStatus.READY
        assert await list_compensations(process) == []


async def test_what_was_undone_before_is_not_to_be_undone_again(world: World) -> None:
    world.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    saga_id = await exhaust_attempts(world, first, "undo connect")
    async with world.open_process() as process:
        await expect_dead_letter(process, saga_id)
        assert {each.what for each in await list_compensations(process)} == {"connect", "populate"}


async def test_a_retry_that_ends_its_processes_leaves_what_was_served(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        poor = await process.provision()
    saga_id = await exhaust_attempts(world, lambda process: process.start_provision(retry=True), "push")
    async with world.open_process() as process:
        after = await expect_dead_letter(process, saga_id)
        assert after.failure is not None
        assert (after.status, after.content, after.failure.step) == (
            DatasetStatus.VALIDATING,
            poor.content,
            "push",
        )
        assert (await process.provision(retry=True)).status is DatasetStatus.READY


async def teardown_begun(process: Process) -> None:
    await process.complete_journey()
    [saga_id] = process.engine.journal
    await process.services.teardowns.start_or_attach(saga_id.split(":")[1], DONE, OPERATOR)


@pytest.mark.parametrize("step", ["archive", "disconnect", "delete", "announce"])
async def test_a_teardown_that_ends_its_processes_stands_there_until_it_is_called_again(
    world: World, step: str
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
    saga_id = await exhaust_attempts(world, teardown_begun, step)
    async with world.open_process() as process:
        held = await expect_dead_letter(process, saga_id)
        assert held.teardown is not None
        assert held.teardown.failure is not None
        assert (held.status, held.teardown.failure.step) == (DatasetStatus.TEARDOWN, step)
        assert "call the teardown again" in held.teardown.failure.suggested_action
        assert (await process.load_event_kinds())[-1] == "dataset:teardown_failed"
        assert await list_dead_letters_now(process) == [f"{held.dataset_id} at the step {step!r}"]
        assert (await process.tear_down(held)).status is DatasetStatus.ARCHIVED
        assert await list_dead_letters_now(process) == []
    assert world.staged_files() == []


async def test_who_waits_for_a_teardown_is_told_that_it_was_stopped(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
    saga_id = await exhaust_attempts(world, teardown_begun, "archive")
    async with world.open_process() as process:
        begun = await process.services.teardowns.start_or_attach(saga_id.split(":")[1], DONE, OPERATOR)
        assert begun.dataset.run is not None
        assert begun.dataset.run.saga_id != saga_id  # taken up by the call itself, which looked first
        assert (await process.services.teardowns.wait(begun, 30)).dataset.status is DatasetStatus.ARCHIVED


async def test_a_retry_takes_over_at_once_what_was_stopped(world: World) -> None:
    saga_id = await exhaust_attempts(world, first, "connect")
    async with world.open_process() as process:
        begun = await process.start_provision(retry=True)
        assert begun.dataset.attempt == 2
        ready, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        assert ready.status is DatasetStatus.READY
        assert process.engine.journal[saga_id].ended


async def test_a_stopped_provision_can_be_taken_down(world: World) -> None:
    saga_id = await exhaust_attempts(world, first, "index", "inside")
    async with world.open_process() as process:
        down = await process.tear_down(saga_id.split(":")[1], TeardownReason.PROVISION_FAILED)
        assert down.status is DatasetStatus.ARCHIVED
        assert await list_compensations(process) == []
    assert world.staged_files() == []
    assert world.glean.documents(down.name) == []


async def test_a_stopped_saga_has_nothing_to_cancel(world: World) -> None:
    saga_id = await exhaust_attempts(world, first, "push")
    async with world.open_process() as process:
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(saga_id.split(":")[1], OPERATOR)


async def test_a_stopped_saga_that_runs_after_all_finds_itself_superseded(world: World) -> None:
    saga_id = await exhaust_attempts(world, first, "push")
    async with world.open_process() as process:
        await expect_dead_letter(process, saga_id)
        ready = await process.provision(retry=True)
        entry = world.journal[saga_id]
        entry.ended, entry.deaths, entry.owner = False, [], None
        before = world.glean.request_counts()
        await process.engine.resume()
        assert await process.engine.wait(saga_id, 30)
        assert entry.error is None
        assert await process.load_dataset(ready.dataset_id) == ready
        assert world.glean.request_counts() == before


async def failing_undo(process: Process) -> None:
    """A provision that fails and cannot be undone now; then, its undo begun."""
    await process.add_client_and_journey()
    glean = process.world.glean
    glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
    with pytest.raises(ProvisionFailedError):
        await process.provision()
    glean.faults.clear()
    await process.services.sagas.resume(respect_backoff=False)


@pytest.mark.parametrize("step", ["undo connect of 1", "list"])
async def test_leftovers_whose_removal_ends_its_processes_wait_for_a_retry(world: World, step: str) -> None:
    saga_id = await exhaust_attempts(world, failing_undo, step)
    assert saga_id.startswith("undo:")
    async with world.open_process() as process:
        assert await process.services.sagas.resume(respect_backoff=False) == 0
        failed = await process.load_dataset(saga_id.split(":")[1])
        [undo] = await list_compensations(process)
        assert (failed.run, undo.what, undo.stopped, "died" in undo.cause) == (None, "connect", True, True)
        assert (await list_dead_letters_now(process)) == [f"{failed.dataset_id}, undoing the step 'connect'"]
        assert (await process.provision(retry=True)).status is DatasetStatus.READY
        assert (await list_compensations(process), await list_dead_letters_now(process)) == ([], [])


async def test_leftovers_of_which_one_is_stopped_are_removed_but_for_that_one(world: World) -> None:
    saga_id = await exhaust_attempts(world, failing_undo, "undo connect of 1")
    async with world.open_process() as process:
        await expect_dead_letter(process, saga_id)
        [undo] = await list_compensations(process)
        other = replace(undo, what="populate", stopped=False)
        await process.deps.store.transact(lambda uow: uow.compensations.put(other))
        assert await process.services.sagas.resume(respect_backoff=False) == 1
        await process.services.sagas.wait(undo.dataset_id, 30)
        assert await list_compensations(process) == [undo]


async def snapshot_begun(process: Process) -> None:
    [saga_id] = process.engine.journal
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(process.services.snapshots.take, saga_id.split(":")[1], OPERATOR)
        with anyio.fail_after(30):
            await wait_for(lambda: len(process.engine.journal) > 1)
            await list(process.engine.journal.values())[-1].left.wait()
        tasks.cancel_scope.cancel()


async def test_a_snapshot_that_ends_its_processes_lets_go_and_can_be_taken_again(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
    saga_id = await exhaust_attempts(world, snapshot_begun, "archive")
    async with world.open_process() as process:
        await expect_dead_letter(process, saga_id)
        kept = await process.deps.store.read(lambda uow: load_snapshot_failure(uow, ready.dataset_id))
        assert isinstance(kept, dict)
        assert (kept["code"], "take the snapshot again" in kept["suggested_action"]) == (
            "saga_stranded",
            True,
        )
        assert await process.load_dataset(ready.dataset_id) == ready
        assert (await process.services.snapshots.take(ready.dataset_id, OPERATOR)).record_count == 30


async def test_a_saga_that_never_keeps_its_end_is_given_up_after_as_many_tries(world: World) -> None:
    world.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))

    def break_settling(step: str, moment: str) -> None:
        if (step, moment) == ("settle", "before"):
            raise ZeroDivisionError

    async with world.open_process(crash=break_settling) as process:
        await process.add_client_and_journey()
        with pytest.raises(
            ProvisionFailedError, match=f"ended {ATTEMPTS} times without a recorded outcome"
        ) as told:
            await process.provision()
        dataset_id = str(told.value.facts["dataset_id"])
        assert list(world.journal) == [
            f"provision:{dataset_id}:1",
            *(f"provision:{dataset_id}:1~{each}" for each in range(2, ATTEMPTS + 1)),
        ]
        assert (told.value.facts["step"], told.value.facts["cause"]) == ("end", "saga_stranded")
        assert {each.what for each in await list_compensations(process)} == {
            "index",
            "push",
            "connect",
            "populate",
        }
        world.glean.faults.clear()
        assert (await process.provision(retry=True)).status is DatasetStatus.READY
        assert list(world.journal)[-1] == f"provision:{dataset_id}:2"


async def test_a_saga_that_is_its_datasets_no_more_is_forgotten_and_changes_nothing(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        for saga_id in (f"provision:{ready.dataset_id}:9", "teardown:acme-sandbox-confluence-000000:1"):
            world.journal[saga_id] = JournalEntry(
                kind=saga_id.split(":")[0], dataset_id="", deaths=["push"] * ATTEMPTS
            )
        await process.services.sagas.fail_dead_letters()
        assert all(each.ended for each in world.journal.values())
        assert await process.load_dataset(ready.dataset_id) == ready


async def test_a_turn_that_ends_its_processes_is_left_where_it_stands(world: World) -> None:
    turn = JournalEntry(kind="schedule", dataset_id="health", deaths=["work"] * ATTEMPTS)
    world.journal["schedule:health:2026-03-01T12:05"] = turn
    async with world.open_process() as process:
        await process.services.sagas.fail_dead_letters()
        await process.engine.resume()
        assert not turn.ended
        [stranded] = await process.engine.fetch_dead_letters()
        assert (stranded.kind, stranded.dataset_id) == ("schedule", "health")


async def test_a_run_that_only_another_release_knows_is_left_to_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        later = ready.evolve(run=Run(saga_id=f"reshape:{ready.dataset_id}:1", started_at=ready.created_at))
        await process.deps.store.transact(lambda uow: uow.datasets.put(later))
        assert await process.services.sagas.resume() == 1
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(ready.dataset_id, OPERATOR)
        await process.complete_journey()
        later = await process.load_dataset(ready.dataset_id)
        with pytest.raises(ProvisionRunningError):
            await process.tear_down(ready)
        assert await process.load_dataset(ready.dataset_id) == later
    assert not any(saga_id.startswith("reshape") for saga_id in world.journal)


async def test_a_store_that_fails_meanwhile_leaves_the_saga_to_the_next_look(world: World) -> None:
    saga_id = await exhaust_attempts(world, first, "push")
    broken = True

    async def fail() -> None:
        if broken:
            raise PlatformUnavailableError("away")

    async with world.open_process(
        replace=lambda deps: replace(deps, store=CallInterceptor(deps.store, "transact", fail))
    ) as process:
        with pytest.raises(PlatformUnavailableError):
            await process.services.sagas.fail_dead_letters()
        assert not world.journal[saga_id].ended
        broken = False
        assert (await expect_dead_letter(process, saga_id)).status is DatasetStatus.FAILED


async def test_giving_up_twice_is_giving_up_once(world: World) -> None:
    saga_id = await exhaust_attempts(world, first, "push")
    async with world.open_process() as process:
        failed = await expect_dead_letter(process, saga_id)
        again = DeadLetter(saga_id=saga_id, step="push", attempts=ATTEMPTS)
        await process.deps.store.transact(
            lambda uow: fail_dead_letter(PROVISION_SAGA, again, process.deps.clock.now(), uow)
        )
        assert await process.load_dataset(failed.dataset_id) == failed
        assert (await process.load_event_kinds()).count("dataset:provision_failed") == 1
