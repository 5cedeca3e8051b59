"""Connectors watched though Glean is slow, and what differs between Glean and our records, in both directions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.event_data import HealthChanged
from domain.events import EventKind
from domain.health_check import HealthService
from domain.model import Mark, Run
from domain.monitoring import MONITOR, Monitor
from domain.platform import Source
from domain.schedules import HEALTH, Plan, turn_id
from domain.vocabulary import DatasetType
from server.adapters.glean.admin import AdminGlean
from server.hurrying import Hurried
from server.sandbox.faults import Fault
from server.scheduling import Scheduler
from tests.delivering.test_delivering import telling
from tests.receivers import Receiver
from tests.told import as_described, events_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from domain.model import Dataset
    from domain.records import Records
    from tests.world import Process, World

MINUTE = timedelta(minutes=1)


def hurried(process: Process, page: int = 32) -> Monitor:
    """As servers watch, but with less patience."""
    platform = Hurried(process.outside.platform, list_s=1, look_s=1)
    health = HealthService(process.outside.store, platform, process.outside.clock)
    return Monitor(process.outside.store, health, process.engine, page)


async def announced(process: Process) -> list[tuple[str, str, tuple[str, ...]]]:
    """Whose health changed, to what, and with which findings."""
    found = []
    for each in await events_of(process.outside.store):
        if each.kind is EventKind.HEALTH_CHANGED:
            told = as_described(each)
            assert isinstance(told, HealthChanged)
            found.append((each.dataset_id, told.health.value, tuple(told.findings)))
    return found


async def four(process: Process) -> list[Dataset]:
    await process.arrive()
    return [await process.provision(dataset_type=each) for each in DatasetType]


@pytest.mark.each_dialect
async def test_one_datasource_that_hangs_keeps_no_other_from_being_looked_at(place: World) -> None:
    async with place.process() as process:
        hanging, broken, *_ = await four(process)
        place.glean.faults.add(
            Fault(
                kind="timeout",
                operation=place.operation("health.get"),
                datasource=place.named(hanging.name),
                times=None,
            )
        )
        if place.dialect is AdminGlean:
            place.glean.faults.add(Fault(kind="unhealthy", datasource=broken.name))
        else:
            place.glean.delete(place.named(broken.name))
        place.clock.ahead += timedelta(seconds=30)
        looked = await hurried(process).turn()
        assert (looked.seen, looked.late, looked.changed) == (3, 1, 1)
        [told] = await announced(process)
        assert told[:2] == (broken.dataset_id, "unhealthy")
        place.clock.ahead += MINUTE
        looked = await hurried(process).turn()
        assert (looked.seen, looked.late, looked.changed) == (4, 0, 1)
        assert (await announced(process))[1:] == [
            (hanging.dataset_id, "unhealthy", ("platform_unavailable",))
        ]


@pytest.mark.each_dialect
async def test_a_glean_that_hangs_as_a_whole_is_announced_for_every_connector(place: World) -> None:
    async with place.process() as process:
        made = await four(process)
        place.glean.faults.add(
            Fault(kind="timeout", operation=place.operation("datasources.list"), times=None)
        )
        assert (await hurried(process).turn()).late == 4
        place.clock.ahead += 2 * MINUTE
        looked = await hurried(process).turn()
        assert (looked.late, looked.changed, looked.unhealthy) == (0, 4, 4)
        assert {dataset_id for dataset_id, *_ in await announced(process)} == {
            each.dataset_id for each in made
        }


@pytest.mark.each_dialect
async def test_a_turn_reads_once_what_all_its_pages_need(place: World, dialect: str) -> None:
    async with place.process() as process:
        await four(process)
        before = place.glean.requests()
        assert (await hurried(process, page=1).turn()).seen == 4
        after = place.glean.requests()
        asked = {name: count - before.get(name, 0) for name, count in after.items()}
        once = {
            "admin": {("tenant.get", 200): 1, ("datasources.list", 200): 1, ("health.get", 200): 4},
            "indexing": {("getdatasourceconfig", 200): 4, ("debug.status", 200): 4},
        }
        assert {name: count for name, count in asked.items() if count} == once[dialect]


async def test_what_an_older_database_does_not_know_is_reported_by_schedule_and_tool_and_never_deleted(
    place: World,
) -> None:
    place.plans = [Plan(name=HEALTH)]
    async with place.process() as process:
        await process.arrive()
        lost = await process.provision()
        place.change("delete from connectors")
        place.change("delete from datasets")
        scheduler = Scheduler(process.services.schedules, process.engine)
        for _ in range(3):
            place.clock.ahead += MINUTE
            [(_, tick)] = await process.services.schedules.due()
            await scheduler.look()
            assert await process.engine.wait(turn_id(HEALTH, tick), 20)
            [scheduled] = await process.services.schedules.list()
            assert scheduled.last is not None
            assert scheduled.last.told == {
                **dict.fromkeys(("seen", "changed", "unhealthy", "late"), 0),
                **dict.fromkeys(("drift", "unowned_connector"), 1),
            }
        [item] = (await process.services.health.check(MONITOR)).drift
        assert (item.kind, item.dataset_id, item.client_id) == ("unowned_connector", lost.dataset_id, None)
        assert [each["name"] for each in place.glean.datasources()] == [lost.name]
        assert [each for each in place.glean.requests() if each[0] == "datasources.delete"] == []


@pytest.mark.each_dialect
async def test_a_datasource_that_somebody_removed_is_announced_and_differs(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        dataset = await process.provision()
        place.glean.delete(place.named(dataset.name))
        looked = await hurried(process).turn()
        assert (looked.changed, looked.drift) == (1, ("missing_connector",))
        assert await announced(process) == [(dataset.dataset_id, "unhealthy", ("missing",))]
        assert (await hurried(process).turn()).changed == 0


async def test_a_configuration_that_somebody_changed_differs_unless_a_saga_is_at_it(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        dataset = await process.provision()
        assert (await hurried(process).turn()).drift == ()
        kept = await process.outside.store.read(lambda records: records.connector(dataset.connector_id or ""))
        installation = await process.outside.store.read(lambda records: records.installation)
        assert kept is not None
        changed = {**kept.config, "spaceKeys": ["ELSE"]}
        mark = Mark(installation=installation, dataset_id=dataset.dataset_id)
        await process.outside.platform.ensure(
            Source(name=kept.name, kind=kept.kind, config=changed, mark=mark)
        )
        looked = await hurried(process).turn()
        assert (looked.drift, looked.unhealthy) == (("changed_connector",), 0)
        [item] = (await process.services.health.check(MONITOR)).drift
        assert (item.client_id, item.connector_id) == ("acme", kept.connector_id)

        def busy(records: Records) -> None:
            records.put_dataset(replace(dataset, run=Run(saga_id="x", started_at=place.clock.now())))

        await process.outside.store.transact(busy)
        assert (await hurried(process).turn()).drift == ()


async def test_a_cursor_past_the_last_connector_begins_anew_while_glean_is_away(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        await process.provision()
        await process.outside.store.transact(lambda records: records.put_fact("health.cursor", "zzz"))
        place.glean.faults.add(Fault(kind="status", status=403, times=None))
        assert (await hurried(process).turn()).seen == 0
        assert (await hurried(process).turn()).unhealthy == 1


@pytest.mark.each_dialect
async def test_a_failure_is_in_the_store_after_one_turn_and_with_a_webhook_right_after(place: World) -> None:
    place.plans = [Plan(name=HEALTH)]
    async with place.process() as process, Receiver().up() as receiver:
        await process.arrive()
        dataset = await process.provision()
        async with telling(process.outside.store, receiver):
            place.glean.faults.add(
                Fault(kind="status", operation=place.operation("health.get"), status=403, times=None)
            )
            place.clock.ahead += MINUTE
            [(_, tick)] = await process.services.schedules.due()
            await Scheduler(process.services.schedules, process.engine).look()
            assert await process.engine.wait(turn_id(HEALTH, tick), 20)
            told = [(dataset.dataset_id, "unhealthy", ("platform_denied",))]
            assert await announced(process) == told
            await eventually(lambda: bool(receiver.heard))
    [message] = receiver.heard
    assert (message["type"], message["subject"]) == ("connector:health_changed", dataset.dataset_id)
