"""Connectors looked at every minute: changes are announced once, and put quality to another check."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.connectors.monitor import RECHECK, ConnectorMonitor, MonitorResult
from domain.governance.schedules import scheduled_run_id
from domain.model.enums import ConnectorStatus, DatasetType
from domain.model.event import EventKind
from domain.model.event_payloads import HealthChanged
from domain.model.run import Run
from domain.model.schedule import HEALTH_SCHEDULE, Schedule
from domain.ports import Setting
from server.workers.scheduler import Scheduler
from tests.support.sandbox.faults import Fault
from tests.support.webhooks.event_schemas import load_events, parse_event_data

if TYPE_CHECKING:
    from domain.model.connector import Connector
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.world import Process, World

MINUTE = timedelta(minutes=1)


async def changes(process: Process) -> list[tuple[str, str]]:
    """How connectors changed, as it was announced."""
    found = []
    for each in await load_events(process.deps.store):
        if each.kind is EventKind.HEALTH_CHANGED:
            told = parse_event_data(each)
            assert isinstance(told, HealthChanged)
            found.append((told.former_health.value, told.health.value))
    return found


async def connector(process: Process, dataset: Dataset) -> Connector:
    found = await process.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
    assert found is not None
    return found


def monitor(process: Process, page: int = 100) -> ConnectorMonitor:
    return ConnectorMonitor(process.deps.store, process.services.health, process.engine, page)


def loses(place: World, dataset: Dataset, **given: Any) -> None:
    """Glean's own report on every connector is bad, until that is mended."""
    place.glean.faults.add(Fault(kind="unhealthy", **given))


async def wait_for_rechecks(process: Process, looked: MonitorResult) -> None:
    for saga_id, _dataset_id in looked.rechecks:
        assert await process.engine.wait(saga_id, 20)


@pytest.mark.each_store
async def test_a_failure_is_announced_within_one_turn_of_the_schedule_and_its_end_too(world: World) -> None:
    world.plans = [Schedule(name=HEALTH_SCHEDULE)]
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        scheduler = Scheduler(process.services.schedules, process.engine)

        async def turn() -> None:
            world.clock.ahead += MINUTE
            [(_, tick)] = await process.services.schedules.list_due()
            await scheduler.start_due_runs()
            assert await process.engine.wait(scheduled_run_id(HEALTH_SCHEDULE, tick), 20)

        await turn()
        assert await changes(process) == []
        before = (await process.load_dataset(dataset.dataset_id)).generation
        loses(world, dataset)
        await turn()
        assert await changes(process) == [("healthy", "unhealthy")]
        await turn()
        world.glean.faults.clear()
        await turn()
        assert await changes(process) == [("healthy", "unhealthy"), ("unhealthy", "healthy")]
        assert (await process.load_dataset(dataset.dataset_id)).generation == before
        kept = await connector(process, dataset)
        assert kept.status is ConnectorStatus.HEALTHY
        assert kept.last_health_check is not None
        [scheduled] = await process.services.schedules.list()
        assert scheduled.last is not None
        assert scheduled.last.told == {"seen": 1, "changed": 1, "unhealthy": 0, "late": 0, "drift": 0}


async def test_becoming_unhealthy_puts_quality_to_one_check_and_not_another_within_the_hour(
    world: World,
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        evaluated = (await process.load_event_kinds()).count("dataset:quality_evaluated")
        begun = []
        for minutes in (1, 1, 50, 20):
            world.clock.ahead += minutes * MINUTE
            loses(world, dataset)
            looked = await monitor(process).check_connectors()
            await wait_for_rechecks(process, looked)
            begun.append(len(looked.rechecks))
            again = await monitor(process).check_connectors()
            assert [each for each in again.rechecks if each not in looked.rechecks] == []
            world.glean.faults.clear()
            await monitor(process).check_connectors()
        assert begun == [1, 1, 0, 1]  # the second is the first, asked for by its id again
        assert (await process.load_event_kinds()).count("dataset:quality_evaluated") == evaluated + 2
        rechecks = [each for each in world.journal if each.startswith(RECHECK)]
        assert len(rechecks) == 2
        assert len(await changes(process)) == 8


async def test_a_clock_that_was_put_back_neither_forbids_a_check_nor_repeats_one(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        loses(world, dataset)
        await wait_for_rechecks(process, await monitor(process).check_connectors())
        world.glean.faults.clear()
        await monitor(process).check_connectors()
        world.clock.ahead -= timedelta(days=400)
        loses(world, dataset)
        looked = await monitor(process).check_connectors()
        assert len(looked.rechecks) == 1
        await wait_for_rechecks(process, looked)


@pytest.mark.each_dialect
async def test_what_cannot_be_asked_is_unhealthy_and_not_judged_again(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("health.get"), status=403, times=None)
        )
        looked = await monitor(process).check_connectors()
        assert (looked.unhealthy, looked.changed, looked.rechecks) == (1, 1, ())
        assert (await connector(process, dataset)).status is ConnectorStatus.UNHEALTHY


async def test_a_connector_that_a_saga_works_on_is_left_to_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        loses(world, dataset)

        def busy(uow: UnitOfWork) -> None:
            uow.datasets.put(replace(dataset, run=Run(saga_id="x", started_at=world.clock.now())))

        await process.deps.store.transact(busy)
        looked = await monitor(process).check_connectors()
        assert (looked.seen, looked.changed) == (1, 0)
        assert (await connector(process, dataset)).status is ConnectorStatus.HEALTHY


@pytest.mark.each_dialect
async def test_a_turn_that_was_cut_short_is_gone_on_with(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = [await process.provision(dataset_type=each) for each in DatasetType]
        first = min(str(each.connector_id) for each in made)
        await process.deps.store.transact(lambda uow: uow.settings.put(Setting("health.cursor", str), first))
        assert (await monitor(process, page=1).check_connectors()).seen == len(made) - 1
        assert (await monitor(process, page=1).check_connectors()).seen == len(made)


@pytest.mark.each_dialect
async def test_drift_is_counted_in_both_directions(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        kept = await connector(process, dataset)

        def foreign(uow: UnitOfWork) -> None:
            uow.connectors.put(replace(kept, connector_id="another", handle="nowhere"))

        await process.deps.store.transact(foreign)
        looked = await monitor(process).check_connectors()
        assert (looked.seen, looked.drift) == (2, ("missing_connector",))
