"""Connectors watched though Glean is slow, and what differs between Glean and our records, in both directions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.connectors.health_service import HealthService
from domain.connectors.monitor import MONITOR_PRINCIPAL, ConnectorMonitor
from domain.governance.schedules import scheduled_run_id
from domain.model.connector import OwnerTag
from domain.model.enums import DatasetType
from domain.model.event import EventKind
from domain.model.event_payloads import HealthChanged
from domain.model.run import Run
from domain.model.schedule import HEALTH_SCHEDULE, Schedule
from domain.ports import Setting
from domain.ports.platform import DatasourceSpec
from server.adapters.glean.admin.platform import AdminPlatform
from server.workers.scheduler import Scheduler
from server.workers.time_limited_platform import TimeLimitedPlatform
from tests.integration.webhooks.test_delivery import delivering_over_http
from tests.support.polling import wait_for
from tests.support.sandbox.faults import Fault
from tests.support.webhooks.event_schemas import load_events, parse_event_data
from tests.support.webhooks.receiver import WebhookReceiver

if TYPE_CHECKING:
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.world import Process, World

MINUTE = timedelta(minutes=1)


def monitor_impatiently(process: Process, page: int = 32, patience_s: float = 1.5) -> ConnectorMonitor:
    """As servers watch, but with less patience."""
    platform = TimeLimitedPlatform(process.deps.platform, list_s=patience_s, look_s=patience_s)
    health = HealthService(process.deps.store, platform, process.deps.clock)
    return ConnectorMonitor(process.deps.store, health, process.engine, page)


async def announced_changes(process: Process) -> list[tuple[str, str, tuple[str, ...]]]:
    """Whose health changed, to what, and with which findings."""
    found = []
    for each in await load_events(process.deps.store):
        if each.kind is EventKind.HEALTH_CHANGED:
            told = parse_event_data(each)
            assert isinstance(told, HealthChanged)
            found.append((each.dataset_id, told.health.value, tuple(told.findings)))
    return found


async def create_four_connectors(process: Process) -> list[Dataset]:
    await process.add_client_and_journey()
    return [await process.provision(dataset_type=each) for each in DatasetType]


@pytest.mark.each_dialect
async def test_one_datasource_that_hangs_keeps_no_other_from_being_looked_at(world: World) -> None:
    async with world.open_process() as process:
        hanging, broken, *_ = await create_four_connectors(process)
        world.glean.faults.add(
            Fault(
                kind="timeout",
                operation=world.operation_name("health.get"),
                datasource=world.datasource_name(hanging.name),
                times=None,
            )
        )
        if world.dialect is AdminPlatform:
            world.glean.faults.add(Fault(kind="unhealthy", datasource=broken.name))
        else:
            world.glean.delete_datasource(world.datasource_name(broken.name))
        world.clock.ahead += timedelta(seconds=30)
        looked = await monitor_impatiently(process).check_connectors()
        assert (looked.seen, looked.late, looked.changed) == (3, 1, 1)
        [told] = await announced_changes(process)
        assert told[:2] == (broken.dataset_id, "unhealthy")
        world.clock.ahead += MINUTE
        looked = await monitor_impatiently(process).check_connectors()
        assert (looked.seen, looked.late, looked.changed) == (4, 0, 1)
        assert (await announced_changes(process))[1:] == [
            (hanging.dataset_id, "unhealthy", ("platform_unavailable",))
        ]


@pytest.mark.each_dialect
async def test_a_glean_that_hangs_as_a_whole_is_announced_for_every_connector(world: World) -> None:
    async with world.open_process() as process:
        made = await create_four_connectors(process)
        world.glean.faults.add(
            Fault(kind="timeout", operation=world.operation_name("datasources.list"), times=None)
        )
        monitor = monitor_impatiently(
            process, patience_s=0.05
        )  # nothing answers that a slow machine could miss
        assert (await monitor.check_connectors()).late == 4
        world.clock.ahead += 2 * MINUTE
        looked = await monitor.check_connectors()
        assert (looked.late, looked.changed, looked.unhealthy) == (0, 4, 4)
        assert {dataset_id for dataset_id, *_ in await announced_changes(process)} == {
            each.dataset_id for each in made
        }


@pytest.mark.each_dialect
async def test_a_turn_reads_once_what_all_its_pages_need(world: World, dialect: str) -> None:
    async with world.open_process() as process:
        await create_four_connectors(process)
        before = world.glean.request_counts()
        assert (await monitor_impatiently(process, page=1).check_connectors()).seen == 4
        after = world.glean.request_counts()
        asked = {name: count - before.get(name, 0) for name, count in after.items()}
        once = {
            "admin": {("tenant.get", 200): 1, ("datasources.list", 200): 1, ("health.get", 200): 4},
            "indexing": {("getdatasourceconfig", 200): 4, ("debug.status", 200): 4},
        }
        assert {name: count for name, count in asked.items() if count} == once[dialect]


async def test_what_an_older_database_does_not_know_is_reported_by_schedule_and_tool_and_never_deleted(
    world: World,
) -> None:
    world.plans = [Schedule(name=HEALTH_SCHEDULE)]
    async with world.open_process() as process:
        await process.add_client_and_journey()
        lost = await process.provision()
        world.execute_sql("delete from connectors")
        world.execute_sql("delete from datasets")
        scheduler = Scheduler(process.services.schedules, process.engine)
        for _ in range(3):
            world.clock.ahead += MINUTE
            [(_, tick)] = await process.services.schedules.list_due()
            await scheduler.start_due_runs()
            assert await process.engine.wait(scheduled_run_id(HEALTH_SCHEDULE, tick), 20)
            [scheduled] = await process.services.schedules.list()
            assert scheduled.last is not None
            assert scheduled.last.told == {
                **dict.fromkeys(("seen", "changed", "unhealthy", "late"), 0),
                **dict.fromkeys(("drift", "unowned_connector"), 1),
            }
        [item] = (await process.services.health.check(MONITOR_PRINCIPAL)).drift
        assert (item.kind, item.dataset_id, item.client_id) == ("unowned_connector", lost.dataset_id, None)
        assert [each["name"] for each in world.glean.datasources()] == [lost.name]
        assert [each for each in world.glean.request_counts() if each[0] == "datasources.delete"] == []


@pytest.mark.each_dialect
async def test_a_datasource_that_somebody_removed_is_announced_and_differs(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        world.glean.delete_datasource(world.datasource_name(dataset.name))
        looked = await monitor_impatiently(process).check_connectors()
        assert (looked.changed, looked.drift) == (1, ("missing_connector",))
        assert await announced_changes(process) == [(dataset.dataset_id, "unhealthy", ("missing",))]
        assert (await monitor_impatiently(process).check_connectors()).changed == 0


async def test_a_configuration_that_somebody_changed_differs_unless_a_saga_is_at_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert (await monitor_impatiently(process).check_connectors()).drift == ()
        kept = await process.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
        installation = await process.deps.store.read(lambda uow: uow.installation)
        assert kept is not None
        changed = {**kept.config, "spaceKeys": ["ELSE"]}
        mark = OwnerTag(installation=installation, dataset_id=dataset.dataset_id)
        await process.deps.platform.ensure(
            DatasourceSpec(name=kept.name, kind=kept.kind, config=changed, mark=mark)
        )
        looked = await monitor_impatiently(process).check_connectors()
        assert (looked.drift, looked.unhealthy) == (("changed_connector",), 0)
        [item] = (await process.services.health.check(MONITOR_PRINCIPAL)).drift
        assert (item.client_id, item.connector_id) == ("acme", kept.connector_id)

        def busy(uow: UnitOfWork) -> None:
            uow.datasets.put(replace(dataset, run=Run(saga_id="x", started_at=world.clock.now())))

        await process.deps.store.transact(busy)
        assert (await monitor_impatiently(process).check_connectors()).drift == ()


async def test_a_cursor_past_the_last_connector_begins_anew_while_glean_is_away(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        await process.deps.store.transact(lambda uow: uow.settings.put(Setting("health.cursor", str), "zzz"))
        world.glean.faults.add(Fault(kind="status", status=403, times=None))
        assert (await monitor_impatiently(process).check_connectors()).seen == 0
        assert (await monitor_impatiently(process).check_connectors()).unhealthy == 1


@pytest.mark.each_dialect
async def test_a_failure_is_in_the_store_after_one_turn_and_with_a_webhook_right_after(world: World) -> None:
    world.plans = [Schedule(name=HEALTH_SCHEDULE)]
    async with world.open_process() as process, WebhookReceiver().listen() as receiver:
        await process.add_client_and_journey()
        dataset = await process.provision()
        async with delivering_over_http(process.deps.store, receiver):
            world.glean.faults.add(
                Fault(kind="status", operation=world.operation_name("health.get"), status=403, times=None)
            )
            world.clock.ahead += MINUTE
            [(_, tick)] = await process.services.schedules.list_due()
            await Scheduler(process.services.schedules, process.engine).start_due_runs()
            assert await process.engine.wait(scheduled_run_id(HEALTH_SCHEDULE, tick), 20)
            told = [(dataset.dataset_id, "unhealthy", ("platform_denied",))]
            assert await announced_changes(process) == told
            await wait_for(lambda: bool(receiver.messages))
    [message] = receiver.messages
    assert (message["type"], message["subject"]) == ("connector:health_changed", dataset.dataset_id)
