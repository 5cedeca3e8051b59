"""A retry is a new attempt beside the old content, and takes back only what it made itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import JourneyNotActiveError, ProvisionFailedError, ProvisionRunningError
from domain.model.enums import DatasetStatus, DatasetType, JourneyState
from server.adapters.glean.admin.platform import AdminPlatform
from tests.support.content.template_repository import confluence_page, write_template
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

PAGES = DatasetType.CONFLUENCE_PAGES

pytestmark = pytest.mark.each_store


async def provision_short_of_three(place: World, process: Process) -> Dataset:
    """A dataset that is VALIDATING because its sync lost three documents, or, where none tells that, by its content."""
    if place.dialect is AdminPlatform:
        place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    else:
        poor = [{**confluence_page(number), "author_email": "nobody@"} for number in range(27)]
        write_template(place.repository, PAGES, poor)
    await process.add_client_and_journey()
    dataset = await process.provision()
    assert dataset.status is DatasetStatus.VALIDATING
    return dataset


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", operation="documents.upload", status=422, times=None),
        Fault(kind="status", operation="sync.start", status=403, times=None),
        Fault(kind="sync_fails"),
        Fault(kind="timeout", operation="sync.find", times=4),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.operation}",
)
async def test_a_retry_that_fails_leaves_the_old_content_served(world: World, fault: Fault) -> None:
    world.timeout_s = 0.3
    async with world.open_process() as process:
        before = await provision_short_of_three(world, process)
        served = world.served_document_ids(before.name)
        write_template(world.repository, PAGES, [confluence_page(number) for number in range(50, 60)])
        world.glean.faults.add(fault)
        with pytest.raises(ProvisionFailedError, match="earlier content is still served"):
            await process.provision(retry=True)
        world.glean.faults.clear()
        await process.services.sagas.resume(respect_backoff=False)
        after, _ = await process.services.sagas.wait(before.dataset_id, 30)
    assert after.status is DatasetStatus.VALIDATING
    assert (after.attempt, after.content, after.staged) == (2, before.content, None)
    now = world.served_document_ids(before.name)
    assert [each for each in now if each in served] == served
    assert set(now) <= {f"P{number}" for number in range(30)}
    assert world.staged_files() == [f"{before.dataset_id}/1.jsonl"]
    assert after.failure is not None
    assert after.failure.to_undo == ()


async def test_a_retry_whose_sync_cannot_be_read_does_not_claim_what_is_served(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_short_of_three(world, process)
        write_template(world.repository, PAGES, [confluence_page(number) for number in range(50, 60)])
        world.glean.faults.add(Fault(kind="status", operation="sync.find", status=503, times=None))
        with pytest.raises(
            ProvisionFailedError, match="is not known until the step 'index' is undone"
        ) as caught:
            await process.provision(retry=True)
        assert "still served" not in caught.value.message
        world.glean.faults.clear()
        await process.services.sagas.resume(respect_backoff=False)
        after, _ = await process.services.sagas.wait(before.dataset_id, 30)
    assert after.failure is not None
    assert after.failure.to_undo == ()
    assert set(world.served_document_ids(before.name)) <= {f"P{number}" for number in range(30)}


@pytest.mark.each_dialect
async def test_a_retry_that_succeeds_replaces_the_old_content_wholly(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_short_of_three(world, process)
        write_template(world.repository, PAGES, [confluence_page(number) for number in range(50, 60)])
        after = await process.provision(retry=True)
    assert (after.status, after.attempt, after.record_count) == (DatasetStatus.READY, 2, 10)
    assert after.connector_id == before.connector_id
    assert set(world.served_document_ids(after.name)) == {f"P{number}" for number in range(50, 60)}
    assert world.staged_files() == [f"{after.dataset_id}/2.jsonl"]
    [source] = world.glean.datasources()
    if world.dialect is AdminPlatform:
        assert sorted(source["config"]["spaceKeys"]) == ["ENG", "OPS"]


@pytest.mark.each_dialect
async def test_a_retry_that_is_cancelled_before_its_content_is_served_changes_nothing(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_short_of_three(world, process)
        served = world.served_document_ids(before.name)
        world.glean.faults.add(Fault(kind="sync_hangs"))
        begun = await process.start_provision(retry=True)
        await process.wait_for_step(before.dataset_id, "index")
        await process.services.sagas.cancel(before.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError):
            await process.services.provisioning.wait(begun, 30)
        after = await process.load_dataset(before.dataset_id)
    assert (after.status, after.content) == (DatasetStatus.VALIDATING, before.content)
    assert world.served_document_ids(before.name) == served


@pytest.mark.each_dialect
async def test_what_stops_a_retry_after_its_content_is_served_leaves_the_new_content(world: World) -> None:
    async with world.open_process(crash=CrashAt("index", "after")) as process:
        before = await provision_short_then_crash(world, process)
    async with world.open_process() as process:
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("health.get"), status=403, times=None)
        )
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        after = await process.load_dataset(before)
    assert after.status is DatasetStatus.VALIDATING
    assert after.content is not None
    assert after.content.attempt == 2
    assert len(world.served_document_ids(after.name)) == 10
    assert world.staged_files() == [f"{before}/2.jsonl"]


async def provision_short_then_crash(place: World, process: Process) -> str:
    """The first attempt ends VALIDATING in a process of its own; the second dies in this one."""
    async with place.open_process() as first:
        before = await provision_short_of_three(place, first)
    write_template(place.repository, PAGES, [confluence_page(number) for number in range(50, 60)])
    await process.start_provision(retry=True)
    await process.wait_for_crash()
    return before.dataset_id


async def test_a_protected_journey_stage_and_a_paused_journey_refuse_a_retry(world: World) -> None:
    async with world.open_process() as process:
        await provision_short_of_three(world, process)
        await process.services.registry.set_state("j1", JourneyState.PAUSED, OPERATOR)
        with pytest.raises(JourneyNotActiveError):
            await process.start_provision(retry=True)


@pytest.mark.each_dialect
async def test_what_cannot_be_undone_is_said_and_undone_once_the_platform_answers(world: World) -> None:
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("documents.upload"), status=422, times=None)
    )
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("datasources.delete"), status=503, times=None)
    )
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError, match="Still to be undone: connect") as failure:
            await process.provision()
        assert failure.value.facts["to_undo"] == ["connect"]
        assert len(world.glean.datasources()) == 1
        failed = await process.load_dataset(str(failure.value.facts["dataset_id"]))
        assert failed.status is DatasetStatus.FAILED

        await process.services.sagas.resume(respect_backoff=False)
        still, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        assert still.failure is not None
        assert still.failure.to_undo == ("connect",)

        world.glean.faults.clear()
        world.clock.ahead += timedelta(hours=1)
        await process.services.sagas.resume()
        undone, _ = await process.services.sagas.wait(failed.dataset_id, 30)
    assert undone.status is DatasetStatus.FAILED
    assert undone.failure is not None
    assert undone.failure.to_undo == ()
    assert undone.connector_id is None
    assert world.active_datasources() == []


async def test_a_failed_undo_is_not_tried_again_before_it_is_due(world: World) -> None:
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("documents.upload"), status=422, times=None)
    )
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("datasources.delete"), status=503, times=None)
    )
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        assert await process.services.sagas.resume() == 0
        assert await process.services.sagas.resume(respect_backoff=False) == 1


@pytest.mark.each_dialect
async def test_a_retry_takes_over_what_the_failed_attempt_left(world: World) -> None:
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("documents.upload"), status=422, times=None)
    )
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("datasources.delete"), status=503, times=None)
    )
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        world.glean.faults.clear()
        dataset = await process.provision(retry=True)
        left = await process.deps.store.read(lambda uow: uow.compensations.find())
    assert (dataset.status, dataset.attempt, left) == (DatasetStatus.READY, 2, [])
    removals = world.operation_name("datasources.delete")
    assert [entry.operation for entry in world.glean.ledger()].count(removals) == 1
    [source] = world.glean.datasources()
    assert source["documentCount"] == 30


async def test_a_retry_does_not_meet_the_removal_of_leftovers_half_way(world: World) -> None:
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("documents.upload"), status=422, times=None)
    )
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("datasources.delete"), status=503, times=None)
    )
    async with world.open_process(crash=CrashAt("undo connect of 1", "before")) as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        await process.services.sagas.resume(respect_backoff=False)
        with pytest.raises(ProvisionRunningError):
            await process.start_provision(retry=True)
