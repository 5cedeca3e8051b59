"""The daily refresh: which datasets it takes, in which order, and what it tells of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from domain.errors import StoreUnavailableError
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.principal import Principal
from domain.model.schedule import REFRESH_SCHEDULE
from server.composition.use_cases import build_services
from server.workers.jobs import build_scheduled_jobs
from tests.support.content.template_repository import RECORD_FACTORIES, write_template
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.governance import RefreshRun
    from domain.model.dataset import Dataset
    from domain.ports import Json
    from tests.support.world import Process, World

    Happened = Callable[[Process, Dataset], Awaitable[None]]

DAY = timedelta(days=1)
PAGES, REPOS, MESSAGES = (
    DatasetType.CONFLUENCE_PAGES,
    DatasetType.GITHUB_REPOS,
    DatasetType.SLACK_MESSAGES,
)
SCHEDULE = Principal(subject="schedule:refresh")


def write_relative_template(place: World, dataset_type: DatasetType) -> None:
    records = [RECORD_FACTORIES[dataset_type](number) for number in range(8)]
    write_template(place.repository, dataset_type, records, relative=True)


async def provision_living(place: World, process: Process, *types: DatasetType) -> list[Dataset]:
    """Datasets of templates with relative time, each populated a day after the one before; then a day passes."""
    await process.add_client_and_journey()
    made: list[Dataset] = []
    for each in types:
        write_relative_template(place, each)
        made.append(await process.provision(dataset_type=each))
        place.clock.ahead += DAY
    return made


async def run_refresh(process: Process, *, most: int = 25) -> RefreshRun:
    """One run, and the end of all that it began."""
    services = build_services(process.deps, process.engine, refresh_count=most)
    run = await services.scheduled_refreshes.run(SCHEDULE)
    for each in run.begun:
        await services.sagas.wait(each.dataset_id, 30)
    return run


def names(datasets: tuple[Dataset, ...]) -> list[str]:
    return [each.dataset_type.value for each in datasets]


@pytest.mark.each_store
async def test_a_run_takes_what_moves_and_leaves_what_does_not_and_what_is_of_today(world: World) -> None:
    async with world.open_process() as process:
        first, second = await provision_living(world, process, PAGES, REPOS)
        await process.provision(dataset_type=DatasetType.JIRA_ISSUES)  # its instants are fixed
        write_relative_template(world, MESSAGES)
        await process.provision(dataset_type=MESSAGES)
        run = await run_refresh(process)
        again = await run_refresh(process)
        after = [await process.load_dataset(each.dataset_id) for each in (first, second)]
    assert (names(run.begun), run.skipped, run.left) == ([PAGES.value, REPOS.value], (), 0)
    assert (again.begun, again.skipped, again.left) == ((), (), 0)
    assert [(each.status, each.attempt) for each in after] == [(DatasetStatus.READY, 2)] * 2
    assert [each.last_used_at for each in after] == [first.last_used_at, second.last_used_at]


async def test_a_run_takes_only_so_many_those_first_that_were_populated_longest_ago(world: World) -> None:
    async with world.open_process() as process:
        await provision_living(world, process, REPOS, MESSAGES, PAGES)
        runs = [await run_refresh(process, most=2) for _ in range(3)]
    assert [(names(each.begun), each.left) for each in runs] == [
        ([REPOS.value, MESSAGES.value], 1),
        ([PAGES.value], 0),
        ([], 0),
    ]


async def test_one_that_fails_each_day_does_not_keep_the_others_from_their_turn(world: World) -> None:
    async with world.open_process() as process:
        first, _ = await provision_living(world, process, PAGES, REPOS)
        world.glean.faults.add(Fault(kind="sync_fails"))
        failed = await run_refresh(process, most=1)
        world.glean.faults.clear()
        after = await process.load_dataset(first.dataset_id)
        other = await run_refresh(process, most=1)
        again = await run_refresh(process, most=1)
    assert (names(failed.begun), after.status, after.failure is None) == (
        [PAGES.value],
        DatasetStatus.READY,
        False,
    )
    assert (names(other.begun), other.left) == ([REPOS.value], 1)
    assert (names(again.begun), again.left) == ([PAGES.value], 0)


async def _change(process: Process, dataset: Dataset, **changes: Any) -> None:
    await process.deps.store.transact(lambda uow: uow.datasets.put(replace(dataset, **changes)))


async def _protect(process: Process, dataset: Dataset) -> None:
    await _change(process, dataset, protected_until=process.deps.clock.now() + DAY)


async def _mark_orphan(process: Process, dataset: Dataset) -> None:
    mark = OrphanMark(orphaned_at=process.deps.clock.now(), reason="journey_completed")
    await _change(process, dataset, orphan=mark)


async def _make_validating(process: Process, dataset: Dataset) -> None:
    await _change(process, dataset, status=DatasetStatus.VALIDATING)


async def _pause(process: Process, dataset: Dataset) -> None:
    await process.services.registry.set_state("j1", JourneyState.PAUSED, OPERATOR)


async def _promote(process: Process, dataset: Dataset) -> None:
    await process.services.registry.promote("j1", Stage.PILOT, OPERATOR)


async def _spoil_journey(process: Process, dataset: Dataset) -> None:
    process.world.execute_sql("update journeys set state = 'zombie'")


@pytest.mark.parametrize(
    "happened", [_protect, _mark_orphan, _make_validating, _pause, _promote, _spoil_journey]
)
async def test_what_is_protected_or_not_in_use_is_left_alone(world: World, happened: Happened) -> None:
    async with world.open_process() as process:
        (dataset,) = await provision_living(world, process, PAGES)
        await happened(process, dataset)
        run = await run_refresh(process)
    assert (run.begun, run.skipped, run.left) == ((), (), 0)


async def test_one_that_refuses_is_skipped_and_told(world: World) -> None:
    async with world.open_process() as process:
        (dataset,) = await provision_living(world, process, PAGES)
        world.clock.ahead -= 3 * DAY
        job = build_scheduled_jobs(process.services, MagicMock(), MagicMock())[REFRESH_SCHEDULE]
        told: Json = await job("2026-03-01")
        run = await run_refresh(process)
    assert told == {"begun": 0, "skipped": 1, "left": 0, "precondition_unknown": 1}
    ((skipped, error),) = run.skipped
    assert (skipped.dataset_id, error.code) == (dataset.dataset_id, "precondition_unknown")


async def test_a_run_whose_store_is_away_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The connection was lost.")

    async with world.open_process() as process:
        await provision_living(world, process, PAGES)
        monkeypatch.setattr("domain.lifecycle.RefreshService.start_or_attach", away)
        with pytest.raises(StoreUnavailableError):
            await process.services.scheduled_refreshes.run(SCHEDULE)
