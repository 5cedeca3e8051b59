"""Where Glean takes its time, and others push to it and change it: what is said, what is waited for, what is left."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest

from domain.errors import (
    CleanupFailedError,
    PlatformMismatchError,
    PlatformUnavailableError,
    ProvisionFailedError,
)
from domain.model.enums import ConnectorOutcome, DatasetStatus, DatasetType, TeardownReason
from domain.model.settings import LifecycleSettings
from server.adapters.glean.indexing.config import desired_config
from server.adapters.glean.indexing.platform import IndexingPlatform
from tests.support.content.template_repository import confluence_page, write_repository, write_template
from tests.support.glean.datasources import datasource_spec
from tests.support.glean.indexing_client import IndexingClient
from tests.support.inline_engine import CrashAt
from tests.support.polling import wait_for
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, ApprovingConfirmer, ShiftedClock, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.model.dataset import Dataset
    from tests.support.world import Process

PAGES = DatasetType.CONFLUENCE_PAGES
NAME = "acme-Sandbox-Confluence".replace("acme", "ACME")
HOUR = timedelta(hours=1)
_SLEEP_S = 120


class WaitingClock(ShiftedClock):
    """A clock that only waiting moves, and at once; the sandbox goes by it too."""

    def __init__(self) -> None:
        super().__init__()
        self._began = super().now()

    def now(self) -> Any:  # noqa: ANN401 - an instant
        return self._began + self.ahead

    async def sleep(self, seconds: float) -> None:
        # A busy machine oversleeps, and hours of Glean's time are asked about in steps of minutes.
        self.ahead += timedelta(seconds=max(seconds, _SLEEP_S))
        await anyio.lowlevel.checkpoint()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A Glean that goes by the saga's clock: 18 minutes for an upload, 20 more for what is to be deleted."""
    clock = WaitingClock()
    write_repository(tmp_path / "repository", records=30)
    async with EmbeddedSandbox(tmp_path / "glean.sqlite", now=clock.now) as sandbox:
        sandbox.sandbox.set_switches(limits_rate=False, indexing_s=18 * 60, deletion_s=20 * 60)
        policy = LifecycleSettings(sync_deadline=4 * HOUR)
        yield World(folder=tmp_path, sandbox=sandbox, dialect=IndexingPlatform, clock=clock, policy=policy)


async def wait_for_crash(place: World) -> None:
    """Wait until a process has."""
    await wait_for(lambda: any(each.deaths for each in place.journal.values()))


async def create_ready_dataset(process: Process) -> Dataset:
    """A dataset that is ready, once Glean has indexed it."""
    await process.add_client_and_journey()
    begun = await process.start_provision()
    await process.services.sagas.wait(begun.dataset.dataset_id, None)
    dataset = await process.load_dataset(begun.dataset.dataset_id)
    assert dataset.status is DatasetStatus.READY
    return dataset


async def create_poor_dataset(place: World, process: Process) -> Dataset:
    """A dataset that is VALIDATING, as its records are poor; better ones are there by now."""
    bad = [{**confluence_page(number), "author_email": "nobody@"} for number in range(30)]
    write_template(place.repository, PAGES, bad)
    await process.add_client_and_journey()
    begun = await process.start_provision()
    await process.services.sagas.wait(begun.dataset.dataset_id, None)
    write_template(place.repository, PAGES, [confluence_page(number) for number in range(50, 60)])
    dataset = await process.load_dataset(begun.dataset.dataset_id)
    assert dataset.status is DatasetStatus.VALIDATING
    return dataset


async def retry_provision(process: Process) -> Dataset:
    """A retry, to its end."""
    begun = await process.start_provision(retry=True)
    await process.services.sagas.wait(begun.dataset.dataset_id, None)
    return await process.load_dataset(begun.dataset.dataset_id)


async def tear_down_completely(process: Process, dataset: Dataset) -> Dataset:
    """Its teardown, to its end."""
    teardowns = process.services.teardowns
    begun = await teardowns.start_or_attach(dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR)
    return (await teardowns.wait(begun, None)).dataset


