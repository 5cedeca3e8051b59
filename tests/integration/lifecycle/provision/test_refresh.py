"""A refresh is an attempt beside what is served, with what would have happened since."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from domain.errors import (
    ApprovalClosedError,
    ConfirmationRequiredError,
    DatasetProtectedError,
    DrainingError,
    InvalidArgumentError,
    JourneyNotActiveError,
    LifecycleError,
    MockDataMissingError,
    PreconditionUnknownError,
    ProvisionFailedError,
    ProvisionRunningError,
    QualityChecksPendingError,
    StageMismatchError,
    TeardownInProgressError,
    UnknownDatasetError,
)
from domain.model.approval import ConfirmationRequest
from domain.model.dataset import Recheck
from domain.model.enums import DatasetStatus, DatasetType, DataSource, JourneyState, Stage, TeardownReason
from domain.model.principal import Principal
from tests.support.content.companies import write_company
from tests.support.content.template_repository import confluence_page, write_template
from tests.support.inline_engine import CrashAt
from tests.support.interception import CallInterceptor, OnNthCall
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle import Dependencies, RefreshResult
    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

    Happened = Callable[[World, Process, Dataset], Awaitable[None]]

PAGES = DatasetType.CONFLUENCE_PAGES
DAY = timedelta(days=1)


def write_relative_template(place: World, numbers: range = range(30), **changes: Any) -> None:
    """A template whose time is relative, with pages of these numbers."""
    pages = [confluence_page(each) | changes for each in numbers]
    write_template(place.repository, PAGES, pages, relative=True)


async def provision_yesterday(place: World, process: Process) -> Dataset:
    """A READY dataset of a template with relative time, populated the day before; its template changes then."""
    write_relative_template(place)
    await process.add_client_and_journey()
    dataset = await process.provision()
    assert dataset.status is DatasetStatus.READY
    write_relative_template(place, range(20, 40))
    place.clock.ahead += DAY
    return dataset


async def start_refresh(process: Process, dataset: Dataset, principal: Principal = OPERATOR) -> RefreshResult:
    return await process.services.refreshes.start_or_attach(dataset.dataset_id, principal)


async def refresh(process: Process, dataset: Dataset) -> Dataset:
    """Refresh, and wait for the end."""
    begun = await start_refresh(process, dataset)
    assert begun.begun
    return (await process.services.refreshes.wait(begun, 30)).dataset


def staged_days(place: World) -> dict[str, str]:
    """The day on which each staged document was updated."""
    (path,) = [each for each in (place.folder / "staging").rglob("*.jsonl") if each.is_file()]
    documents = map(json.loads, path.read_text("utf-8").splitlines())
    return {each["id"]: each["updated"][:10] for each in documents}


@pytest.mark.each_store
@pytest.mark.each_dialect
async def test_the_log_of_generated_data_goes_on(world: World) -> None:
    write_company(world.repository)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        before = await process.provision(data_source=DataSource.GENERATED)
        first, first_days = set(world.served_document_ids(before.name)), staged_days(world)
        world.clock.ahead += 3 * DAY
        after = await refresh(process, before)
    assert (after.status, after.attempt, after.run, after.failure) == (DatasetStatus.READY, 2, None, None)
    assert (after.connector_id, after.record_count) == (before.connector_id, 30)
    assert after.generation > before.generation
    second, days = set(world.served_document_ids(after.name)), staged_days(world)
    assert first & second
    assert first - second
    assert second - first
    assert all(days[each] >= first_days[each] for each in days.keys() & first_days.keys())
    assert max(days.values()) == (world.clock.now() - DAY).date().isoformat()
    assert world.staged_files() == [f"{after.dataset_id}/2.jsonl"]
    assert after.quality is not None
    if process.deps.platform.capabilities.search:
        assert after.quality.readiness is not None
        assert after.quality.readiness.unanswered == ()


@pytest.mark.each_dialect
async def test_relative_time_moves_ids_are_kept_and_deleted_documents_vanish(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        yesterday = staged_days(world)
        after = await refresh(process, before)
        kinds = await process.load_event_kinds()
    assert after.status is DatasetStatus.READY
    assert set(world.served_document_ids(after.name)) == {f"P{number}" for number in range(20, 40)}
    newest = (world.clock.now() - DAY).date().isoformat()
    days = staged_days(world)
    assert max(days.values()) == newest
    assert [each for each in days if each in yesterday] == [f"P{number}" for number in range(20, 30)]
    assert kinds[-3:] == ["dataset:provisioning_started", "dataset:quality_evaluated", "dataset:provisioned"]


@pytest.mark.each_dialect
async def test_what_was_served_is_served_until_the_new_content_is_there(world: World) -> None:
    async with world.open_process(crash=CrashAt("index", "before")) as process:
        async with world.open_process() as first:
            before = await provision_yesterday(world, first)
        served = world.served_document_ids(before.name)
        await start_refresh(process, before)
        await process.wait_for_crash()
    async with world.open_process() as process:
        during = await process.load_dataset(before.dataset_id)
        assert (during.status, during.content, during.quality) == (
            DatasetStatus.VALIDATING,
            before.content,
            before.quality,
        )
        assert world.served_document_ids(before.name) == served
        attached = await start_refresh(process, before)
        assert not attached.begun
        after = (await process.services.refreshes.wait(attached, 30)).dataset
    assert (after.status, after.attempt) == (DatasetStatus.READY, 2)
    assert set(world.served_document_ids(after.name)) == {f"P{number}" for number in range(20, 40)}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", operation="documents.upload", status=422, times=None),
        Fault(kind="status", operation="sync.start", status=403, times=None),
        Fault(kind="sync_fails"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.operation}",
)
async def test_a_refresh_that_fails_leaves_the_dataset_ready_and_is_told(world: World, fault: Fault) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        served = world.served_document_ids(before.name)
        world.glean.faults.add(fault)
        with pytest.raises(ProvisionFailedError) as failed:
            await refresh(process, before)
        after = await process.load_dataset(before.dataset_id)
        world.glean.faults.clear()
        attached = await process.provision()
        again = await refresh(process, before)
    assert failed.value.message.startswith(f"Refreshing {before.name} failed at the step ")
    assert "The earlier content is still served." in failed.value.message
    assert f"`dataset-lifecycle datasets refresh {before.dataset_id}`" in failed.value.suggested_action
    assert (after.status, after.content, after.quality) == (
        DatasetStatus.READY,
        before.content,
        before.quality,
    )
    assert after.failure is not None
    assert after.generation > before.generation
    assert (attached.status, attached.attempt) == (DatasetStatus.READY, 2)
    assert (again.status, again.attempt, again.failure) == (DatasetStatus.READY, 3, None)
    assert set(served) == {f"P{number}" for number in range(30)}


async def test_a_refresh_is_not_said_to_be_ready_while_its_sync_cannot_be_reversed(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        world.glean.faults.add(Fault(kind="status", operation="sync.find", status=503, times=None))
        with pytest.raises(ProvisionFailedError, match="until the step 'index' is undone"):
            await refresh(process, before)
        after = await process.load_dataset(before.dataset_id)
        assert (after.status, after.content) == (DatasetStatus.VALIDATING, before.content)
        world.glean.faults.clear()
        await process.services.sagas.resume(respect_backoff=False)
        await process.services.sagas.wait(before.dataset_id, 30)
        checked = await process.services.datasets.recheck(before.dataset_id, OPERATOR)
    assert checked.status is DatasetStatus.READY
    assert set(world.served_document_ids(before.name)) == {f"P{number}" for number in range(30)}


@pytest.mark.each_store
@pytest.mark.each_dialect
async def test_a_refresh_that_is_cancelled_leaves_the_dataset_as_it_was(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        served = world.served_document_ids(before.name)
        world.glean.faults.add(Fault(kind="sync_hangs"))
        begun = await start_refresh(process, before)
        await process.wait_for_step(before.dataset_id, "index")
        await process.services.sagas.cancel(before.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError) as cancelled:
            await process.services.refreshes.wait(begun, 30)
        after = await process.load_dataset(before.dataset_id)
    assert cancelled.value.suggested_action == (
        f"To try again, run `dataset-lifecycle datasets refresh {before.dataset_id}`."
    )
    assert (after.status, after.content, after.staged) == (DatasetStatus.READY, before.content, None)
    assert world.served_document_ids(before.name) == served
    assert world.staged_files() == [f"{before.dataset_id}/1.jsonl"]


async def test_what_stops_a_refresh_after_its_content_is_served_leaves_the_new_content(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        world.glean.faults.add(Fault(kind="status", operation="health.get", status=403, times=None))
        with pytest.raises(ProvisionFailedError, match="The new content is served") as failed:
            await refresh(process, before)
        after = await process.load_dataset(before.dataset_id)
    assert "retry" in failed.value.suggested_action
    assert (after.status, after.failure is None) == (DatasetStatus.VALIDATING, False)
    assert len(world.served_document_ids(after.name)) == 20


async def test_new_content_that_is_not_good_enough_is_validating(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        write_relative_template(world, author_email="nobody@")
        after = await refresh(process, before)
        world.clock.ahead += DAY
        write_relative_template(world)
        again = await refresh(process, before)
        world.clock.ahead += DAY
        write_relative_template(world, author_email="nobody@")
        await refresh(process, before)
        world.clock.ahead += DAY
        world.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
        with pytest.raises(ProvisionFailedError):
            await refresh(process, before)
        failed = await process.load_dataset(before.dataset_id)
    assert (after.status, again.status) == (DatasetStatus.VALIDATING, DatasetStatus.READY)
    assert failed.status is DatasetStatus.VALIDATING


async def test_on_the_day_of_its_population_nothing_is_pushed(world: World) -> None:
    write_relative_template(world)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        before = await process.provision()
        found = await start_refresh(process, before)
        waited = await process.services.refreshes.wait(found, 30)
    assert (found.begun, found.current, waited) == (False, True, found)
    assert found.dataset == before


async def test_a_refresh_by_hand_is_a_use_and_one_by_schedule_is_none(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        begun = await process.services.refreshes.start_or_attach(before.dataset_id, OPERATOR, as_use=False)
        unused = (await process.services.refreshes.wait(begun, 30)).dataset
        world.clock.ahead += DAY
        used = await refresh(process, before)
    assert unused.last_used_at == before.last_used_at
    assert used.last_used_at > before.last_used_at


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_person_was_asked_before_a_refresh_is_void_after_it(world: World, fails: bool) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        asked = ConfirmationRequest(
            dataset=before,
            reason=TeardownReason.MANUAL,
            requester="agent:lee",
            generation=before.generation,
            shown={"dataset": before.name},
        )
        with pytest.raises(ConfirmationRequiredError):
            await process.services.approvals.ask(asked)
        (approval,) = await process.services.approvals.list(OPERATOR)
        if fails:
            world.glean.faults.add(Fault(kind="sync_fails"))
        with suppress(ProvisionFailedError):
            await refresh(process, before)
        after = await process.load_dataset(before.dataset_id)
        with pytest.raises(ApprovalClosedError):
            await process.services.approvals.approve(approval.approval_id, OPERATOR, before.name)
    assert after.status is DatasetStatus.READY


async def test_a_teardown_that_claims_it_meanwhile_ends_the_wait(world: World) -> None:
    async with world.open_process() as process:
        before = await provision_yesterday(world, process)
        begun = await start_refresh(process, before)
        await process.services.refreshes.wait(begun, 30)
        await process.complete_journey()
        await process.tear_down(before)
        with pytest.raises(TeardownInProgressError, match="was taken down meanwhile"):
            await process.services.refreshes.wait(begun, 30)


async def _change(process: Process, dataset: Dataset, **changes: Any) -> None:
    await process.deps.store.transact(
        lambda uow: uow.datasets.put(replace(uow.datasets.get(dataset.dataset_id) or dataset, **changes))
    )


async def _drain(place: World, process: Process, dataset: Dataset) -> None:
    await process.services.drain.begin_drain(OPERATOR)


async def _protect(place: World, process: Process, dataset: Dataset) -> None:
    until = place.clock.now() + DAY
    await process.services.leases.protect_dataset(dataset.dataset_id, until, OPERATOR, person=True)


async def _pause(place: World, process: Process, dataset: Dataset) -> None:
    await process.services.registry.set_state("j1", JourneyState.PAUSED, OPERATOR)


async def _promote(place: World, process: Process, dataset: Dataset) -> None:
    await process.services.registry.promote("j1", Stage.PILOT, OPERATOR)


async def _archive(place: World, process: Process, dataset: Dataset) -> None:
    await process.complete_journey()
    await process.tear_down(dataset)


async def _recheck(place: World, process: Process, dataset: Dataset) -> None:
    now = place.clock.now()
    await _change(process, dataset, recheck=Recheck(requested_at=now, deadline=now + DAY))


async def _fail(place: World, process: Process, dataset: Dataset) -> None:
    await _change(process, dataset, status=DatasetStatus.FAILED)


async def _fix_time(place: World, process: Process, dataset: Dataset) -> None:
    write_template(place.repository, PAGES, [confluence_page(number) for number in range(30)])


async def _remove_template(place: World, process: Process, dataset: Dataset) -> None:
    next(place.repository.rglob(f"{PAGES.value}.json")).unlink()


async def _set_clock_back(place: World, process: Process, dataset: Dataset) -> None:
    place.clock.ahead -= 3 * DAY


@pytest.mark.parametrize(
    ("happened", "error"),
    [
        (_drain, DrainingError),
        (_protect, DatasetProtectedError),
        (_pause, JourneyNotActiveError),
        (_promote, StageMismatchError),
        (_archive, InvalidArgumentError),
        (_fail, InvalidArgumentError),
        (_recheck, QualityChecksPendingError),
        (_fix_time, InvalidArgumentError),
        (_remove_template, MockDataMissingError),
        (_set_clock_back, PreconditionUnknownError),
    ],
)
async def test_what_forbids_a_refresh_changes_nothing(
    world: World, happened: Happened, error: type[LifecycleError]
) -> None:
    async with world.open_process() as process:
        dataset = await provision_yesterday(world, process)
        await happened(world, process, dataset)
        before = await process.load_dataset(dataset.dataset_id)
        events, changes = await process.load_event_kinds(), len(world.glean.ledger())
        with pytest.raises(error):
            await start_refresh(process, dataset)
        assert await process.load_dataset(dataset.dataset_id) == before
        assert await process.load_event_kinds() == events
        assert [
            each.operation for each in world.glean.ledger()[changes:] if "get" not in each.operation
        ] == []


async def test_another_clients_dataset_is_answered_like_an_unknown_one(world: World) -> None:
    async with world.open_process() as process:
        dataset = await provision_yesterday(world, process)
        stranger = Principal(subject="agent:lee", clients=frozenset({"globex"}))
        with pytest.raises(UnknownDatasetError) as theirs:
            await start_refresh(process, dataset, stranger)
        with pytest.raises(UnknownDatasetError) as unknown:
            await start_refresh(process, replace(dataset, dataset_id="acme-sandbox-none-1"), stranger)
    assert theirs.value.as_dict() == {
        **unknown.value.as_dict(),
        "message": f"There is no dataset {dataset.dataset_id!r}.",
    }


async def test_a_running_provision_refuses_a_refresh_and_a_running_refresh_takes_it_in(world: World) -> None:
    write_relative_template(world)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        world.glean.faults.add(Fault(kind="sync_hangs"))
        begun = (await process.start_provision()).dataset
        with pytest.raises(ProvisionRunningError):
            await start_refresh(process, begun)
        world.glean.faults.clear()
        await process.services.sagas.cancel(begun.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        dataset = await process.provision(retry=True)
        world.clock.ahead += DAY
        first, second = await start_refresh(process, dataset), await start_refresh(process, dataset)
        await process.services.refreshes.wait(second, 30)
    assert (first.begun, second.begun, second.current) == (True, False, False)
    assert first.dataset.attempt == second.dataset.attempt


async def test_of_two_callers_at_once_one_begins_and_the_other_attaches(world: World) -> None:
    async with world.open_process() as first:
        dataset = await provision_yesterday(world, first)

        def meet(deps: Dependencies) -> Dependencies:
            step = OnNthCall(lambda: start_refresh(first, dataset))
            return replace(deps, templates=cast("Any", CallInterceptor(deps.templates, "list", step)))

        async with world.open_process(replace=meet) as second:
            attached = await start_refresh(second, dataset)
            after = (await second.services.refreshes.wait(attached, 30)).dataset
    assert (attached.begun, attached.current, after.attempt) == (False, False, 2)


@pytest.mark.parametrize("happened", [_fix_time, _remove_template, _set_clock_back])
async def test_a_source_that_no_longer_moves_fails_a_refresh_that_is_taken_up_later(
    world: World, happened: Happened
) -> None:
    async with world.open_process() as first:
        before = await provision_yesterday(world, first)
    async with world.open_process(crash=CrashAt("populate", "before")) as process:
        await start_refresh(process, before)
        await process.wait_for_crash()
    async with world.open_process() as process:
        await happened(world, process, before)
        attached = await start_refresh(process, before)
        with pytest.raises(ProvisionFailedError, match="at the step 'populate'"):
            await process.services.refreshes.wait(attached, 30)
        after = await process.load_dataset(before.dataset_id)
    assert (after.status, after.content) == (DatasetStatus.READY, before.content)


async def test_a_command_finishes_a_refresh_that_nobody_works_on(world: World) -> None:
    async with world.open_process() as first:
        before = await provision_yesterday(world, first)
    async with world.open_process(crash=CrashAt("push", "before")) as process:
        await start_refresh(process, before)
        await process.wait_for_crash()
    async with world.open_process(command=True) as process:
        attached = await start_refresh(process, before)
        after = (await process.services.refreshes.wait(attached, 30)).dataset
    assert (after.status, after.attempt) == (DatasetStatus.READY, 2)
