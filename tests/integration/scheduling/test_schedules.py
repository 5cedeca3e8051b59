"""Days of schedules on a clock that is driven: missed days, double starts, jumps both ways."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from domain.governance.schedules import SCHEDULED_RUN_KIND, ScheduleService, scheduled_run_id
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.journey import Journey
from domain.model.schedule import (
    ORPHAN_SCAN_SCHEDULE,
    ORPHAN_SWEEP_SCHEDULE,
    REDELIVERY_SCHEDULE,
    RETENTION_SCHEDULE,
    WORKFLOW_PURGE_SCHEDULE,
    Schedule,
)
from server.workers.scheduler import Scheduler
from tests.support.world import OPERATOR, ShiftedClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.governance.schedules import ScheduledJob, ScheduledRun
    from tests.support.world import Process, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLANS = [
    Schedule(name="health"),
    Schedule(name=ORPHAN_SCAN_SCHEDULE, at=time(3)),
    Schedule(name=ORPHAN_SWEEP_SCHEDULE, at=time(3, 30)),
    Schedule(name=RETENTION_SCHEDULE, at=time(4)),
    Schedule(name=REDELIVERY_SCHEDULE, at=time(4, 30)),
    Schedule(name=WORKFLOW_PURGE_SCHEDULE, at=time(5)),
]
DAILY = [each.name for each in PLANS[1:]]


class DrivenClock(ShiftedClock):
    """A clock that stands until it is driven on."""

    def __init__(self) -> None:
        super().__init__()
        self.instant = datetime.now(UTC).replace(hour=0, minute=10, second=0, microsecond=0)

    def now(self) -> datetime:
        return self.instant + self.ahead + self.off


class TwoProcesses:
    """Two processes on one folder, and what their schedules did."""

    def __init__(self, place: World, processes: list[Process]) -> None:
        self.place = place
        self.process = processes[0]
        self.processes = processes
        self.schedulers = [Scheduler(each.services.schedules, each.engine) for each in processes]
        self.ran: list[tuple[str, str]] = []

    @property
    def clock(self) -> ShiftedClock:
        """The clock of both."""
        return self.place.clock

    async def look_for_due_work(self) -> None:
        """Both look at once, and all that they began comes to its end."""
        for each in self.schedulers:
            await each.start_due_runs()
        for saga_id in list(self.place.journal):
            assert await self.process.engine.wait(saga_id, 30)

    async def pass_hours(self, count: int, step: int = 1) -> None:
        """So many hours go by, with a look in each, or in every so-manieth."""
        for _ in range(0, count, step):
            self.clock.ahead += step * HOUR
            await self.look_for_due_work()

    def ticks_of(self, name: str) -> list[str]:
        """The ticks of a schedule that ran, in order."""
        return [tick for ran, tick in self.ran if ran == name]


@asynccontextmanager
async def open_two_processes(place: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TwoProcesses]:
    place.clock, place.plans = DrivenClock(), PLANS
    turn = ScheduleService.run_job
    async with AsyncExitStack() as stack:
        both = TwoProcesses(place, [await stack.enter_async_context(place.open_process()) for _ in range(2)])

        async def note_run(
            self: ScheduleService, name: str, tick: str, chore: ScheduledJob
        ) -> ScheduledRun | None:
            both.ran.append((name, tick))
            return await turn(self, name, tick, chore)

        monkeypatch.setattr(ScheduleService, "run_job", note_run)
        yield both


@pytest.mark.each_store
async def test_each_turn_of_a_day_is_had_once_by_either_of_two_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_two_processes(world, monkeypatch) as both:
        await both.process.add_client_and_journey()
        dataset = await both.process.provision()
        await both.pass_hours(24)
        counts = Counter(name for name, _ in both.ran)
        assert counts == {
            "health": 24,
            **dict.fromkeys(DAILY, 2),
        }  # yesterday's was missed, and is made up for
        assert max(Counter(both.ran).values()) == 1
        outcomes = {each.last.outcome for each in await both.process.services.schedules.list() if each.last}
        assert outcomes == {"done"}
        assert (await both.process.load_dataset(dataset.dataset_id)).status is DatasetStatus.READY


async def test_of_days_that_were_missed_the_last_is_made_up_for_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_two_processes(world, monkeypatch) as both:
        await both.pass_hours(6)
        first = both.ticks_of(ORPHAN_SCAN_SCHEDULE)
        world.clock.ahead += 5 * DAY
        await both.pass_hours(1)
        assert len(both.ticks_of(ORPHAN_SCAN_SCHEDULE)) == len(first) + 1
        await both.pass_hours(24)
        assert len(both.ticks_of(ORPHAN_SCAN_SCHEDULE)) == len(first) + 2
        assert max(Counter(both.ran).values()) == 1


async def test_an_orphan_goes_when_its_grace_was_served_and_nothing_else_does_whatever_the_clock_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_two_processes(world, monkeypatch) as both:
        process = both.process
        await process.add_client_and_journey()
        second = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
        await process.services.registry.add_journey(second, OPERATOR)
        wanted = await process.provision(dataset_type=DatasetType.SLACK_MESSAGES, journey_id="j2")
        orphan = await process.provision()
        await process.complete_journey()

        async def orphan_status() -> DatasetStatus:
            assert (await process.load_dataset(wanted.dataset_id)).status is DatasetStatus.READY
            return (await process.load_dataset(orphan.dataset_id)).status

        hours = 0
        for jump in (0, 0, 4, -4, -4, 4, -400, 400):  # each day's hours go by after a jump
            world.clock.off += jump * DAY
            await both.pass_hours(24, 6)
            hours += 24
            mark = (await process.load_dataset(orphan.dataset_id)).orphan
            # No scan adds more than the time that has passed, and what the clock went back adds nothing.
            assert mark is None or mark.served <= hours * 3600
            assert max(Counter(both.ran).values()) == 1
            if hours < 7 * 24:
                assert await orphan_status() is DatasetStatus.READY
        await both.pass_hours(24 * 10, 12)
        assert await orphan_status() is DatasetStatus.ARCHIVED


async def test_an_archive_goes_only_when_two_days_found_it_past_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_two_processes(world, monkeypatch) as both:
        process = both.process
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        await process.tear_down(dataset)

        async def is_purged() -> bool:
            kept = await process.deps.store.read(lambda uow: uow.archives.get(dataset.dataset_id))
            assert kept is not None
            return "purged_at" in kept

        await both.pass_hours(24)
        world.clock.ahead += 100 * DAY  # a wrong clock, for one day's run
        await both.pass_hours(10)
        assert len(both.ticks_of(RETENTION_SCHEDULE)) > 1
        assert not await is_purged()
        world.clock.ahead -= 100 * DAY
        await both.pass_hours(48)
        assert not await is_purged()
        world.clock.ahead += 200 * DAY
        await both.pass_hours(10)
        assert not await is_purged()
        await both.pass_hours(24)
        assert await is_purged()
        assert (await process.load_event_kinds()).count("archive:purged") == 1


async def test_a_turn_whose_process_died_is_taken_up_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_two_processes(world, monkeypatch) as both:
        await both.look_for_due_work()
    tick = PLANS[1].tick(world.clock.now())
    entry = world.journal[scheduled_run_id(ORPHAN_SCAN_SCHEDULE, tick)]
    entry.ended, entry.owner = False, None
    entry.steps.clear()
    async with open_two_processes(world, monkeypatch) as both:
        world.clock.ahead += HOUR
        await both.process.engine.resume()
        assert await both.process.engine.wait(scheduled_run_id(ORPHAN_SCAN_SCHEDULE, tick), 30)
        assert both.ticks_of(ORPHAN_SCAN_SCHEDULE)[0] == tick
    assert all(
        each.kind == SCHEDULED_RUN_KIND
        for name, each in world.journal.items()
        if name.startswith(SCHEDULED_RUN_KIND)
    )