async def connector_findings(process: Process) -> tuple[str, list[str], list[str]]:
    """How its one connector is: status, findings, drift."""
    page = await process.services.health.check(OPERATOR)
    [item] = page.items
    return (
        item.health.status.value,
        [each.code for each in item.health.findings],
        [each.kind for each in page.drift],
    )


def edit_at_console(place: World, **changes: Any) -> None:
    """What somebody sets in the admin console."""
    with IndexingClient(place.sandbox) as somebody:
        held = place.glean.datasources()[0]["config"]
        assert somebody.call_operation("adddatasource", **{**held, **changes}).status_code == 200


def upload_foreign_documents(place: World, *numbers: int) -> None:
    """Somebody else's whole upload to it, of so many documents that were there."""
    held = {each["id"]: each for each in place.glean.documents(place.datasource_name(NAME))}
    with IndexingClient(place.sandbox) as somebody:
        page = {
            "uploadId": f"theirs-{len(place.glean.ledger())}",
            "datasource": place.datasource_name(NAME),
            "documents": [held[f"P{number}"] for number in numbers],
            "isFirstPage": True,
            "isLastPage": True,
            "forceRestartUpload": True,
        }
        assert somebody.call_operation("bulkindexdocuments", **page).status_code == 200


async def test_it_is_ready_once_it_is_indexed_and_gone_once_it_is_deleted(world: World) -> None:
    async with world.open_process() as process:
        before = world.clock.now()
        dataset = await create_ready_dataset(process)
        assert world.clock.now() - before >= timedelta(minutes=18)
        assert len(world.served_document_ids(NAME)) == 30
        await process.complete_journey()

        before = world.clock.now()
        down = await tear_down_completely(process, dataset)

        assert world.clock.now() - before >= timedelta(minutes=38)
        assert down.teardown is not None
        assert down.teardown.connector_outcome is ConnectorOutcome.EMPTIED
        assert "Extreme measures" in str(down.teardown.manual_step)
        assert (world.staged_files(), world.active_datasources(), world.served_document_ids(NAME)) == (
            [],
            [],
            [],
        )


