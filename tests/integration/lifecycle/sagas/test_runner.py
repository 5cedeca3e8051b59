"""Sagas as callers see them: waited for, cancelled, resumed once, and begun anew when their end was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import (
    ArchiveFailedError,
    NothingRunningError,
    PastNoReturnError,
    PlatformDeniedError,
    ProvisionFailedError,
    ProvisionRunningError,
    Recovery,
    StaleDatasetError,
    StoreFailedError,
    StoreUnavailableError,
    TeardownInProgressError,
    UnknownDatasetError,
)
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, TeardownReason
from domain.model.principal import Principal
from domain.model.run import PendingCompensation, Run
from domain.ports import DatasetQuery
from tests.support.content.template_repository import write_template
from tests.support.inline_engine import CrashAt, JournalEntry
from tests.support.interception import CallInterceptor, OnNthCall
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

STRANGER = Principal(subject="agent:x", clients=frozenset({"globex"}))
DONE = TeardownReason.JOURNEY_COMPLETED


async def put(process: Process, dataset: Dataset) -> None:
    await process.deps.store.transact(lambda uow: uow.datasets.put(dataset))


async def test_a_dataset_that_is_not_there_cannot_be_waited_for_shown_or_cancelled(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        for call in (
            process.services.sagas.wait("acme-sandbox-confluence-000000", None),
            process.services.sagas.cancel("acme-sandbox-confluence-000000", OPERATOR),
            process.services.sagas.cancel(ready.dataset_id, STRANGER),
            process.services.datasets.show(ready.dataset_id, STRANGER),
        ):
            with pytest.raises(UnknownDatasetError) as refusal:
                await call
            assert refusal.value.field == "dataset_id"


async def test_a_wait_without_a_limit_ends_with_the_saga(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        dataset, progress = await process.services.sagas.wait(begun.dataset.dataset_id, None)
    assert (dataset.status, progress) == (DatasetStatus.READY, None)


async def test_a_wait_tells_what_a_stuck_saga_waits_for_and_ends_when_nobody_looks_on(world: World) -> None:
    full = StoreUnavailableError("The disk is full.", recovery=Recovery.NEEDS_HUMAN)
    away = StoreUnavailableError("The database is away.")
    async with world.open_process(crash=CrashAt("connect", "before")) as process:
        await process.add_client_and_journey()
        held = (await process.start_provision()).dataset
        assert held.run is not None
        await process.wait_for_crash()
        sagas = process.services.sagas
        process.deps.waits.begin(held.run.saga_id, full)
        told: list[StoreUnavailableError] = []
        _, _ = await sagas.wait(held.dataset_id, 0.01)
        sagas.react_to_stuck(told.append)
        _, _ = await sagas.wait(held.dataset_id, 0.01)  # somebody looks on
        assert set(told) == {full}

        def give_up(error: StoreUnavailableError) -> None:
            raise error

        sagas.react_to_stuck(give_up)
        with pytest.raises(StoreUnavailableError, match="The disk is full"):
            await sagas.wait(held.dataset_id, 30)
        process.deps.waits.begin(held.run.saga_id, away)  # it may come back by itself
        waiting, _ = await sagas.wait(held.dataset_id, 0.01)
        assert waiting.run is not None


async def test_what_nobody_works_on_needs_no_saga(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        sagas = list(world.journal)
        await process.services.sagas.ensure_running(ready)
        assert list(world.journal) == sagas


async def test_a_saga_that_ended_and_gave_its_run_back_is_not_begun_anew(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        ready = await process.provision()
        sagas = list(world.journal)
        await process.services.sagas.ensure_running(begun.dataset)  # as who saw it run a moment ago
        assert list(world.journal) == sagas
        assert await process.load_dataset(ready.dataset_id) == ready


async def test_a_saga_whose_end_is_lost_again_and_again_is_begun_under_ever_new_ids(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        ready = await process.provision()
        for again in (2, 3):
            run = replace(begun.dataset.run or Run(saga_id="", started_at=ready.created_at))
            lost = run if again == 2 else replace(run, saga_id=f"{run.saga_id}~2")
            await put(process, ready.evolve(status=DatasetStatus.VALIDATING, run=lost))
            after = await process.provision()
            assert (after.status, list(world.journal)[-1]) == (DatasetStatus.READY, f"{run.saga_id}~{again}")


async def test_who_waits_sees_to_a_saga_that_could_not_write_its_end_down(world: World) -> None:
    armed = False

    def arm(step: str, moment: str) -> None:
        nonlocal armed
        armed = (step, moment) == ("settle", "before") and "~" not in list(world.journal)[-1]

    async def fail() -> None:
        nonlocal armed
        if armed:
            armed = False
            raise StoreFailedError("the disk is full")

    write_template(world.repository, DatasetType.CONFLUENCE_PAGES, []).write_text("{")
    async with world.open_process(
        crash=arm, replace=lambda deps: replace(deps, store=CallInterceptor(deps.store, "transact", fail))
    ) as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision()
    dataset_id = str(failure.value.facts["dataset_id"])
    assert list(world.journal) == [f"provision:{dataset_id}:1", f"provision:{dataset_id}:1~2"]
    assert isinstance(world.journal[f"provision:{dataset_id}:1"].error, StoreFailedError)


async def test_resuming_twice_starts_nothing_twice(world: World) -> None:
    async with world.open_process(crash=CrashAt("push", "after")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_crash()
    async with world.open_process() as process:
        assert await process.services.sagas.resume(respect_backoff=False) == 1
        assert await process.services.sagas.resume(respect_backoff=False) <= 1
        dataset, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        assert dataset.status is DatasetStatus.READY
        assert await process.services.sagas.resume(respect_backoff=False) == 0
    assert list(world.journal) == [f"provision:{dataset.dataset_id}:1"]
    assert [entry.operation for entry in world.glean.ledger()].count("datasources.create") == 1


async def test_a_saga_of_a_run_that_is_another_by_now_touches_nothing(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        before = world.glean.request_counts()
        for kind in ("provision", "teardown", "undo"):
            for dataset_id in (ready.dataset_id, "acme-sandbox-confluence-000000"):
                saga_id = f"{kind}:{dataset_id}:9"
                await process.engine.start(kind, saga_id, dataset_id)
                assert await process.engine.wait(saga_id, 30)
                assert world.journal[saga_id].error is None
        assert await process.load_dataset(ready.dataset_id) == ready
        assert world.glean.request_counts() == before
    assert len(world.staged_files()) == 1


async def leftovers(process: Process, *, retry: bool) -> Dataset:
    """A dataset with an undo that could not be done; of a retry, with its former content served."""
    glean = process.world.glean
    await process.add_client_and_journey()
    if retry:
        glean.faults.add(Fault(kind="sync_loses", documents=3))
        await process.provision()
    glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    operation = "uploads.discard" if retry else "datasources.delete"
    glean.faults.add(Fault(kind="status", operation=operation, status=503, times=None))
    with pytest.raises(ProvisionFailedError) as failure:
        await process.provision(retry=retry)
    glean.faults.clear()
    return await process.load_dataset(str(failure.value.facts["dataset_id"]))


async def test_the_removal_of_leftovers_cannot_be_cancelled(world: World) -> None:
    async with world.open_process(crash=CrashAt("undo connect of 1", "before")) as process:
        failed = await leftovers(process, retry=False)
        await process.services.sagas.resume(respect_backoff=False)
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(failed.dataset_id, OPERATOR)


async def test_leftovers_are_removed_once_when_the_process_dies_meanwhile(world: World) -> None:
    async with world.open_process(crash=CrashAt("undo connect of 1", "inside")) as process:
        failed = await leftovers(process, retry=False)
        await process.services.sagas.resume(respect_backoff=False)
        await process.wait_for_crash()
        assert process.engine.dead
    async with world.open_process() as process:
        await process.services.sagas.resume(respect_backoff=False)
        undone, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        assert await process.deps.store.read(lambda uow: uow.compensations.find()) == []
    assert undone.failure is not None
    assert (undone.run, undone.failure.to_undo) == (None, ())
    assert [entry.operation for entry in world.glean.ledger()].count("datasources.delete") == 1


async def test_leftovers_of_a_dataset_that_became_ready_are_removed_all_the_same(world: World) -> None:
    async with world.open_process() as process:
        poor = await leftovers(process, retry=True)
        assert poor.status is DatasetStatus.VALIDATING
        await put(process, poor.evolve(status=DatasetStatus.READY, failure=None))  # as a re-check found it
        assert await process.deps.store.read(lambda uow: uow.compensations.find())
        assert await process.services.sagas.resume(respect_backoff=False) == 1
        ready, _ = await process.services.sagas.wait(poor.dataset_id, 30)
        assert (ready.status, ready.run, ready.failure) == (DatasetStatus.READY, None, None)
        assert await process.deps.store.read(lambda uow: uow.compensations.find()) == []


async def test_a_retry_of_what_serves_waits_for_the_removal_of_leftovers(world: World) -> None:
    async with world.open_process() as process:
        poor = await leftovers(process, retry=True)
        run = Run(saga_id=f"undo:{poor.dataset_id}:2:1", started_at=world.clock.now())
        await put(process, poor.evolve(run=run))
        with pytest.raises(ProvisionRunningError):
            await process.start_provision(retry=True)
        await process.complete_journey()
        with pytest.raises(ProvisionRunningError, match="being removed"):
            await process.tear_down(poor)


async def test_a_bug_in_an_undo_is_kept_as_its_cause_and_ends_its_saga(world: World) -> None:
    async def fail_by_bug() -> None:
        raise KeyError("a bug")

    async with world.open_process() as process:
        failed = await leftovers(process, retry=False)
    async with world.open_process(
        replace=lambda deps: replace(
            deps, platform=CallInterceptor(deps.platform, "delete_datasource", fail_by_bug)
        )
    ) as process:
        await process.services.sagas.resume(respect_backoff=False)
        after, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        [left] = await process.deps.store.read(lambda uow: uow.compensations.find())
    assert (after.run, left.tries, left.what) == (None, 2, "connect")
    assert "fault of this program" in left.cause


async def test_leftovers_wait_while_something_else_works_on_the_dataset(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "before")) as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        left = PendingCompensation(
            dataset_id=ready.dataset_id, attempt=1, what="push", cause="away", since=world.clock.now()
        )
        await process.deps.store.transact(lambda uow: uow.compensations.put(left))
        await process.complete_journey()
        await process.services.teardowns.start_or_attach(ready.dataset_id, DONE, OPERATOR)
        await process.wait_for_crash()
    async with world.open_process() as process:
        assert await process.services.sagas.resume(respect_backoff=False) == 1
        assert not any(saga_id.startswith("undo") for saga_id in world.journal)
        down, _ = await process.services.sagas.wait(ready.dataset_id, 30)
        assert down.status is DatasetStatus.ARCHIVED
        assert await process.deps.store.read(lambda uow: uow.compensations.find()) == []


async def stop_teardown_at(place: World, step: str) -> Dataset:
    """A dataset whose teardown stopped at that step, and nothing works on it."""
    async with place.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        await process.complete_journey()
        if step == "archive":
            (place.folder / "archives").mkdir(exist_ok=True)
            (place.folder / "archives" / "acme").write_text("no folder")
            with pytest.raises(ArchiveFailedError):
                await process.tear_down(ready)
            (place.folder / "archives" / "acme").unlink()
        else:
            place.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=403))
            with pytest.raises(PlatformDeniedError):
                await process.tear_down(ready)
        return await process.load_dataset(ready.dataset_id)


async def test_a_teardown_that_stopped_before_the_disconnect_can_still_be_cancelled(world: World) -> None:
    held = await stop_teardown_at(world, "archive")
    assert (held.status, held.run) == (DatasetStatus.TEARDOWN, None)
    async with world.open_process() as process:
        await process.services.sagas.cancel(held.dataset_id, OPERATOR)
        back, _ = await process.services.sagas.wait(held.dataset_id, 30)
        assert (back.status, back.run) == (DatasetStatus.READY, None)
        assert (await process.load_event_kinds())[-1] == "dataset:teardown_failed"
        assert back.teardown is not None
        assert back.teardown.failure is not None
        assert back.teardown.failure.code == "cancelled"
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(held.dataset_id, OPERATOR)
    assert len(world.glean.documents(held.name)) == 30


async def test_a_teardown_that_stopped_past_the_disconnect_cannot_be_cancelled(world: World) -> None:
    held = await stop_teardown_at(world, "disconnect")
    async with world.open_process() as process:
        with pytest.raises(PastNoReturnError):
            await process.services.sagas.cancel(held.dataset_id, OPERATOR)
        assert await process.load_dataset(held.dataset_id) == held
        assert (await process.tear_down(held)).status is DatasetStatus.ARCHIVED
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(held.dataset_id, OPERATOR)


async def test_who_waited_for_a_provision_is_told_that_the_dataset_was_taken_down_meanwhile(
    world: World,
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        ready = await process.provision()
        await process.complete_journey()
        await process.tear_down(ready)
        with pytest.raises(TeardownInProgressError, match="archived") as refusal:
            await process.services.provisioning.wait(begun, 30)
    assert refusal.value.facts["dataset_id"] == ready.dataset_id


def before_observing(step: OnNthCall) -> Callable[[Dependencies], Dependencies]:
    """What a process is made with, to have something happen before the platform is asked how a connector is."""
    return lambda deps: replace(deps, platform=CallInterceptor(deps.platform, "observe", step))


async def test_two_teardowns_at_once_are_one(world: World) -> None:
    async def overtake() -> None:
        await process.services.teardowns.start_or_attach(ready.dataset_id, DONE, OPERATOR)

    async with world.open_process() as first:
        await first.add_client_and_journey()
        ready = await first.provision()
        await first.complete_journey()
    async with world.open_process(replace=before_observing(OnNthCall(overtake))) as process:
        down = await process.tear_down(ready)
        assert down.teardown is not None
        assert (down.status, down.teardown.run) == (DatasetStatus.ARCHIVED, 1)
        assert (await process.load_event_kinds()).count("dataset:torn_down") == 1


async def test_a_dataset_that_changed_since_it_was_looked_at_is_not_claimed(world: World) -> None:
    async def change() -> None:
        await put(process, ready.evolve(protected_until=world.clock.now()))

    async with world.open_process() as first:
        await first.add_client_and_journey()
        made = await first.provision()
        await first.complete_journey()
        ready = await first.load_dataset(made.dataset_id)
    async with world.open_process(replace=before_observing(OnNthCall(change))) as process:
        with pytest.raises(StaleDatasetError):
            await process.tear_down(ready)
        held = await process.load_dataset(ready.dataset_id)
        assert held.status is DatasetStatus.READY
        # Nor is it for who decided on the earlier generation.
        teardowns = process.services.teardowns
        with pytest.raises(StaleDatasetError):
            await teardowns.start_or_attach(ready.dataset_id, DONE, OPERATOR, generation=ready.generation)
        begun = await teardowns.start_or_attach(ready.dataset_id, DONE, OPERATOR, generation=held.generation)
        assert (await teardowns.wait(begun, 30)).dataset.status is DatasetStatus.ARCHIVED


async def test_a_cancel_in_the_very_last_moment_still_gives_the_dataset_back(world: World) -> None:
    async def cancel() -> None:
        await process.services.sagas.cancel(ready.dataset_id, OPERATOR)

    async with world.open_process() as first:
        await first.add_client_and_journey()
        ready = await first.provision()
        await first.complete_journey()
    # Observed before the claim, before the archive, before the disconnect, and right before the first removal.
    async with world.open_process(replace=before_observing(OnNthCall(cancel, nth=4))) as process:
        begun = await process.services.teardowns.start_or_attach(ready.dataset_id, DONE, OPERATOR)
        back, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
    assert back.status is DatasetStatus.READY
    assert back.teardown is not None
    assert back.teardown.failure is not None
    assert (back.teardown.failure.code, back.teardown.failure.step) == ("cancelled", "disconnect")
    assert len(world.glean.documents(ready.name)) == 30


async def test_a_page_of_datasets_is_filled_with_what_the_caller_may_see(world: World) -> None:
    async with world.open_process() as process:
        for client_id in ("acme", "globex"):
            await process.add_client_and_journey(client_id)
            for dataset_type in (DatasetType.CONFLUENCE_PAGES, DatasetType.JIRA_ISSUES):
                await process.provision(client_id=client_id, dataset_type=dataset_type)
        datasets = process.services.datasets
        everything = [each.dataset_id for each in await datasets.list(DatasetQuery(), OPERATOR)]
        theirs = [each for each in everything if each.startswith("globex")]
        assert [each.dataset_id for each in await datasets.list(DatasetQuery(limit=1), STRANGER)] == theirs[
            :1
        ]
        assert [each.dataset_id for each in await datasets.list(DatasetQuery(limit=2), STRANGER)] == theirs
        rest = DatasetQuery(limit=2, after=theirs[0])
        assert [each.dataset_id for each in await datasets.list(rest, STRANGER)] == theirs[1:]
        assert [
            each.dataset_id for each in await datasets.list(DatasetQuery(limit=3), OPERATOR)
        ] == everything[:3]


async def test_a_dataset_is_shown_with_everything_that_is_known_of_it(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_step(begun.dataset.dataset_id, "index")
        running = await process.services.datasets.show(begun.dataset.dataset_id, OPERATOR)
        assert running.progress is not None
        assert running.progress.step == "index"
        assert running.connector is not None
        assert (running.archive, running.undos) == (None, [])
        assert getattr(running.journey, "state", None) is JourneyState.ACTIVE
        await process.services.sagas.cancel(begun.dataset.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        failed = await process.services.datasets.show(begun.dataset.dataset_id, OPERATOR)
        assert (failed.progress, failed.connector) == (None, None)
        assert [str(event.kind) for _, event in failed.events] == await process.load_event_kinds()


async def test_a_dataset_of_many_events_is_shown_with_its_last_fifty_in_order(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        _, one = (await process.services.datasets.show(dataset.dataset_id, OPERATOR)).events[-1]
        later = [replace(one, at=one.at + timedelta(hours=number)) for number in range(1, 61)]
        await process.deps.store.transact(lambda uow: uow.events.append(*later))
        shown = await process.services.datasets.show(dataset.dataset_id, OPERATOR)
    assert [event for _, event in shown.events] == later[-50:]


async def test_a_process_that_ends_lets_go_of_everybody_who_waits(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_step(begun.dataset.dataset_id, "index")
        left: list[Dataset] = []

        async def wait() -> None:
            left.append((await process.services.provisioning.wait(begun, 600)).dataset)

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
                process.services.sagas.release_waiters()
            await wait()
    sagas = [each.run and each.run.saga_id for each in left]
    assert sagas == [begun.dataset.run and begun.dataset.run.saga_id] * 2


async def test_a_process_is_idle_when_all_that_it_would_do_is_done(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        with anyio.fail_after(30):
            await process.services.sagas.wait_until_idle()
        ready = await process.load_dataset(begun.dataset.dataset_id)
        assert (ready.status, ready.run) == (DatasetStatus.READY, None)


async def test_a_process_does_not_wait_for_the_work_of_others(world: World) -> None:
    async with world.open_process() as process, world.open_process() as other:
        await process.add_client_and_journey()
        ready = await process.provision()
        elsewhere = Run(saga_id=f"snapshot:{ready.dataset_id}:x", started_at=ready.created_at)
        world.journal[elsewhere.saga_id] = JournalEntry("snapshot", ready.dataset_id, owner=other.engine)
        unknown = Run(saga_id=f"polish:{ready.dataset_id}:x", started_at=ready.created_at)
        for run in (elsewhere, unknown):
            await put(process, ready.evolve(run=run))
            with anyio.fail_after(30):
                await process.services.sagas.wait_until_idle()


async def test_sagas_that_were_left_start_in_the_order_of_their_admission(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        kinds = list(DatasetType)
        admitted = [
            Run(saga_id=f"snapshot:{ready.dataset_id}-{number}:x", started_at=world.clock.now() + age)
            for number, age in enumerate(map(timedelta, (3, 1, 2)))
        ]
        for kind, run in zip(kinds[1:], admitted, strict=True):
            dataset_id = run.saga_id.split(":")[1]
            await put(process, replace(ready, dataset_id=dataset_id, dataset_type=kind, run=run))
        before = len(world.journal)
        assert await process.services.sagas.resume() == len(admitted)
    begun = list(world.journal)[before:]
    assert begun == [admitted[1].saga_id, admitted[2].saga_id, admitted[0].saga_id]
