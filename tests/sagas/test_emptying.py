"""Where Glean takes its time, and others push to it and change it: what is said, what is waited for, what is left."""

from __future__ import annotations

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
from domain.job import Policy
from domain.vocabulary import ConnectorOutcome, DatasetStatus, DatasetType, TeardownReason
from server.adapters.engine.inline import CrashAt
from server.adapters.glean.indexing import IndexingGlean
from server.adapters.glean.indexing_config import wanted
from server.sandbox.faults import Fault
from server.sandbox.serve import EmbeddedSandbox
from tests.gleaning import source
from tests.repository import confluence_page, write_repository, write_template
from tests.server.sandbox.indexing.client import Indexing
from tests.waiting import eventually
from tests.world import ALL, Approving, Shifted, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.model import Dataset
    from tests.world import Process

PAGES = DatasetType.CONFLUENCE_PAGES
NAME = "acme-Sandbox-Confluence".replace("acme", "ACME")
HOUR = timedelta(hours=1)


class Ticking(Shifted):
    """A clock that only waiting moves, and at once; the sandbox goes by it too."""

    def __init__(self) -> None:
        super().__init__()
        self._began = super().now()

    def now(self) -> Any:  # noqa: ANN401 - an instant
        return self._began + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
        await anyio.lowlevel.checkpoint()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[World]:
    """A Glean that goes by the saga's clock: 18 minutes for an upload, 20 more for what is to be deleted."""
    clock = Ticking()
    write_repository(tmp_path / "repository", records=30)
    async with EmbeddedSandbox(tmp_path / "glean.sqlite", now=clock.now) as sandbox:
        sandbox.sandbox.turn(limits_rate=False, indexing_s=18 * 60, deletion_s=20 * 60)
        policy = Policy(sync_deadline=4 * HOUR)
        yield World(folder=tmp_path, sandbox=sandbox, dialect=IndexingGlean, clock=clock, policy=policy)


async def died(place: World) -> None:
    """Wait until a process has."""
    await eventually(lambda: any(each.deaths for each in place.journal.values()))


async def made(process: Process) -> Dataset:
    """A dataset that is ready, once Glean has indexed it."""
    await process.arrive()
    begun = await process.start()
    await process.services.sagas.wait(begun.dataset.dataset_id, None)
    dataset = await process.look(begun.dataset.dataset_id)
    assert dataset.status is DatasetStatus.READY
    return dataset


async def poor(place: World, process: Process) -> Dataset:
    """A dataset that is VALIDATING, as its records are poor; better ones are there by now."""
    bad = [{**confluence_page(number), "author_email": "nobody"} for number in range(30)]
    write_template(place.repository, PAGES, bad)
    await process.arrive()
    begun = await process.start()
    await process.services.sagas.wait(begun.dataset.dataset_id, None)
    write_template(place.repository, PAGES, [confluence_page(number) for number in range(50, 60)])
    dataset = await process.look(begun.dataset.dataset_id)
    assert dataset.status is DatasetStatus.VALIDATING
    return dataset


async def again(process: Process) -> Dataset:
    """A retry, to its end."""
    begun = await process.start(retry=True)
    await process.services.sagas.wait(begun.dataset.dataset_id, None)
    return await process.look(begun.dataset.dataset_id)


async def gone(process: Process, dataset: Dataset) -> Dataset:
    """Its teardown, to its end."""
    teardowns = process.services.teardowns
    begun = await teardowns.start_or_attach(dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, ALL)
    return (await teardowns.wait(begun, None)).dataset


async def told(process: Process) -> tuple[str, list[str], list[str]]:
    """How its one connector is: status, findings, drift."""
    page = await process.services.health.check(ALL)
    [item] = page.items
    return (
        item.health.status.value,
        [each.code for each in item.health.findings],
        [each.kind for each in page.drift],
    )


def console(place: World, **changes: Any) -> None:
    """What somebody sets in the admin console."""
    with Indexing(place.sandbox) as somebody:
        held = place.glean.datasources()[0]["config"]
        assert somebody.ask("adddatasource", **{**held, **changes}).status_code == 200


def upload(place: World, *numbers: int) -> None:
    """Somebody else's whole upload to it, of so many documents that were there."""
    held = {each["id"]: each for each in place.glean.documents(place.named(NAME))}
    with Indexing(place.sandbox) as somebody:
        page = {
            "uploadId": f"theirs-{len(place.glean.ledger())}",
            "datasource": place.named(NAME),
            "documents": [held[f"P{number}"] for number in numbers],
            "isFirstPage": True,
            "isLastPage": True,
            "forceRestartUpload": True,
        }
        assert somebody.ask("bulkindexdocuments", **page).status_code == 200