async def test_a_deletion_past_the_deadline_stays_at_that_step_and_is_gone_on_with(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_ready_dataset(process)
        await process.complete_journey()
    world.policy = replace(world.policy, sync_deadline=timedelta(minutes=30))
    async with world.open_process() as process:
        with pytest.raises(PlatformUnavailableError, match="had not deleted its documents") as late:
            await tear_down_completely(process, dataset)
        held = await process.load_dataset(dataset.dataset_id)
        assert (late.value.facts["step"], held.status, held.run) == (
            "disconnect",
            DatasetStatus.TEARDOWN,
            None,
        )
        assert len(world.served_document_ids(NAME)) == 30
        assert world.staged_files()
        uploads = [each.operation for each in world.glean.ledger()].count("bulkindexdocuments")

        world.clock.ahead += HOUR
        assert (await tear_down_completely(process, dataset)).status is DatasetStatus.ARCHIVED
        assert [each.operation for each in world.glean.ledger()].count("bulkindexdocuments") == uploads
    assert (world.staged_files(), world.active_datasources()) == ([], [])


async def test_an_emptying_that_glean_never_indexes_is_sent_again_by_the_next_teardown(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_ready_dataset(process)
        await process.complete_journey()
        world.glean.faults.add(Fault(kind="sync_hangs"))
        with pytest.raises(PlatformUnavailableError, match="had not deleted its documents"):
            await tear_down_completely(process, dataset)
        uploads = [each.operation for each in world.glean.ledger()].count("bulkindexdocuments")
        assert (await tear_down_completely(process, dataset)).status is DatasetStatus.ARCHIVED
        assert [each.operation for each in world.glean.ledger()].count("bulkindexdocuments") == uploads + 1
    assert (world.staged_files(), world.active_datasources()) == ([], [])


async def test_what_glean_says_of_documents_counts_more_than_its_counts(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_ready_dataset(process)
        await process.complete_journey()
        world.glean.faults.add(
            Fault(kind="garbage", operation="checkdocumentaccess", content=b'{"hasAccess":true}', times=1)
        )
        with pytest.raises(CleanupFailedError, match="still finds"):
            await tear_down_completely(process, dataset)
        assert (await tear_down_completely(process, dataset)).status is DatasetStatus.ARCHIVED


async def test_a_deletion_that_somebody_elses_upload_paused_is_done_at_the_teardown(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_ready_dataset(process)
        world.clock.ahead += HOUR
        upload_foreign_documents(world, 1, 2)
        assert (await connector_findings(process))[0] == "syncing"
        world.clock.ahead += HOUR
        assert len(world.served_document_ids(NAME)) == 30  # paused for seven days
        assert await connector_findings(process) == ("unhealthy", ["stale"], [])
        await process.complete_journey()

        assert (await tear_down_completely(process, dataset)).status is DatasetStatus.ARCHIVED
    assert (world.active_datasources(), world.served_document_ids(NAME)) == ([], [])


async def test_health_follows_what_is_pushed_indexed_stuck_and_lost(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        world.glean.faults.add(Fault(kind="sync_loses", documents=3))
        begun = await process.start_provision()
        await process.services.sagas.wait(begun.dataset.dataset_id, None)
        assert await connector_findings(process) == (
            "healthy",
            [],
            [],
        )  # a count may be three hours old, so it is not told
        world.clock.ahead += 4 * HOUR
        assert await connector_findings(process) == ("unhealthy", ["documents_missing"], [])

        world.glean.faults.add(Fault(kind="sync_hangs"))
        upload_foreign_documents(world, *range(5))
        assert await connector_findings(process) == ("syncing", [], [])
        world.clock.ahead += 5 * HOUR
        assert await connector_findings(process) == ("unhealthy", ["sync_overdue"], [])

        world.glean.delete_datasource(world.datasource_name(NAME))
        assert await connector_findings(process) == ("unhealthy", ["missing"], ["missing_connector"])


@pytest.mark.parametrize(
    "change",
    [
        {"displayName": "Our own wiki"},
        {"urlRegex": "https://.*"},
        {"datasourceCategory": "TICKETS"},
        {"isTestDatasource": False},
        {"objectDefinitions": [{"name": "Page", "docCategory": "TICKETS"}]},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_somebody_changed_in_the_console_is_told_and_a_retry_puts_it_back(
    world: World, change: dict[str, Any]
) -> None:
    async with world.open_process() as process:
        await create_poor_dataset(world, process)
        before = world.glean.datasources()[0]["config"]
        edit_at_console(world, **change)
        assert await connector_findings(process) == ("healthy", [], ["changed_connector"])

        dataset = await retry_provision(process)

        assert (dataset.status, dataset.attempt) == (DatasetStatus.READY, 2)
        world.clock.ahead += HOUR
        assert await connector_findings(process) == ("healthy", [], [])
    assert world.glean.datasources()[0]["config"] == before
    assert len(world.served_document_ids(NAME)) == 10


async def test_a_page_that_was_moved_is_a_change_too(world: World) -> None:
    async with world.open_process() as process:
        await create_poor_dataset(world, process)
        home = world.glean.datasources()[0]["config"]["homeUrl"]
        edit_at_console(world, homeUrl=home.replace("#", "/moved#"))
        assert (await connector_findings(process))[2] == ["changed_connector"]


async def test_one_whose_mark_is_gone_is_told_and_left_alone_until_a_person_lets_it_go(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_poor_dataset(world, process)
        edit_at_console(world, homeUrl="https://wiki.example.com/mine")
        before = world.glean.snapshot()
        assert await connector_findings(process) == ("unhealthy", ["not_ours"], ["changed_connector"])

        begun = await process.start_provision(retry=True)
        with pytest.raises(ProvisionFailedError) as failed:
            await process.services.provisioning.wait(begun, None)
        assert failed.value.facts["cause"] == "platform_mismatch"
        await process.complete_journey()
        with pytest.raises(PlatformMismatchError):
            await tear_down_completely(process, dataset)
        assert world.glean.snapshot() == before

        teardowns = process.services.teardowns
        begun_ = await teardowns.start_or_attach(
            dataset.dataset_id,
            TeardownReason.JOURNEY_COMPLETED,
            OPERATOR,
            ApprovingConfirmer(process.services.approvals),
            abandon=True,
        )
        down = (await teardowns.wait(begun_, None)).dataset
        assert down.teardown is not None
        assert down.teardown.connector_outcome is ConnectorOutcome.ABANDONED
    assert world.glean.snapshot() == before


async def test_a_datasource_of_that_name_that_is_not_ours_fails_the_provision_and_is_left_as_it_is(
    world: World,
) -> None:
    handle = world.datasource_name(NAME)
    world.glean.create_foreign_datasource(
        handle,
        "custom",
        {**desired_config(datasource_spec(NAME), handle), "homeUrl": "https://x.example.com"},
    )
    before = world.glean.snapshot()
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        with pytest.raises(ProvisionFailedError) as failed:
            await process.services.provisioning.wait(begun, None)
    assert (failed.value.facts["cause"], failed.value.facts["to_undo"]) == ("platform_mismatch", [])
    assert world.glean.snapshot() == before


async def test_a_provision_that_is_cancelled_in_the_middle_of_its_upload_leaves_nothing(world: World) -> None:
    async with world.open_process(crash=CrashAt("push", "after")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await wait_for_crash(world)
    async with world.open_process() as process:
        await process.services.sagas.cancel(begun.dataset.dataset_id, OPERATOR)
        await process.services.sagas.wait(begun.dataset.dataset_id, None)
        left = await process.load_dataset(begun.dataset.dataset_id)
    assert left.failure is not None
    assert (left.status, left.failure.code, left.failure.to_undo) == (DatasetStatus.FAILED, "cancelled", ())
    assert (world.staged_files(), world.active_datasources()) == ([], [])


async def test_a_retry_that_is_cancelled_while_it_is_indexed_has_the_former_content_follow_it(
    world: World,
) -> None:
    world.policy = replace(world.policy, sync_deadline=timedelta(days=30))  # until it is cancelled it hangs
    async with world.open_process() as process:
        before = await create_poor_dataset(world, process)
        content = sorted(world.served_document_ids(NAME))
        world.glean.faults.add(Fault(kind="sync_hangs"))
        await process.start_provision(retry=True)
        await wait_for(lambda: world.glean.faults.fired_count() == 1)
        # Glean tells uploads apart by the second in which they began; the one that follows needs a later one.
        second = int(time.time())
        await wait_for(lambda: int(time.time()) > second)
        await process.services.sagas.cancel(before.dataset_id, OPERATOR)
        await process.services.sagas.wait(before.dataset_id, None)
        after = await process.load_dataset(before.dataset_id)
        assert after.failure is not None
        assert (after.status, after.content, after.failure.to_undo) == (
            DatasetStatus.VALIDATING,
            before.content,
            (),
        )
        world.clock.ahead += HOUR
        assert sorted(world.served_document_ids(NAME)) == content
        assert await connector_findings(process) == ("healthy", [], [])


async def test_a_retry_that_hangs_past_its_deadline_says_what_is_still_to_be_undone(world: World) -> None:
    async with world.open_process() as process:
        before = await create_poor_dataset(world, process)
        world.glean.faults.add(Fault(kind="sync_hangs", times=2))
        begun = await process.start_provision(retry=True)
        with pytest.raises(ProvisionFailedError) as failed:
            await process.services.provisioning.wait(begun, None)
        assert (failed.value.facts["step"], failed.value.facts["to_undo"]) == ("index", ["index"])
        held = await process.load_dataset(before.dataset_id)
        assert (held.status, held.content) == (DatasetStatus.VALIDATING, before.content)
        assert len(world.served_document_ids(NAME)) == 30

        await process.complete_journey()
        assert (await tear_down_completely(process, held)).status is DatasetStatus.ARCHIVED
    assert (world.active_datasources(), world.served_document_ids(NAME)) == ([], [])
