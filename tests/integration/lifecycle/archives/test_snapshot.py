"""Snapshots: a live dataset archived where it stands, by one saga at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import (
    ArchiveFailedError,
    ForbiddenError,
    InvalidArgumentError,
    NothingRunningError,
    ProvisionFailedError,
    ProvisionRunningError,
    TeardownInProgressError,
    UnknownDatasetError,
)
from domain.lifecycle import SNAPSHOT_SAGA, run_saga
from domain.lifecycle.archives.archive import parse_archive
from domain.model.dataset import Teardown
from domain.model.enums import DatasetStatus, TeardownReason
from domain.model.principal import Principal
from domain.model.run import Run
from tests.support.inline_engine import CrashAt
from tests.support.interception import CallInterceptor
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, provision_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.archives.archive import Archive
    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.dataset import Dataset
    from domain.ports.engine import Json
    from tests.support.world import Process, World

STRANGER = Principal(subject="agent:x", clients=frozenset({"globex"}))
BOUND = Principal(subject="agent:b", journey_id="j2")
LOSES = Fault(kind="sync_loses", documents=2)


def metadata(place: World, archive: Archive) -> dict[str, Any]:
    """`metadata.json` as it stands on the disk."""
    read: dict[str, Any] = json.loads(
        (place.folder / "archives" / archive.place / "metadata.json").read_bytes()
    )
    return read


async def take(process: Process, dataset: Dataset) -> Archive:
    return await process.services.snapshots.take(dataset.dataset_id, OPERATOR)


@pytest.mark.each_dialect
async def test_a_snapshot_is_the_verified_archive_of_what_is_served_and_changes_nothing(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        staged, events = world.staged_files(), await process.load_event_kinds()

        archive = await take(process, ready)

        assert (archive.place, archive.record_count, archive.full_data, archive.incomplete) == (
            f"acme/sandbox/confluence_pages/{ready.dataset_id}",
            30,
            True,
            False,
        )
        assert metadata(world, archive)["reason"] == "snapshot"
        assert await process.load_dataset(ready.dataset_id) == ready
        assert (world.staged_files(), await process.load_event_kinds()) == (staged, events)
        manifest = await process.services.archives.verify_archive(OPERATOR, ready.dataset_id)
        assert ready.content is not None
        assert manifest["checksum"] == ready.content.checksum
        assert (await process.services.archives.list_archives(OPERATOR)) == [archive]


async def test_a_later_snapshot_and_a_later_teardown_replace_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        first = await take(process, ready)
        world.clock.ahead += first.restorable_until - first.archived_at
        second = await take(process, ready)
        assert second.restorable_until > first.restorable_until
        await process.complete_journey()
        await process.tear_down(ready)
        assert metadata(world, second)["reason"] == "journey_completed"
        (last,) = await process.services.archives.list_archives(OPERATOR)
        assert last.archived_at >= second.archived_at


async def test_a_dataset_below_the_threshold_and_one_that_was_given_back_are_taken_as_they_stand(
    world: World,
) -> None:
    world.glean.faults.add(LOSES)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        low = await process.provision()
        assert low.status is DatasetStatus.VALIDATING
        given_back = Teardown(
            reason=TeardownReason.MANUAL,
            requester="person:kim",
            former_status=low.status,
            started_at=low.created_at,
            archive_incomplete=True,
        )
        held = low.evolve(teardown=given_back)
        await process.deps.store.transact(lambda uow: uow.datasets.put(held))

        archive = await take(process, low)

        assert metadata(world, archive)["reason"] == "snapshot"
        assert (archive.incomplete, await process.load_dataset(low.dataset_id)) == (False, held)


async def test_while_it_is_taken_the_dataset_is_not_taken_down_retried_or_let_go(world: World) -> None:
    reached, held = anyio.Event(), anyio.Event()

    async def hold() -> None:
        reached.set()
        await held.wait()

    def hold_archive(deps: Dependencies) -> Dependencies:
        return replace(deps, archives=CallInterceptor(deps.archives, "write", hold))

    world.glean.faults.add(LOSES)
    async with world.open_process(replace=hold_archive) as process:
        await process.add_client_and_journey()
        low = await process.provision()
        taken: list[Archive] = []

        async def keep() -> None:
            taken.append(await take(process, low))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep)
            tasks.start_soon(keep)
            await reached.wait()
            with pytest.raises(ProvisionRunningError, match="snapshot") as retry:
                await process.start_provision(retry=True)
            assert retry.value.retry_after_s == 2
            await process.complete_journey()
            with pytest.raises(ProvisionRunningError, match="snapshot"):
                await process.tear_down(low)
            with pytest.raises(NothingRunningError):
                await process.services.sagas.cancel(low.dataset_id, OPERATOR)
            held.set()
        assert taken[0] == taken[1]
        assert [each.kind for each in world.journal.values()].count("snapshot") == 1
        assert (await process.tear_down(low)).status is DatasetStatus.ARCHIVED


async def test_what_is_running_going_gone_failed_or_not_theirs_is_not_taken(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        with pytest.raises(ProvisionRunningError):
            await take(process, begun.dataset)
        ready = (await process.services.provisioning.wait(begun, 30)).dataset
        for principal, unknown in ((STRANGER, UnknownDatasetError), (BOUND, ForbiddenError)):
            with pytest.raises(unknown):
                await process.services.snapshots.take(ready.dataset_id, principal)
        await process.complete_journey()
        down = await process.services.teardowns.start_or_attach(
            ready.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        with pytest.raises(TeardownInProgressError):
            await take(process, ready)
        await process.services.teardowns.wait(down, 30)
        with pytest.raises(InvalidArgumentError) as refusal:
            await take(process, ready)
        assert (refusal.value.field, refusal.value.recovery) == ("dataset_id", "choose_other")


async def test_a_failed_dataset_has_nothing_to_take(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_fails"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        live = await process.deps.store.read(
            lambda uow: uow.datasets.get_live(
                "acme", provision_request().stage, provision_request().dataset_type
            )
        )
        assert live is not None
        with pytest.raises(InvalidArgumentError):
            await take(process, live)


async def test_content_that_is_not_what_was_staged_is_not_archived_and_the_next_one_is_not_told_of_it(
    world: World,
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        (staged,) = [each for each in world.staged_files() if ready.dataset_id in each]
        whole = (world.folder / "staging" / staged).read_bytes()
        (world.folder / "staging" / staged).write_bytes(whole[:-10])

        with pytest.raises(ArchiveFailedError, match="was not taken") as failure:
            await take(process, ready)

        assert failure.value.as_dict()["dataset_id"] == ready.dataset_id
        assert await process.load_dataset(ready.dataset_id) == ready
        assert world.archived_files() == []
        (world.folder / "staging" / staged).write_bytes(whole)
        assert (await take(process, ready)).record_count == 30


@pytest.mark.parametrize("step", ["archive", "settle"])
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
async def test_a_process_that_dies_over_a_snapshot_leaves_it_to_the_next(
    world: World, step: str, moment: str
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
    async with world.open_process(crash=CrashAt(step, moment)) as process:
        with anyio.move_on_after(0.5):
            await take(process, ready)
    async with world.open_process() as process:
        await process.services.sagas.resume()
        found, _ = await process.services.sagas.wait(ready.dataset_id, 30)
        assert found == ready
        facts = await process.deps.store.read(lambda uow: uow.archives.get(ready.dataset_id))
        assert facts is not None
        assert parse_archive(facts).record_count == 30
        await process.services.archives.verify_archive(OPERATOR, ready.dataset_id)


async def test_a_snapshot_that_is_no_longer_the_datasets_run_touches_nothing(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        other = ready.evolve(
            run=Run(saga_id=f"snapshot:{ready.dataset_id}:other", started_at=ready.created_at)
        )
        await process.deps.store.transact(lambda uow: uow.datasets.put(other))

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            return await effect()

        await run_saga(
            SNAPSHOT_SAGA, process.deps, perform, ready.dataset_id, f"snapshot:{ready.dataset_id}:first"
        )

        assert await process.load_dataset(ready.dataset_id) == other
        assert world.archived_files() == []
