"""A teardown that stopped goes on from where it stood, whatever of its work was done already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import (
    CleanupFailedError,
    PlatformDeniedError,
    PlatformUnavailableError,
    PreconditionUnknownError,
    ProvisionFailedError,
    StagingFailedError,
    StoreFailedError,
)
from domain.model.enums import ConnectorOutcome, DatasetStatus, JourneyState, TeardownReason
from tests.support.inline_engine import CrashAt
from tests.support.interception import CallInterceptor, OnNthCall
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from domain.model.dataset import Dataset
    from domain.ports.staging import Staging
    from tests.support.world import Process, World


async def create_finished_dataset(process: Process) -> Dataset:
    await process.add_client_and_journey()
    dataset = await process.provision()
    await process.complete_journey()
    return await process.load_dataset(dataset.dataset_id)


async def check_stopped_at(process: Process, dataset: Dataset, step: str) -> Dataset:
    """The dataset, which must stand in TEARDOWN at that step, with nothing working on it."""
    held = await process.load_dataset(dataset.dataset_id)
    assert (held.status, held.run) == (DatasetStatus.TEARDOWN, None)
    assert held.teardown is not None
    assert held.teardown.failure is not None
    assert held.teardown.failure.step == step
    return held


async def finish_teardown(place: World, dataset: Dataset) -> None:
    """The next call finishes it, though by now the journey is active again: nothing is asked any more."""
    async with place.open_process() as process:
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        down = await process.tear_down(dataset)
        assert down.status is DatasetStatus.ARCHIVED
        assert (await process.load_event_kinds()).count("dataset:torn_down") == 1
        await process.deps.archives.verify(f"acme/sandbox/confluence_pages/{dataset.dataset_id}")
    assert (place.staged_files(), place.glean.datasources()) == ([], [])


async def test_staging_that_was_deleted_before_the_step_failed_is_not_asked_for_again(world: World) -> None:
    async def fail() -> None:
        raise StagingFailedError("the folder cannot be listed")

    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
    async with world.open_process(
        replace=lambda deps: replace(deps, staging=CallInterceptor(deps.staging, "list_attempts", fail))
    ) as process:
        with pytest.raises(StagingFailedError):
            await process.tear_down(dataset)
        await check_stopped_at(process, dataset, "delete")
        assert world.staged_files() == []
    await finish_teardown(world, dataset)


class UndeletableStaging:
    """A staging area that says that it deletes and does not."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the staging area has
        return getattr(self._staging, name)

    async def delete(self, dataset_id: str, attempt: int | None = None) -> None:
        pass


async def test_staging_that_is_still_there_is_not_called_deleted(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
    async with world.open_process(
        replace=lambda deps: replace(deps, staging=UndeletableStaging(deps.staging))
    ) as process:
        with pytest.raises(CleanupFailedError):
            await process.tear_down(dataset)
        await check_stopped_at(process, dataset, "delete")
        assert world.staged_files()
    await finish_teardown(world, dataset)


async def test_a_last_step_that_could_not_be_written_down_is_taken_again(world: World) -> None:
    async with world.open_process() as first:
        dataset = await create_finished_dataset(first)

        async def fail() -> None:
            raise StoreFailedError("the disk is full")

        failing = OnNthCall(fail)

        async def once_deleted() -> None:
            held = await first.load_dataset(dataset.dataset_id)
            if held.teardown and held.teardown.staging_deleted:
                await failing()

        async with world.open_process(
            replace=lambda deps: replace(deps, store=CallInterceptor(deps.store, "transact", once_deleted))
        ) as process:
            with pytest.raises(StoreFailedError):
                await process.tear_down(dataset)
            held = await check_stopped_at(process, dataset, "announce")
            assert held.teardown is not None
            assert held.teardown.staging_deleted
    await finish_teardown(world, dataset)


async def test_an_archive_damaged_after_the_disconnect_began_is_written_again_while_staging_is_whole(
    world: World,
) -> None:
    world.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=403))
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        with pytest.raises(PlatformDeniedError):
            await process.tear_down(dataset)
        await check_stopped_at(process, dataset, "disconnect")
    [documents] = (world.folder / "archives").rglob("documents.jsonl.zst")
    whole = documents.read_bytes()
    documents.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    await finish_teardown(world, dataset)
    assert documents.read_bytes() == whole


async def test_a_sync_that_does_not_stop_in_time_fails_the_teardown_there(world: World) -> None:
    world.policy = replace(world.policy, stop_deadline=timedelta(0))
    world.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        poor = await process.provision()
        world.glean.faults.add(Fault(kind="sync_hangs"))
        world.glean.faults.add(Fault(kind="status", operation="sync.stop", status=403, times=None))
        begun = await process.start_provision(retry=True)
        await process.wait_for_step(poor.dataset_id, "index")
        await process.services.sagas.cancel(poor.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError, match="Still to be undone: index"):
            await process.services.provisioning.wait(begun, 30)
        await process.complete_journey()
        world.clock.ahead += timedelta(
            hours=2
        )  # past its deadline a sync holds no teardown, and has to be stopped
        with pytest.raises(PlatformUnavailableError, match="had not stopped"):
            await process.tear_down(poor)
        await check_stopped_at(process, poor, "disconnect")
    assert len(world.glean.documents(poor.name)) == 27
    world.policy = replace(world.policy, stop_deadline=timedelta(minutes=5))
    world.glean.faults.clear()
    await finish_teardown(world, poor)


async def test_a_platform_that_cannot_search_is_not_asked_to(world: World) -> None:
    class Blind:
        def __init__(self, platform: Any) -> None:  # noqa: ANN401 - whatever the platform has
            self._platform = platform
            self.capabilities = replace(platform.capabilities, search=False)

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the same
            assert name != "search"
            return getattr(self._platform, name)

    async with world.open_process(
        replace=lambda deps: replace(deps, platform=Blind(deps.platform))
    ) as process:
        down = await process.tear_down(await create_finished_dataset(process))
    assert (down.status, world.glean.datasources()) == (DatasetStatus.ARCHIVED, [])


async def test_a_datasource_whose_making_was_never_answered_goes_too(world: World) -> None:
    world.glean.faults.add(
        Fault(kind="status", operation="datasources.create", status=403, applied=True, times=None)
    )
    world.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError, match="Still to be undone: connect") as failure:
            await process.provision()
        failed = await process.load_dataset(str(failure.value.facts["dataset_id"]))
        connector = await process.deps.store.read(lambda uow: uow.connectors.get(failed.connector_id or ""))
        assert connector is not None
        [made] = world.glean.datasources()
        assert connector.handle == made["id"]  # found by the undo, before it tried to delete it
        world.glean.faults.clear()
        down = await process.tear_down(failed, TeardownReason.PROVISION_FAILED)
    assert (down.status, world.glean.datasources(), world.staged_files()) == (DatasetStatus.ARCHIVED, [], [])
    assert down.teardown is not None
    assert down.teardown.connector_outcome is ConnectorOutcome.DELETED


async def test_a_check_that_cannot_be_made_before_the_disconnect_gives_the_dataset_back(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        begun = await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        assert begun.dataset.run is not None
        await process.engine.wait(begun.dataset.run.saga_id, 30)
    world.glean.faults.add(Fault(kind="status", operation="health.get", status=503, times=None))
    async with world.open_process() as process:
        with pytest.raises(PreconditionUnknownError, match="ready again"):
            await process.tear_down(dataset)
        held = await process.load_dataset(dataset.dataset_id)
    assert (held.status, held.run) == (DatasetStatus.READY, None)
    assert len(world.glean.documents(dataset.name)) == 30
