"""A dataset is taken down whole, with an archive that was read back, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import (
    ArchiveFailedError,
    CleanupFailedError,
    ConfirmationRequiredError,
    ConnectorSyncingError,
    JourneyActiveError,
    NothingRunningError,
    PastNoReturnError,
    PlatformDeniedError,
    PlatformMismatchError,
    PlatformUnavailableError,
    PreconditionUnknownError,
    ProvisionFailedError,
    ReasonNotTrueError,
    UnknownDatasetError,
)
from domain.model.enums import (
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    JourneyState,
    Stage,
    TeardownReason,
)
from domain.model.principal import Principal
from server.adapters.glean.admin.platform import AdminPlatform
from tests.support.content.template_repository import write_template
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, AcceptingConfirmer, ApprovingConfirmer, UnavailableConfirmer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.model.approval import ConfirmationRequest
    from domain.model.dataset import Confirmation, Dataset
    from domain.ports.platform import Datasource, Platform
    from tests.support.world import Process, World


async def create_finished_dataset(process: Process, **changes: Any) -> Dataset:
    """A READY dataset whose journey is completed."""
    await process.add_client_and_journey()
    dataset = await process.provision(**changes)
    await process.complete_journey()
    return await process.load_dataset(dataset.dataset_id)


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.each_dialect
async def test_it_is_archived_and_nothing_of_it_is_left(world: World, dataset_type: DatasetType) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process, dataset_type=dataset_type)
        title = world.glean.documents(world.datasource_name(dataset.name))[0]["title"]
        assert world.glean.search(title)
        down = await process.tear_down(dataset)
        manifest = await process.deps.archives.verify(f"acme/sandbox/{dataset_type}/{dataset.dataset_id}")
        kinds = await process.load_event_kinds()
    assert down.status is DatasetStatus.ARCHIVED
    assert down.archived_at is not None
    assert down.run is None
    assert down.teardown is not None
    deleted = world.dialect is AdminPlatform
    assert down.teardown.connector_outcome is (
        ConnectorOutcome.DELETED if deleted else ConnectorOutcome.EMPTIED
    )
    assert (down.teardown.manual_step is None) is deleted
    assert down.teardown.staging_deleted
    assert dataset.content is not None
    assert manifest["checksum"] == dataset.content.checksum
    assert (world.staged_files(), world.active_datasources(), world.glean.search(title)) == ([], [], [])
    assert kinds[-1] == "dataset:torn_down"


async def test_the_archive_holds_the_files_of_the_contract(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        await process.tear_down(dataset)
    root = f"acme/sandbox/confluence_pages/{dataset.dataset_id}"
    assert world.archived_files() == [
        f"{root}/{name}"
        for name in (
            "documents.jsonl.zst",
            "manifest.json",
            "metadata.json",
            "quality_reports.json.zst",
            "sample_data.json.zst",
        )
    ]
    metadata = json.loads((world.folder / "archives" / root / "metadata.json").read_text())
    assert metadata["reason"] == "journey_completed"
    assert metadata["record_count"] == 30


@pytest.mark.each_dialect
async def test_what_is_archived_answers_the_same_again(world: World) -> None:
    async with world.open_process() as process:
        down = await process.tear_down(await create_finished_dataset(process))
        before = world.glean.request_counts()
        assert await process.tear_down(down) == down
        assert world.glean.request_counts() == before


@pytest.mark.each_dialect
async def test_its_place_is_free_for_a_new_dataset_with_an_id_of_its_own(world: World) -> None:
    async with world.open_process() as process:
        down = await process.tear_down(await create_finished_dataset(process))
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        again = await process.provision()
    assert again.dataset_id != down.dataset_id
    assert again.status is DatasetStatus.READY


async def test_an_active_journey_forbids_it_and_says_what_clears_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        with pytest.raises(JourneyActiveError) as refusal:
            await process.tear_down(dataset)
        assert [each.code for each in refusal.value.blocking] == ["journey_active", "reason_not_true"]
        assert await process.load_dataset(dataset.dataset_id) == dataset
    assert len(world.served_document_ids(dataset.name)) == 30


async def test_a_reason_that_is_not_true_is_refused(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        for reason in (
            TeardownReason.STAGE_COMPLETED,
            TeardownReason.ORPHANED,
            TeardownReason.PROVISION_FAILED,
        ):
            with pytest.raises(ReasonNotTrueError):
                await process.tear_down(dataset, reason)


async def test_manual_needs_a_person_and_what_they_confirm_is_what_is_done(world: World) -> None:
    person = AcceptingConfirmer("typed_name")
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        with pytest.raises(ConfirmationRequiredError):
            await process.tear_down(dataset, TeardownReason.MANUAL)
        down = await process.tear_down(dataset, TeardownReason.MANUAL, confirmer=person)
    [question] = person.requests
    assert (question.dataset, question.generation) == (dataset, dataset.generation)
    assert down.status is DatasetStatus.ARCHIVED
    assert down.teardown is not None
    assert down.teardown.confirmation is not None
    assert down.teardown.confirmation.by == "person:lee"


async def test_nobody_is_asked_when_something_else_forbids_it_anyway(world: World) -> None:
    person = AcceptingConfirmer()
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        with pytest.raises(JourneyActiveError):
            await process.tear_down(dataset, TeardownReason.MANUAL, confirmer=person)
    assert person.requests == []


async def test_a_journey_reactivated_while_the_question_was_open_blocks_it(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)

        class Slow(AcceptingConfirmer):
            async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
                await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
                return await super().ask(question)

        with pytest.raises(JourneyActiveError):
            await process.tear_down(dataset, TeardownReason.MANUAL, confirmer=Slow())
        held = await process.load_dataset(dataset.dataset_id)
        assert held == replace(dataset, last_used_at=held.last_used_at, generation=dataset.generation + 1)


async def test_a_dataset_that_changed_while_the_question_was_open_needs_a_new_answer(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)

        class Slow(AcceptingConfirmer):
            async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
                answer = await super().ask(question)
                await process.deps.store.transact(
                    lambda uow: uow.datasets.put(dataset.evolve(protected_until=process.deps.clock.now()))
                )
                return answer

        with pytest.raises(ConfirmationRequiredError, match="earlier state"):
            await process.tear_down(dataset, TeardownReason.MANUAL, confirmer=Slow())


@pytest.mark.parametrize("stage", [Stage.PILOT, Stage.PRODUCTION])
@pytest.mark.each_dialect
async def test_past_sandbox_every_teardown_needs_an_approval(world: World, stage: Stage) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey(stage=stage)
        dataset = await process.provision(stage=stage)
        await process.complete_journey()
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await process.tear_down(dataset, confirmer=AcceptingConfirmer("typed_name"))
        assert refusal.value.facts["how"] == "approval"
        down = await process.tear_down(dataset, confirmer=ApprovingConfirmer(process.services.approvals))
        assert down.status is DatasetStatus.ARCHIVED


async def test_an_approval_that_nobody_kept_is_none(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset_id = (await process.provision(stage=Stage.PILOT)).dataset_id
        await process.complete_journey()
        dataset = await process.load_dataset(dataset_id)
        with pytest.raises(ConfirmationRequiredError, match="was used, has expired"):
            await process.tear_down(dataset, confirmer=AcceptingConfirmer("approval"))
        assert await process.load_dataset(dataset.dataset_id) == dataset


async def test_where_nobody_can_be_asked_the_rule_itself_refuses(world: World) -> None:
    async with world.open_process(confirmer=UnavailableConfirmer()) as process:
        dataset = await create_finished_dataset(process)
        with pytest.raises(ConfirmationRequiredError, match="only when a person confirms it"):
            await process.tear_down(dataset, TeardownReason.MANUAL)
        assert await process.services.approvals.list(OPERATOR) == []


async def test_a_dataset_that_the_caller_may_not_touch_is_as_unknown_as_none(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        stranger = Principal(subject="agent:x", clients=frozenset({"globex"}))
        with pytest.raises(UnknownDatasetError) as theirs:
            await process.tear_down(dataset, principal=stranger)
        assert theirs.value.candidates == ()
        with pytest.raises(UnknownDatasetError) as none:
            await process.tear_down("ACME_sandbox_Confluence")
    assert none.value.candidates == (dataset.dataset_id,)


@pytest.mark.each_dialect
async def test_a_connector_that_syncs_forbids_it_and_one_that_cannot_be_asked_too(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    world.policy = replace(world.policy, sync_deadline=timedelta(0))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError):
            await process.provision()
    world.policy = replace(world.policy, sync_deadline=timedelta(minutes=30))
    async with world.open_process() as process:
        dataset_id = (await process.provision(retry=True)).dataset_id
        await process.complete_journey()
        dataset = await process.load_dataset(dataset_id)
        world.glean.faults.add(Fault(kind="sync_hangs"))
        await begin_a_sync(process, dataset, attempt=2)
        with pytest.raises(ConnectorSyncingError):
            await process.tear_down(dataset)
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("health.get"), status=503, times=None)
        )
        with pytest.raises(PreconditionUnknownError):
            await process.tear_down(dataset)
        assert await process.load_dataset(dataset.dataset_id) == dataset


async def begin_a_sync(process: Process, dataset: Dataset, attempt: int) -> None:
    mark, handle = await process.owner_tag(dataset), str((await process.load_connector(dataset)).handle)
    pages = process.deps.staging.iterate_pages(dataset.dataset_id, attempt, max_count=10, max_bytes=1 << 20)
    await process.deps.platform.push(handle, mark, "by-hand", pages, lambda _: None)
    await process.deps.platform.start_sync(handle, mark, "by-hand")


async def test_another_tenant_behind_the_same_address_is_refused(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        world.glean.replace_tenant(keep_content=True)
        with pytest.raises(PlatformMismatchError):
            await process.tear_down(dataset)
    assert len(world.glean.datasources()) == 1


async def test_a_datasource_that_lost_our_mark_is_not_removed(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        world.glean.delete_datasource(dataset.name)
        world.glean.create_foreign_datasource(dataset.name)
        down = await process.tear_down(dataset)
    assert down.status is DatasetStatus.ARCHIVED  # ours is gone, as the platform itself says
    assert [each["name"] for each in world.glean.datasources()] == [dataset.name]  # theirs stays


@pytest.mark.parametrize("what", ["damaged", "gone"])
async def test_content_that_is_not_whole_is_not_archived_and_nothing_is_deleted(
    world: World, what: str
) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        staged = world.folder / "staging" / dataset.dataset_id / "1.jsonl"
        if what == "gone":
            staged.unlink()
        else:
            staged.write_bytes(staged.read_bytes()[:-10])
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset)
        held = await process.load_dataset(dataset.dataset_id)
    assert held.status is DatasetStatus.TEARDOWN
    assert held.teardown is not None
    assert held.teardown.failure is not None
    assert held.teardown.failure.step == "archive"
    assert len(world.served_document_ids(dataset.name)) == 30
    assert world.archived_files() == []


@pytest.mark.each_dialect
async def test_an_archive_damaged_before_the_disconnect_stops_it_there(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        dataset = await create_finished_dataset(process)
        await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.wait_for_crash()
    [documents] = (world.folder / "archives").rglob("documents.jsonl.zst")
    whole = documents.read_bytes()
    documents.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    async with world.open_process() as process:
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(dataset)
        assert len(world.served_document_ids(dataset.name)) == 30
        assert world.staged_files()
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED


@pytest.mark.each_dialect
async def test_a_step_that_failed_is_gone_on_from_when_called_again(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("datasources.delete"), status=403, times=None)
        )
        with pytest.raises(PlatformDeniedError, match="disconnect") as failure:
            await process.tear_down(dataset)
        assert failure.value.facts["step"] == "disconnect"
        held = await process.load_dataset(dataset.dataset_id)
        assert held.status is DatasetStatus.TEARDOWN
        assert held.teardown is not None
        assert held.teardown.disconnecting
        assert world.staged_files()
        # Past the point of no return nothing is asked again, and nothing can be cancelled.
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        world.glean.faults.clear()
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED


@pytest.mark.each_dialect
async def test_a_journey_reactivated_before_the_disconnect_gives_the_dataset_back(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        dataset = await create_finished_dataset(process)
        await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.wait_for_crash()
    async with world.open_process() as process:
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        with pytest.raises(JourneyActiveError, match="ready again"):
            await process.tear_down(dataset)
        held = await process.load_dataset(dataset.dataset_id)
        assert (held.status, held.run) == (DatasetStatus.READY, None)
        assert (await process.provision()).dataset_id == dataset.dataset_id
        assert "dataset:teardown_failed" in await process.load_event_kinds()
        await process.complete_journey()
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED


async def test_a_cancel_before_the_disconnect_gives_the_dataset_back_and_after_it_is_refused(
    world: World,
) -> None:
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        dataset = await create_finished_dataset(process)
        await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.wait_for_crash()
    async with world.open_process() as process:
        await process.services.sagas.cancel(dataset.dataset_id, OPERATOR)
        held, _ = await process.services.sagas.wait(dataset.dataset_id, 30)
        assert held.status is DatasetStatus.READY
        with pytest.raises(NothingRunningError):
            await process.services.sagas.cancel(dataset.dataset_id, OPERATOR)
    async with world.open_process(crash=CrashAt("disconnect", "inside")) as process:
        await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.wait_for_crash()
        with pytest.raises(PastNoReturnError):
            await process.services.sagas.cancel(dataset.dataset_id, OPERATOR)


async def test_a_datasource_that_is_still_listed_is_not_called_gone(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
        world.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=404, body="api"))
        with pytest.raises(PlatformUnavailableError, match="still lists it"):
            await process.tear_down(dataset)
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED


class UndeletablePlatform:
    """A platform that goes on showing what is gone: in a list, or its documents."""

    def __init__(self, platform: Platform, shows: str) -> None:
        self._platform = platform
        self._shows = shows
        self._removed: list[Datasource] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the platform has
        return getattr(self._platform, name)

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        found = list(await self._platform.find_datasources(names))
        self._removed = self._removed or found
        return self._removed if self._shows == "list" else found

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        return self._shows == "documents" or await self._platform.is_still_served(handle, name, lines)


@pytest.mark.parametrize(("shows", "told"), [("list", "still listed"), ("documents", "still finds")])
@pytest.mark.each_dialect
async def test_what_the_platform_still_shows_is_not_called_gone(world: World, shows: str, told: str) -> None:
    async with world.open_process() as process:
        dataset = await create_finished_dataset(process)
    async with world.open_process(
        replace=lambda deps: replace(deps, platform=UndeletablePlatform(deps.platform, shows))
    ) as process:
        with pytest.raises(CleanupFailedError, match=told):
            await process.tear_down(dataset)
        assert world.staged_files()
    async with world.open_process() as process:
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED


@pytest.mark.each_dialect
async def test_a_failed_dataset_is_taken_down_with_nothing_but_its_story(world: World) -> None:
    write_template(world.repository, DatasetType.CONFLUENCE_PAGES, []).write_text("{")
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision()
        dataset_id = str(failure.value.facts["dataset_id"])
        down = await process.tear_down(dataset_id, TeardownReason.PROVISION_FAILED)
    assert down.status is DatasetStatus.ARCHIVED
    assert [name.rpartition("/")[2] for name in world.archived_files()] == [
        "manifest.json",
        "metadata.json",
        "quality_reports.json.zst",
        "sample_data.json.zst",
    ]


@pytest.mark.each_dialect
async def test_what_a_failed_provision_left_behind_goes_with_the_teardown(world: World) -> None:
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("documents.upload"), status=422, times=None)
    )
    world.glean.faults.add(
        Fault(kind="status", operation=world.operation_name("datasources.delete"), status=503, times=None)
    )
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision()
        world.glean.faults.clear()
        down = await process.tear_down(
            str(failure.value.facts["dataset_id"]), TeardownReason.PROVISION_FAILED
        )
        left = await process.deps.store.read(lambda uow: uow.compensations.find())
        connector = await process.deps.store.read(lambda uow: uow.connectors.get(down.connector_id or ""))
    assert (down.status, left, world.active_datasources()) == (DatasetStatus.ARCHIVED, [], [])
    assert connector is not None
    assert connector.status is ConnectorStatus.DISCONNECTED


@pytest.mark.each_dialect
async def test_a_sync_past_its_deadline_is_stopped_and_does_not_hold_the_teardown(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_loses", documents=1))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        world.glean.faults.add(Fault(kind="sync_hangs"))
        await begin_a_sync(process, dataset, attempt=1)
        world.clock.ahead += timedelta(hours=2)
        down = await process.tear_down(dataset)
    assert down.status is DatasetStatus.ARCHIVED
    stopped = "sync.stop" in [entry.operation for entry in world.glean.ledger()]
    assert stopped is (world.dialect is AdminPlatform)
    assert world.active_datasources() == []
