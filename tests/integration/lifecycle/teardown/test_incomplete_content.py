"""Content that is lost already is archived as far as it is left, when a person confirms just that."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import (
    ArchiveFailedError,
    ConfirmationRequiredError,
    DeclinedError,
    NotRestorableError,
    StagingFailedError,
)
from domain.model.approval import ApprovalState
from domain.model.enums import DatasetStatus, JourneyState, Stage, TeardownReason, Waiver
from domain.model.journey import Journey
from domain.model.principal import Principal
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, AcceptingConfirmer

if TYPE_CHECKING:
    from pathlib import Path

    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

AGENT = Principal(subject="agent:kim")
LEE = Principal(subject="person:lee")
DONE = TeardownReason.JOURNEY_COMPLETED


def staged_path(place: World, dataset: Dataset) -> Path:
    return place.folder / "staging" / dataset.dataset_id / "1.jsonl"


async def create_dataset_with_lost_content(
    process: Process, *, damaged: bool = False, stage: Stage = Stage.SANDBOX
) -> Dataset:
    """A dataset whose teardown stands at the archive, because what was staged is damaged or gone."""
    await process.add_client_and_journey(stage=stage)
    dataset = await process.provision(stage=stage)
    await process.complete_journey()
    file = staged_path(process.world, dataset)
    if damaged:
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join([*lines[:4], b"not a document\n", *lines[5:20], lines[20][:-40]]))
    else:
        file.unlink()
    if stage is not Stage.SANDBOX:
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await process.tear_down(dataset, DONE, AGENT)
        await approve(process, str(refusal.value.facts["approval_id"]))
    with pytest.raises(ArchiveFailedError, match="content is lost") as failure:
        await process.tear_down(dataset, DONE, AGENT)
    assert failure.value.facts["step"] == "archive"
    assert "a person must confirm" in failure.value.suggested_action
    return await process.load_dataset(dataset.dataset_id)


async def file_request(process: Process, dataset: Dataset) -> str:
    with pytest.raises(ConfirmationRequiredError, match="with an incomplete archive") as refusal:
        await process.tear_down(dataset, DONE, AGENT)
    assert await process.load_dataset(dataset.dataset_id) == dataset
    assert refusal.value.facts["how"] == "approval"
    return str(refusal.value.facts["approval_id"])


async def approve(process: Process, approval_id: str) -> None:
    desk = process.services.approvals
    held = await desk.load(approval_id, LEE)
    await desk.approve(approval_id, LEE, held.phrase)


def document(place: World, name: str) -> dict[str, Any]:
    [found] = (place.folder / "archives").rglob(name)
    read: dict[str, Any] = json.loads(found.read_text())
    return read


def names(place: World) -> list[str]:
    return [each.rpartition("/")[2] for each in place.archived_files()]


@pytest.mark.parametrize("stage", [Stage.SANDBOX, Stage.PRODUCTION])
@pytest.mark.parametrize("damaged", [True, False])
async def test_what_is_left_is_archived_once_a_person_has_confirmed_that(
    world: World, stage: Stage, damaged: bool
) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process, damaged=damaged, stage=stage)
        approval_id = await file_request(process, dataset)
        assert await file_request(process, dataset) == approval_id
        held = await process.services.approvals.load(approval_id, LEE)
        assert (held.concession, held.generation) == (Waiver.INCOMPLETE_ARCHIVE, dataset.generation)
        assert "for good the documents that staging lost" in held.shown["lost"]
        assert "missing or damaged" in held.shown["incomplete"]
        assert "restorable_until" not in held.shown
        await approve(process, approval_id)

        down = await process.tear_down(dataset, DONE, AGENT)

        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        assert [each.approval_id for each in down.teardown.conceded] == [approval_id]
        assert (await process.services.approvals.load(approval_id, LEE)).state is ApprovalState.USED
        manifest, metadata = document(world, "manifest.json"), document(world, "metadata.json")
        assert (manifest["incomplete"], metadata["incomplete"]) == (True, True)
        assert metadata["record_count"] == 30
        assert (manifest["full_data"], manifest["record_count"]) == ((True, 19) if damaged else (False, 30))
        assert ("documents.jsonl.zst" in names(world)) is damaged
        [kept] = await process.services.archives.list_archives(OPERATOR)
        assert (kept.incomplete, kept.reason) == (True, "journey_completed")
        assert await process.services.archives.verify_archive(OPERATOR, dataset.dataset_id) == manifest

        await process.services.registry.add_journey(
            Journey(journey_id="j2", client_id="acme", stage=stage, state=JourneyState.ACTIVE), OPERATOR
        )
        with pytest.raises(NotRestorableError, match="its archive is incomplete"):
            await process.services.restores.start_or_attach(dataset.dataset_id, "j2", OPERATOR)
    assert world.staged_files() == []
    assert world.glean.datasources() == []


async def test_of_content_that_is_nothing_but_damage_nothing_is_left(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process, damaged=True)
        staged_path(world, dataset).write_bytes(b'\xff\xfe\n{}\n[]\n{"type":"\xff"}\n' * 10)
        await approve(process, await file_request(process, dataset))
        assert (await process.tear_down(dataset, DONE, AGENT)).status is DatasetStatus.ARCHIVED
    manifest = document(world, "manifest.json")
    assert (manifest["incomplete"], manifest["record_count"], manifest["full_data"]) == (True, 0, True)


async def test_with_only_a_sample_kept_what_is_left_of_the_sample_is(world: World) -> None:
    world.policy = replace(world.policy, full_data=False)
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process, damaged=True)
        await approve(process, await file_request(process, dataset))
        assert (await process.tear_down(dataset, DONE, AGENT)).status is DatasetStatus.ARCHIVED
        sample = [
            each
            async for each in process.deps.archives.read(
                f"acme/sandbox/confluence_pages/{dataset.dataset_id}", "sample_data.json"
            )
        ]
    assert len(json.loads(b"".join(sample))) == 19
    assert "documents.jsonl.zst" not in names(world)


async def test_content_that_was_brought_back_needs_nobody(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        whole = staged_path(world, dataset).read_bytes()
        staged_path(world, dataset).unlink()
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset, DONE, AGENT)
        approval_id = await file_request(process, await process.load_dataset(dataset.dataset_id))
        staged_path(world, dataset).parent.mkdir(exist_ok=True)
        staged_path(world, dataset).write_bytes(whole)
        assert (await process.tear_down(dataset, DONE, AGENT)).status is DatasetStatus.ARCHIVED
        assert (await process.services.approvals.load(approval_id, LEE)).state is ApprovalState.VOID
    assert "incomplete" not in document(world, "manifest.json")


async def test_content_that_was_brought_back_after_all_is_archived_whole(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "before")) as first:
        await first.add_client_and_journey()
        dataset = await first.provision()
        await first.complete_journey()
        whole = staged_path(world, dataset).read_bytes()
        staged_path(world, dataset).unlink()
        await first.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await first.wait_for_crash()
    async with world.open_process() as process:
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset, DONE, AGENT)
        await approve(process, await file_request(process, await process.load_dataset(dataset.dataset_id)))
    async with world.open_process(crash=CrashAt("archive", "before")) as process:
        await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await process.wait_for_crash()
    staged_path(world, dataset).write_bytes(whole)
    async with world.open_process() as process:
        down = await process.tear_down(dataset, DONE, AGENT)
        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        assert down.teardown.archive_incomplete
    assert "incomplete" not in document(world, "manifest.json")


async def test_what_was_conceded_is_not_asked_again_when_the_archive_fails_for_another_cause(
    world: World,
) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process)
        await approve(process, await file_request(process, dataset))
        archives = world.folder / "archives"
        archives.chmod(0o755)
        blocked = archives / "acme"
        blocked.write_text("a file where a folder must be")
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset, DONE, AGENT)
        blocked.unlink()
        assert (await process.tear_down(dataset, DONE, AGENT)).status is DatasetStatus.ARCHIVED


async def test_nothing_but_an_approval_of_just_that_will_do(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process)
        for how in ("typed_name", "elicitation", "approval"):
            with pytest.raises(ConfirmationRequiredError):
                await process.tear_down(dataset, DONE, AGENT, AcceptingConfirmer(how))
        approval_id = await file_request(process, dataset)
        await process.services.approvals.decline(approval_id, LEE)
        with pytest.raises(DeclinedError):
            await process.tear_down(dataset, DONE, AGENT)
        assert await process.load_dataset(dataset.dataset_id) == dataset
    assert world.archived_files() == []


async def test_a_grant_to_abandon_is_none_to_lose_content(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        staged_path(world, dataset).unlink()
        world.glean.faults.add(Fault(kind="status", operation="*", status=401, times=None))
        teardowns = process.services.teardowns

        async def call() -> Dataset:
            begun = await teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT, abandon=True)
            return (await teardowns.wait(begun, 30)).dataset

        with pytest.raises(ConfirmationRequiredError, match="leaving its connector") as first:
            await call()
        await approve(process, str(first.value.facts["approval_id"]))
        with pytest.raises(ArchiveFailedError):
            await call()
        with pytest.raises(ConfirmationRequiredError, match="with an incomplete archive") as second:
            await call()
        await approve(process, str(second.value.facts["approval_id"]))
        down = await call()
        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        assert (down.teardown.abandon_connector, down.teardown.archive_incomplete) == (True, True)
        assert len(down.teardown.conceded) == 1
    assert document(world, "manifest.json")["incomplete"] is True


async def test_what_was_conceded_to_a_teardown_that_gave_its_dataset_back_is_conceded_no_more(
    world: World,
) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process)
        await approve(process, await file_request(process, dataset))
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await process.wait_for_crash()
    async with world.open_process() as process:
        await process.services.sagas.cancel(dataset.dataset_id, OPERATOR)
        held, _ = await process.services.sagas.wait(dataset.dataset_id, 30)
        assert held.status is DatasetStatus.READY
        [kept] = await process.services.archives.list_archives(OPERATOR)
        assert (kept.incomplete, kept.given_back_at is not None) == (True, True)
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset, DONE, AGENT)
        await file_request(process, await process.load_dataset(dataset.dataset_id))


async def test_a_staging_area_that_cannot_be_read_is_not_taken_for_lost(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        staged_path(world, dataset).unlink()
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset, DONE, AGENT)
        folder = world.folder / "staging"
        folder.rename(world.folder / "elsewhere")
        with pytest.raises(StagingFailedError):
            await process.tear_down(dataset, DONE, AGENT)
        assert await process.services.approvals.list(LEE) == []


@pytest.mark.parametrize("status", [DatasetStatus.READY, DatasetStatus.ARCHIVED])
async def test_what_is_somebody_elses_by_the_time_of_the_word_is_left_to_them(
    world: World, status: DatasetStatus
) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process)
        await approve(process, await file_request(process, dataset))

        class Slow:
            async def ask(self, question: Any) -> Any:  # noqa: ANN401 - as it comes, so it goes
                given = await process.services.approvals.ask(question)
                changed = replace(dataset, status=status, generation=dataset.generation + 1)
                await process.deps.store.transact(lambda uow: uow.datasets.put(changed))
                return given

        teardowns = process.services.teardowns
        begun = await teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT, Slow())
        assert begun.dataset.status is status
        assert begun.dataset.teardown == dataset.teardown


async def test_calls_that_race_with_one_grant_use_it_once(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_dataset_with_lost_content(process)
        approval_id = await file_request(process, dataset)
        await approve(process, approval_id)
        ended: list[DatasetStatus] = []

        async def call() -> None:
            with suppress(ConfirmationRequiredError):  # it looked before, and asked after the grant was used
                ended.append((await process.tear_down(dataset, DONE, AGENT)).status)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(call)
        assert set(ended) == {DatasetStatus.ARCHIVED}
        down = await process.load_dataset(dataset.dataset_id)
        assert down.teardown is not None
        assert [each.approval_id for each in down.teardown.conceded] == [approval_id]
        assert (await process.load_event_kinds()).count("dataset:torn_down") == 1


async def test_a_whole_archive_that_stands_is_kept_when_staging_is_lost_behind_it(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await process.wait_for_crash()
    [documents] = (world.folder / "archives").rglob("documents.jsonl.zst")
    whole = documents.read_bytes()
    documents.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    async with world.open_process() as process:
        with pytest.raises(ArchiveFailedError, match="disconnect"):
            await process.tear_down(dataset, DONE, AGENT)
        documents.write_bytes(whole)
        staged_path(world, dataset).unlink()
        assert (await process.tear_down(dataset, DONE, AGENT)).status is DatasetStatus.ARCHIVED
        assert await process.services.approvals.list(LEE) == []
    assert documents.read_bytes() == whole
