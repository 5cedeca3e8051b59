"""A saga that ends process after process is stopped and told of, and what it worked on can be taken up anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.archives import snapshot_failure
from domain.errors import (
    NothingRunningError,
    PlatformUnavailableError,
    ProvisionFailedError,
    ProvisionRunningError,
    Recovery,
)
from domain.giving_up import give_up
from domain.job import Policy
from domain.model import Run
from domain.stranding import Stranded
from domain.vocabulary import DatasetStatus, TeardownReason
from server.adapters.engine.inline import CrashAt, Entry
from server.sandbox.faults import Fault
from server.stranded import stranded_work
from tests.stepping_in import Before
from tests.waiting import eventually
from tests.world import ALL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model import Dataset, Undo
    from tests.world import Process, World

    Begin = Callable[[Process], Awaitable[object]]

ATTEMPTS = 3
DONE = TeardownReason.JOURNEY_COMPLETED


@pytest.fixture(autouse=True)
def few(place: World) -> None:
    place.policy = Policy(attempts=ATTEMPTS)


async def strand(place: World, begin: Begin, step: str, moment: str = "before") -> str:
    """Have one process after another die in that step of the saga that `begin` begins; its id."""
    saga_id = ""
    for number in range(ATTEMPTS):
        async with place.process(crash=CrashAt(step, moment)) as process:
            await (process.engine.resume() if number else begin(process))
            saga_id = list(place.journal)[-1]
            with anyio.fail_after(30):
                await place.journal[saga_id].left.wait()
            assert process.engine.dead
    assert place.journal[saga_id].deaths == [step] * ATTEMPTS
    return saga_id


async def first(process: Process) -> None:
    await process.arrive()
    await process.start()


async def stopped(process: Process, saga_id: str) -> Dataset:
    """The dataset after the next look."""
    await process.services.sagas.relieve()
    assert process.engine.journal[saga_id].ended
    dataset = await process.look(saga_id.split(":")[1])
    assert dataset.run is None
    return dataset


async def left(process: Process) -> list[Undo]:
    return await process.outside.store.read(lambda records: records.undos())


async def listed(process: Process) -> list[str]:
    return await process.outside.store.read(stranded_work)


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
    place: World, step: str, moment: str, undos: set[str]
) -> None:
    saga_id = await strand(place, first, step, moment)
    async with place.process() as process:
        await process.engine.resume()
        failed = await stopped(process, saga_id)
        assert failed.failure is not None
        assert (failed.status, failed.failure.step, failed.failure.code, failed.failure.recovery) == (
            DatasetStatus.FAILED,
            step,
            "saga_stranded",
            "needs_human",
        )
        assert f"{step!r} died, {ATTEMPTS} times" in failed.failure.message
        assert (await process.events())[-1] == "dataset:provision_failed"
        entry = (await process.entries())[-1]
        assert (entry.event, entry.data["code"]) == ("dataset:provision_failed", "saga_stranded")
        assert {each.what for each in await left(process)} == undos == set(failed.failure.to_undo)
        assert await listed(process) == [f"{failed.dataset_id} at the step {step!r}"]
        with pytest.raises(ProvisionFailedError, match="died") as told:
            await process.provision()
        assert (told.value.recovery, told.value.facts["cause"]) == (Recovery.NEEDS_HUMAN, "saga_stranded")

        await process.services.sagas.resume(patiently=False)
        undone, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        assert undone.failure is not None
        assert (undone.failure.to_undo, await left(process), place.staged()) == ((), [], [])
        assert place.glean.documents(failed.name) == []

        ready = await process.provision(retry=True)
        assert (ready.status, ready.attempt, ready.failure) == (DatasetStatus.READY, 2, None)
        assert await listed(process) == []


async def test_a_provision_that_ends_its_processes_while_it_is_undone_says_so_and_leaves_the_rest(
    place: World,
) -> None:
    place.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    place.glean.faults.add(Fault(kind="status", operation="uploads.discard", status=503, times=None))
    saga_id = await strand(place, first, "undo push", "inside")
    place.glean.faults.clear()
    async with place.process() as process:
        failed = await stopped(process, saga_id)
        assert failed.failure is not None
        assert failed.failure.step == "undo push"
        found = {each.what: each.cause for each in await left(process)}
        assert found.keys() == {"push", "connect", "populate"}
        assert "died" not in found["push"]  # tried in vain before, and that stands
        assert (await process.provision(retry=True)).status is DatasetStatus.READY
        assert await left(process) == []


async def test_what_was_undone_before_is_not_to_be_undone_again(place: World) -> None:
    place.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    saga_id = await strand(place, first, "undo connect")
    async with place.process() as process:
        await stopped(process, saga_id)
        assert {each.what for each in await left(process)} == {"connect", "populate"}


async def test_a_retry_that_ends_its_processes_leaves_what_was_served(place: World) -> None:
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with place.process() as process:
        await process.arrive()
        poor = await process.provision()
    saga_id = await strand(place, lambda process: process.start(retry=True), "push")
    async with place.process() as process:
        after = await stopped(process, saga_id)
        assert after.failure is not None
        assert (after.status, after.content, after.failure.step) == (
            DatasetStatus.VALIDATING,
            poor.content,
            "push",
        )
        assert (await process.provision(retry=True)).status is DatasetStatus.READY


async def teardown_begun(process: Process) -> None:
    await process.complete()
    [saga_id] = process.engine.journal
    await process.services.teardowns.start_or_attach(saga_id.split(":")[1], DONE, ALL)


@pytest.mark.parametrize("step", ["archive", "disconnect", "delete", "announce"])
async def test_a_teardown_that_ends_its_processes_stands_there_until_it_is_called_again(
    place: World, step: str
) -> None:
    async with place.process() as process:
        await process.arrive()
        await process.provision()
    saga_id = await strand(place, teardown_begun, step)
    async with place.process() as process:
        held = await stopped(process, saga_id)
        assert held.teardown is not None
        assert held.teardown.failure is not None
        assert (held.status, held.teardown.failure.step) == (DatasetStatus.TEARDOWN, step)
        assert "call the teardown again" in held.teardown.failure.suggested_action
        assert (await process.events())[-1] == "dataset:teardown_failed"
        assert await listed(process) == [f"{held.dataset_id} at the step {step!r}"]
        assert (await process.tear_down(held)).status is DatasetStatus.ARCHIVED
        assert await listed(process) == []
    assert place.staged() == []


async def test_who_waits_for_a_teardown_is_told_that_it_was_stopped(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        await process.provision()
    saga_id = await strand(place, teardown_begun, "archive")
    async with place.process() as process:
        begun = await process.services.teardowns.start_or_attach(saga_id.split(":")[1], DONE, ALL)
        assert begun.dataset.run is not None
        assert begun.dataset.run.saga_id != saga_id  # taken up by the call itself, which looked first
        assert (await process.services.teardowns.wait(begun, 30)).dataset.status is DatasetStatus.ARCHIVED


async def test_a_retry_takes_over_at_once_what_was_stopped(place: World) -> None:
    saga_id = await strand(place, first, "connect")
    async with place.process() as process:
        begun = await process.start(retry=True)
        assert begun.dataset.attempt == 2
        ready, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        assert ready.status is DatasetStatus.READY
        assert process.engine.journal[saga_id].ended


async def test_a_stopped_provision_can_be_taken_down(place: World) -> None:
    saga_id = await strand(place, first, "index", "inside")
    async with place.process() as process:
        down = await process.tear_down(saga_id.split(":")[1], TeardownReason.PROVISION_FAILED)
        assert down.status is DatasetStatus.ARCHIVED
        assert await left(process) == []
    assert place.staged() == []
    assert place.glean.documents(down.name) == []


async def test_a_stopped_saga_has_nothing_to_cancel(place: World) -> None:
    saga_id = await strand(place, first, "push")
    async with place.process() as process:
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(saga_id.split(":")[1], ALL)


async def test_a_stopped_saga_that_runs_after_all_finds_itself_superseded(place: World) -> None:
    saga_id = await strand(place, first, "push")
    async with place.process() as process:
        await stopped(process, saga_id)
        ready = await process.provision(retry=True)
        entry = place.journal[saga_id]
        entry.ended, entry.deaths, entry.owner = False, [], None
        before = place.glean.requests()
        await process.engine.resume()
        assert await process.engine.wait(saga_id, 30)
        assert entry.error is None
        assert await process.look(ready.dataset_id) == ready
        assert place.glean.requests() == before


async def failing_undo(process: Process) -> None:
    """A provision that fails and cannot be undone now; then, its undo begun."""
    await process.arrive()
    glean = process.world.glean
    glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
    with pytest.raises(ProvisionFailedError):
        await process.provision()
    glean.faults.clear()
    await process.services.sagas.resume(patiently=False)


@pytest.mark.parametrize("step", ["undo connect of 1", "list"])
async def test_leftovers_whose_removal_ends_its_processes_wait_for_a_retry(place: World, step: str) -> None:
    saga_id = await strand(place, failing_undo, step)
    assert saga_id.startswith("undo:")
    async with place.process() as process:
        assert await process.services.sagas.resume(patiently=False) == 0
        failed = await process.look(saga_id.split(":")[1])
        [undo] = await left(process)
        assert (failed.run, undo.what, undo.stopped, "died" in undo.cause) == (None, "connect", True, True)
        assert (await listed(process)) == [f"{failed.dataset_id}, taking back the step 'connect'"]
        assert (await process.provision(retry=True)).status is DatasetStatus.READY
        assert (await left(process), await listed(process)) == ([], [])


async def test_leftovers_of_which_one_is_stopped_are_removed_but_for_that_one(place: World) -> None:
    saga_id = await strand(place, failing_undo, "undo connect of 1")
    async with place.process() as process:
        await stopped(process, saga_id)
        [undo] = await left(process)
        other = replace(undo, what="populate", stopped=False)
        await process.outside.store.transact(lambda records: records.put_undo(other))
        assert await process.services.sagas.resume(patiently=False) == 1
        await process.services.sagas.wait(undo.dataset_id, 30)
        assert await left(process) == [undo]


async def snapshot_begun(process: Process) -> None:
    [saga_id] = process.engine.journal
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(process.services.snapshots.take, saga_id.split(":")[1], ALL)
        with anyio.fail_after(30):
            await eventually(lambda: len(process.engine.journal) > 1)
            await list(process.engine.journal.values())[-1].left.wait()
        tasks.cancel_scope.cancel()


async def test_a_snapshot_that_ends_its_processes_lets_go_and_can_be_taken_again(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
    saga_id = await strand(place, snapshot_begun, "archive")
    async with place.process() as process:
        await stopped(process, saga_id)
        kept = await process.outside.store.read(lambda records: snapshot_failure(records, ready.dataset_id))
        assert isinstance(kept, dict)
        assert (kept["code"], "take the snapshot again" in kept["suggested_action"]) == (
            "saga_stranded",
            True,
        )
        assert await process.look(ready.dataset_id) == ready
        assert (await process.services.snapshots.take(ready.dataset_id, ALL)).record_count == 30


async def test_a_saga_that_never_keeps_its_end_is_given_up_after_as_many_tries(place: World) -> None:
    place.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))

    def broken(step: str, moment: str) -> None:
        if (step, moment) == ("settle", "before"):
            raise ZeroDivisionError

    async with place.process(crash=broken) as process:
        await process.arrive()
        with pytest.raises(
            ProvisionFailedError, match=f"no end that could be kept, {ATTEMPTS} times"
        ) as told:
            await process.provision()
        dataset_id = str(told.value.facts["dataset_id"])
        assert list(place.journal) == [
            f"provision:{dataset_id}:1",
            *(f"provision:{dataset_id}:1~{each}" for each in range(2, ATTEMPTS + 1)),
        ]
        assert (told.value.facts["step"], told.value.facts["cause"]) == ("end", "saga_stranded")
        assert {each.what for each in await left(process)} == {"index", "push", "connect", "populate"}
        place.glean.faults.clear()
        assert (await process.provision(retry=True)).status is DatasetStatus.READY
        assert list(place.journal)[-1] == f"provision:{dataset_id}:2"


async def test_a_saga_that_is_its_datasets_no_more_is_forgotten_and_changes_nothing(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        for saga_id in (f"provision:{ready.dataset_id}:9", "teardown:acme-sandbox-confluence-000000:1"):
            place.journal[saga_id] = Entry(
                kind=saga_id.split(":")[0], dataset_id="", deaths=["push"] * ATTEMPTS
            )
        await process.services.sagas.relieve()
        assert all(each.ended for each in place.journal.values())
        assert await process.look(ready.dataset_id) == ready


async def test_a_turn_that_ends_its_processes_is_left_where_it_stands(place: World) -> None:
    turn = Entry(kind="schedule", dataset_id="health", deaths=["work"] * ATTEMPTS)
    place.journal["schedule:health:2026-03-01T12:05"] = turn
    async with place.process() as process:
        await process.services.sagas.relieve()
        await process.engine.resume()
        assert not turn.ended
        [stranded] = await process.engine.stranded()
        assert (stranded.kind, stranded.dataset_id) == ("schedule", "health")


async def test_a_run_that_only_another_release_knows_is_left_to_it(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        later = ready.evolve(run=Run(saga_id=f"reshape:{ready.dataset_id}:1", started_at=ready.created_at))
        await process.outside.store.transact(lambda records: records.put_dataset(later))
        assert await process.services.sagas.resume() == 1
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(ready.dataset_id, ALL)
        await process.complete()
        with pytest.raises(ProvisionRunningError):
            await process.tear_down(ready)
        assert await process.look(ready.dataset_id) == later
    assert not any(saga_id.startswith("reshape") for saga_id in place.journal)


async def test_a_store_that_fails_meanwhile_leaves_the_saga_to_the_next_look(place: World) -> None:
    saga_id = await strand(place, first, "push")
    broken = True

    async def fail() -> None:
        if broken:
            raise PlatformUnavailableError("away")

    async with place.process(
        replace=lambda outside: replace(outside, store=Before(outside.store, "transact", fail))
    ) as process:
        with pytest.raises(PlatformUnavailableError):
            await process.services.sagas.relieve()
        assert not place.journal[saga_id].ended
        broken = False
        assert (await stopped(process, saga_id)).status is DatasetStatus.FAILED


async def test_giving_up_twice_is_giving_up_once(place: World) -> None:
    saga_id = await strand(place, first, "push")
    async with place.process() as process:
        failed = await stopped(process, saga_id)
        again = Stranded(saga_id=saga_id, step="push", attempts=ATTEMPTS)
        await process.outside.store.transact(
            lambda records: give_up(again, process.outside.clock.now(), records)
        )
        assert await process.look(failed.dataset_id) == failed
        assert (await process.events()).count("dataset:provision_failed") == 1
