"""Snapshots: a live dataset archived where it stands, by one saga at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.archives import archive_from
from domain.callers import Caller
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
from domain.model import Run, Teardown
from domain.snapshots import snapshot
from domain.vocabulary import DatasetStatus, TeardownReason
from server.adapters.engine.inline import CrashAt
from server.sandbox.faults import Fault
from tests.stepping_in import Before
from tests.world import ALL, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.archives import Archive
    from domain.job import Outside
    from domain.model import Dataset
    from domain.ports import Json
    from tests.world import Process, World

STRANGER = Caller(subject="agent:x", clients=frozenset({"globex"}))
BOUND = Caller(subject="agent:b", journey_id="j2")
LOSES = Fault(kind="sync_loses", documents=2)


def metadata(place: World, archive: Archive) -> dict[str, Any]:
    """`metadata.json` as it stands on the disk."""
    read: dict[str, Any] = json.loads(
        (place.folder / "archives" / archive.place / "metadata.json").read_bytes()
    )
    return read


async def take(process: Process, dataset: Dataset) -> Archive:
    return await process.services.snapshots.take(dataset.dataset_id, ALL)


@pytest.mark.each_dialect
async def test_a_snapshot_is_the_verified_archive_of_what_is_served_and_changes_nothing(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        staged, events = place.staged(), await process.events()

        archive = await take(process, ready)

        assert (archive.place, archive.record_count, archive.full_data, archive.incomplete) == (
            f"acme/sandbox/confluence_pages/{ready.dataset_id}",
            30,
            True,
            False,
        )
        assert metadata(place, archive)["reason"] == "snapshot"
        assert await process.look(ready.dataset_id) == ready
        assert (place.staged(), await process.events()) == (staged, events)
        manifest = await process.services.archives.verify(ALL, ready.dataset_id)
        assert ready.content is not None
        assert manifest["checksum"] == ready.content.checksum
        assert (await process.services.archives.page(ALL)) == [archive]


async def test_a_later_snapshot_and_a_later_teardown_replace_it(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        first = await take(process, ready)
        place.clock.ahead += first.restorable_until - first.archived_at
        second = await take(process, ready)
        assert second.restorable_until > first.restorable_until
        await process.complete()
        await process.tear_down(ready)
        assert metadata(place, second)["reason"] == "journey_completed"
        (last,) = await process.services.archives.page(ALL)
        assert last.archived_at >= second.archived_at


async def test_a_dataset_below_the_threshold_and_one_that_was_given_back_are_taken_as_they_stand(
    place: World,
) -> None:
    place.glean.faults.add(LOSES)
    async with place.process() as process:
        await process.arrive()
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
        await process.outside.store.transact(lambda records: records.put_dataset(held))

        archive = await take(process, low)

        assert metadata(place, archive)["reason"] == "snapshot"
        assert (archive.incomplete, await process.look(low.dataset_id)) == (False, held)


async def test_while_it_is_taken_the_dataset_is_not_taken_down_retried_or_let_go(place: World) -> None:
    reached, held = anyio.Event(), anyio.Event()

    async def hold() -> None:
        reached.set()
        await held.wait()

    def holding(outside: Outside) -> Outside:
        return replace(outside, archives=Before(outside.archives, "write", hold))

    place.glean.faults.add(LOSES)
    async with place.process(replace=holding) as process:
        await process.arrive()
        low = await process.provision()
        taken: list[Archive] = []

        async def keep() -> None:
            taken.append(await take(process, low))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep)
            tasks.start_soon(keep)
            await reached.wait()
            with pytest.raises(ProvisionRunningError, match="snapshot") as retry:
                await process.start(retry=True)
            assert retry.value.retry_after_s == 2
            await process.complete()
            with pytest.raises(ProvisionRunningError, match="snapshot"):
                await process.tear_down(low)
            with pytest.raises(NothingRunningError):
                await process.services.sagas.cancel(low.dataset_id, ALL)
            held.set()
        assert taken[0] == taken[1]
        assert [each.kind for each in place.journal.values()].count("snapshot") == 1
        assert (await process.tear_down(low)).status is DatasetStatus.ARCHIVED


async def test_what_is_running_going_gone_failed_or_not_theirs_is_not_taken(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        begun = await process.start()
        with pytest.raises(ProvisionRunningError):
            await take(process, begun.dataset)
        ready = (await process.services.provisioning.wait(begun, 30)).dataset
        for caller, unknown in ((STRANGER, UnknownDatasetError), (BOUND, ForbiddenError)):
            with pytest.raises(unknown):
                await process.services.snapshots.take(ready.dataset_id, caller)
        await process.complete()
        down = await process.services.teardowns.start_or_attach(
            ready.dataset_id, TeardownReason.JOURNEY_COMPLETED, ALL
        )
        with pytest.raises(TeardownInProgressError):
            await take(process, ready)
        await process.services.teardowns.wait(down, 30)
        with pytest.raises(InvalidArgumentError) as refusal:
            await take(process, ready)
        assert (refusal.value.field, refusal.value.recovery) == ("dataset_id", "choose_other")


async def test_a_failed_dataset_has_nothing_to_take(place: World) -> None:
    place.glean.faults.add(Fault(kind="sync_fails"))
    async with place.process() as process:
        await process.arrive()
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        live = await process.outside.store.read(
            lambda records: records.live_dataset("acme", request().stage, request().dataset_type)
        )
        assert live is not None
        with pytest.raises(InvalidArgumentError):
            await take(process, live)


async def test_content_that_is_not_what_was_staged_is_not_archived_and_the_next_one_is_not_told_of_it(
    place: World,
) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        (staged,) = [each for each in place.staged() if ready.dataset_id in each]
        whole = (place.folder / "staging" / staged).read_bytes()
        (place.folder / "staging" / staged).write_bytes(whole[:-10])

        with pytest.raises(ArchiveFailedError, match="was not taken") as failure:
            await take(process, ready)

        assert failure.value.as_dict()["dataset_id"] == ready.dataset_id
        assert await process.look(ready.dataset_id) == ready
        assert place.archived() == []
        (place.folder / "staging" / staged).write_bytes(whole)
        assert (await take(process, ready)).record_count == 30


@pytest.mark.parametrize("step", ["archive", "settle"])
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
async def test_a_process_that_dies_over_a_snapshot_leaves_it_to_the_next(
    place: World, step: str, moment: str
) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
    async with place.process(crash=CrashAt(step, moment)) as process:
        with anyio.move_on_after(0.5):
            await take(process, ready)
    async with place.process() as process:
        await process.services.sagas.resume()
        found, _ = await process.services.sagas.wait(ready.dataset_id, 30)
        assert found == ready
        facts = await process.outside.store.read(lambda records: records.archive(ready.dataset_id))
        assert facts is not None
        assert archive_from(facts).record_count == 30
        await process.services.archives.verify(ALL, ready.dataset_id)


async def test_a_snapshot_that_is_no_longer_the_datasets_run_touches_nothing(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        other = ready.evolve(
            run=Run(saga_id=f"snapshot:{ready.dataset_id}:other", started_at=ready.created_at)
        )
        await process.outside.store.transact(lambda records: records.put_dataset(other))

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            return await effect()

        await snapshot(process.outside, perform, ready.dataset_id, f"snapshot:{ready.dataset_id}:first")

        assert await process.look(ready.dataset_id) == other
        assert place.archived() == []