async def test_it_is_ready_once_it_is_indexed_and_gone_once_it_is_deleted(place: World) -> None:
    async with place.process() as process:
        before = place.clock.now()
        dataset = await made(process)
        assert place.clock.now() - before >= timedelta(minutes=18)
        assert len(place.served(NAME)) == 30
        await process.complete()

        before = place.clock.now()
        down = await gone(process, dataset)

        assert place.clock.now() - before >= timedelta(minutes=38)
        assert down.teardown is not None
        assert down.teardown.connector_outcome is ConnectorOutcome.EMPTIED
        assert "Extreme measures" in str(down.teardown.manual_step)
        assert (place.staged(), place.standing(), place.served(NAME)) == ([], [], [])


async def test_a_deletion_past_the_deadline_stays_at_that_step_and_is_gone_on_with(place: World) -> None:
    async with place.process() as process:
        dataset = await made(process)
        await process.complete()
    place.policy = replace(place.policy, sync_deadline=timedelta(minutes=30))
    async with place.process() as process:
        with pytest.raises(PlatformUnavailableError, match="had not deleted its documents") as late:
            await gone(process, dataset)
        held = await process.look(dataset.dataset_id)
        assert (late.value.facts["step"], held.status, held.run) == (
            "disconnect",
            DatasetStatus.TEARDOWN,
            None,
        )
        assert len(place.served(NAME)) == 30
        assert place.staged()
        uploads = [each.operation for each in place.glean.ledger()].count("bulkindexdocuments")

        place.clock.ahead += HOUR
        assert (await gone(process, dataset)).status is DatasetStatus.ARCHIVED
        assert [each.operation for each in place.glean.ledger()].count("bulkindexdocuments") == uploads
    assert (place.staged(), place.standing()) == ([], [])


async def test_what_glean_says_of_documents_counts_more_than_its_counts(place: World) -> None:
    async with place.process() as process:
        dataset = await made(process)
        await process.complete()
        place.glean.faults.add(
            Fault(kind="garbage", operation="checkdocumentaccess", content=b'{"hasAccess":true}', times=1)
        )
        with pytest.raises(CleanupFailedError, match="still found"):
            await gone(process, dataset)
        assert (await gone(process, dataset)).status is DatasetStatus.ARCHIVED


async def test_a_deletion_that_somebody_elses_upload_paused_is_done_at_the_teardown(place: World) -> None:
    async with place.process() as process:
        dataset = await made(process)
        place.clock.ahead += HOUR
        upload(place, 1, 2)
        assert (await told(process))[0] == "syncing"
        place.clock.ahead += HOUR
        assert len(place.served(NAME)) == 30  # paused for seven days
        assert await told(process) == ("unhealthy", ["stale"], [])
        await process.complete()

        assert (await gone(process, dataset)).status is DatasetStatus.ARCHIVED
    assert (place.standing(), place.served(NAME)) == ([], [])


async def test_health_follows_what_is_pushed_indexed_stuck_and_lost(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        place.glean.faults.add(Fault(kind="sync_loses", documents=3))
        begun = await process.start()
        await process.services.sagas.wait(begun.dataset.dataset_id, None)
        assert await told(process) == ("healthy", [], [])  # a count may be three hours old, so it is not told
        place.clock.ahead += 4 * HOUR
        assert await told(process) == ("unhealthy", ["documents_missing"], [])

        place.glean.faults.add(Fault(kind="sync_hangs"))
        upload(place, *range(5))
        assert await told(process) == ("syncing", [], [])
        place.clock.ahead += 5 * HOUR
        assert await told(process) == ("unhealthy", ["sync_overdue"], [])

        place.glean.delete(place.named(NAME))
        assert await told(process) == ("unhealthy", ["missing"], ["missing_connector"])


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
    place: World, change: dict[str, Any]
) -> None:
    async with place.process() as process:
        await poor(place, process)
        before = place.glean.datasources()[0]["config"]
        console(place, **change)
        assert await told(process) == ("healthy", [], ["changed_connector"])

        dataset = await again(process)

        assert (dataset.status, dataset.attempt) == (DatasetStatus.READY, 2)
        place.clock.ahead += HOUR
        assert await told(process) == ("healthy", [], [])
    assert place.glean.datasources()[0]["config"] == before
    assert len(place.served(NAME)) == 10


async def test_a_page_that_was_moved_is_a_change_too(place: World) -> None:
    async with place.process() as process:
        await poor(place, process)
        home = place.glean.datasources()[0]["config"]["homeUrl"]
        console(place, homeUrl=home.replace("#", "/moved#"))
        assert (await told(process))[2] == ["changed_connector"]


async def test_one_whose_mark_is_gone_is_told_and_left_alone_until_a_person_lets_it_go(place: World) -> None:
    async with place.process() as process:
        dataset = await poor(place, process)
        console(place, homeUrl="https://wiki.example.com/mine")
        before = place.glean.snapshot()
        assert await told(process) == ("unhealthy", ["not_ours"], ["changed_connector"])

        begun = await process.start(retry=True)
        with pytest.raises(ProvisionFailedError) as failed:
            await process.services.provisioning.wait(begun, None)
        assert failed.value.facts["cause"] == "platform_mismatch"
        await process.complete()
        with pytest.raises(PlatformMismatchError):
            await gone(process, dataset)
        assert place.glean.snapshot() == before

        teardowns = process.services.teardowns
        begun_ = await teardowns.start_or_attach(
            dataset.dataset_id,
            TeardownReason.JOURNEY_COMPLETED,
            ALL,
            Approving(process.services.approvals),
            abandon=True,
        )
        down = (await teardowns.wait(begun_, None)).dataset
        assert down.teardown is not None
        assert down.teardown.connector_outcome is ConnectorOutcome.ABANDONED
    assert place.glean.snapshot() == before


async def test_a_datasource_of_that_name_that_is_not_ours_fails_the_provision_and_is_left_as_it_is(
    place: World,
) -> None:
    handle = place.named(NAME)
    place.glean.create_foreign(
        handle, "custom", {**wanted(source(NAME), handle), "homeUrl": "https://x.example.com"}
    )
    before = place.glean.snapshot()
    async with place.process() as process:
        await process.arrive()
        begun = await process.start()
        with pytest.raises(ProvisionFailedError) as failed:
            await process.services.provisioning.wait(begun, None)
    assert (failed.value.facts["cause"], failed.value.facts["to_undo"]) == ("platform_mismatch", [])
    assert place.glean.snapshot() == before


async def test_a_provision_that_is_cancelled_in_the_middle_of_its_upload_leaves_nothing(place: World) -> None:
    async with place.process(crash=CrashAt("push", "after")) as process:
        await process.arrive()
        begun = await process.start()
        await died(place)
    async with place.process() as process:
        await process.services.sagas.cancel(begun.dataset.dataset_id, ALL)
        await process.services.sagas.wait(begun.dataset.dataset_id, None)
        left = await process.look(begun.dataset.dataset_id)
    assert left.failure is not None
    assert (left.status, left.failure.code, left.failure.to_undo) == (DatasetStatus.FAILED, "cancelled", ())
    assert (place.staged(), place.standing()) == ([], [])


async def test_a_retry_that_is_cancelled_while_it_is_indexed_has_the_former_content_follow_it(
    place: World,
) -> None:
    async with place.process() as process:
        before = await poor(place, process)
        content = sorted(place.served(NAME))
        place.glean.faults.add(Fault(kind="sync_hangs"))
        await process.start(retry=True)
        await eventually(lambda: place.glean.faults.fired() == 1)
        await process.services.sagas.cancel(before.dataset_id, ALL)
        await process.services.sagas.wait(before.dataset_id, None)
        after = await process.look(before.dataset_id)
        assert after.failure is not None
        assert (after.status, after.content, after.failure.to_undo) == (
            DatasetStatus.VALIDATING,
            before.content,
            (),
        )
        place.clock.ahead += HOUR
        assert sorted(place.served(NAME)) == content
        assert await told(process) == ("healthy", [], [])


async def test_a_retry_that_hangs_past_its_deadline_says_what_is_still_to_be_undone(place: World) -> None:
    async with place.process() as process:
        before = await poor(place, process)
        place.glean.faults.add(Fault(kind="sync_hangs", times=2))
        begun = await process.start(retry=True)
        with pytest.raises(ProvisionFailedError) as failed:
            await process.services.provisioning.wait(begun, None)
        assert (failed.value.facts["step"], failed.value.facts["to_undo"]) == ("index", ["index"])
        held = await process.look(before.dataset_id)
        assert (held.status, held.content) == (DatasetStatus.VALIDATING, before.content)
        assert len(place.served(NAME)) == 30

        await process.complete()
        assert (await gone(process, held)).status is DatasetStatus.ARCHIVED
    assert (place.standing(), place.served(NAME)) == ([], [])
