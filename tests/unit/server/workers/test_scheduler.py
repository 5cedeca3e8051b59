"""What is kept of a turn, and what is due."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
import structlog

from domain.errors import PlatformUnavailableError, StoreFailedError, StoreUnavailableError
from domain.governance.schedules import (
    SCHEDULED_RUN_KIND,
    RunRefusedError,
    ScheduledRun,
    ScheduleService,
    ScheduleStatus,
    scheduled_run_id,
)
from domain.model.schedule import Schedule
from domain.ports import Setting
from server.workers.scheduler import Scheduler, build_scheduled_run_saga, with_timeout
from tests.support.entities import DATASET, NOW, ManualClock
from tests.support.inline_engine import InlineEngine, ProcessDied
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.ports import Store
    from domain.ports.engine import Json, StepRunner

HEALTH = Schedule(name="health")
SCAN = Schedule(name="scan", at=NOW.time())
OFF = Schedule(name="sweep", at=NOW.time(), off=True)
TICK = "2026-03-01"
DAY = timedelta(days=1)


async def scan_result(_: str) -> Json:
    return {"seen": 3}


async def test_what_came_of_a_turn_is_kept_and_the_next_is_told(store: Store) -> None:
    clock = ManualClock()
    schedules = ScheduleService(store, clock, [HEALTH, SCAN, OFF])
    health = HEALTH.offset_for(await store.read(lambda uow: uow.installation))
    clock.instant += health.offset
    assert await schedules.list() == [
        ScheduleStatus(plan=health, last=None, next_at=clock.instant),
        ScheduleStatus(plan=SCAN, last=None, next_at=NOW),
        ScheduleStatus(plan=OFF, last=None, next_at=None),
    ]
    assert await schedules.list_due() == [("health", "2026-03-01T12:00"), ("scan", TICK)]

    async def work(tick: str) -> Json:
        [_, running, _] = await schedules.list()
        assert running.last == ScheduledRun(tick=TICK, began_at=began_at)
        clock.instant += timedelta(seconds=20)
        return await scan_result(tick)

    began_at = clock.instant
    done = await schedules.run_job("scan", TICK, work)
    assert done == ScheduledRun(
        tick=TICK, began_at=began_at, ended_at=clock.instant, outcome="done", told={"seen": 3}
    )
    assert (await schedules.list())[1] == ScheduleStatus(plan=SCAN, last=done, next_at=NOW + DAY)
    assert await schedules.list_due() == [("health", "2026-03-01T12:00")]
    clock.instant = NOW + DAY
    assert ("scan", "2026-03-02") in await schedules.list_due()


@pytest.mark.parametrize(
    ("error", "outcome", "message"),
    [
        (RunRefusedError("26 are due."), "refused", "26 are due."),
        (PlatformUnavailableError("Glean is away."), "failed", "Glean is away."),
        (TimeoutError(), "failed", "It took longer than allowed, and continues next time."),
    ],
)
async def test_a_turn_that_ends_badly_says_why(
    store: Store, error: Exception, outcome: str, message: str
) -> None:
    async def fail(_: str) -> Json:
        raise error

    schedules = ScheduleService(store, ManualClock(), [SCAN])
    done = await schedules.run_job("scan", TICK, fail)
    assert done is not None
    assert done.error is not None
    assert (done.outcome, done.error["message"]) == (outcome, message)
    assert (await schedules.list())[0].last == done


async def test_a_turn_that_a_bug_ends_says_so_and_raises_it(store: Store) -> None:
    async def buggy(_: str) -> Json:
        raise ZeroDivisionError

    schedules = ScheduleService(store, ManualClock(), [SCAN])
    with pytest.raises(ZeroDivisionError):
        await schedules.run_job("scan", TICK, buggy)
    last = (await schedules.list())[0].last
    assert last == ScheduledRun(
        tick=TICK,
        began_at=NOW,
        ended_at=NOW,
        outcome="failed",
        error={"message": "A fault: ZeroDivisionError."},
    )


async def test_a_turn_that_ends_after_a_later_one_began_does_not_hide_it(store: Store) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])

    async def slow(_: str) -> Json:
        await schedules.run_job("scan", "2026-03-02", scan_result)
        return {}

    await schedules.run_job("scan", TICK, slow)
    last = (await schedules.list())[0].last
    assert last is not None
    assert (last.tick, last.told) == ("2026-03-02", {"seen": 3})


async def test_a_chore_is_given_up_after_its_time_and_the_turn_says_so(store: Store) -> None:
    async def endless(_: str) -> Json:
        await anyio.sleep_forever()
        raise AssertionError

    done = await ScheduleService(store, ManualClock(), [SCAN]).run_job(
        "scan", TICK, with_timeout(0.01, endless)
    )
    assert done is not None
    assert done.outcome == "failed"


async def test_two_processes_that_see_a_turn_due_have_it_done_once(store: Store) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])
    ran: list[str] = []

    async def once(tick: str) -> Json:
        ran.append(tick)
        return {}

    kinds = {SCHEDULED_RUN_KIND: build_scheduled_run_saga(schedules, {"scan": once})}
    async with InlineEngine(kinds) as one, InlineEngine(kinds, journal=one.journal) as two:
        schedulers = [Scheduler(schedules, each) for each in (one, two)]
        async with anyio.create_task_group() as tasks:
            for each in schedulers * 3:
                tasks.start_soon(each.start_due_runs)
        assert await one.wait(scheduled_run_id("scan", TICK), 5)
        for each in schedulers:
            await each.start_due_runs()
    assert ran == [TICK]


async def test_what_deletes_or_sends_again_begins_once_the_server_has_served_for_a_while(
    store: Store,
) -> None:
    names = (
        "health",
        "orphan_scan",
        "orphan_sweep",
        "archive_retention",
        "event_redelivery",
        "workflow_purge",
    )
    schedules = ScheduleService(
        store,
        ManualClock(),
        [Schedule(name=each, at=None if each == "health" else time(0)) for each in names],
    )
    ran: list[str] = []

    def job(name: str) -> Callable[[str], Awaitable[Json]]:
        async def run(_: str) -> Json:
            ran.append(name)
            return {}

        return run

    instants = iter([100.0, 100.0, 159.9, 160.0])
    jobs = {each: job(each) for each in names}
    async with InlineEngine({SCHEDULED_RUN_KIND: build_scheduled_run_saga(schedules, jobs)}) as engine:
        scheduler = Scheduler(schedules, engine, settle_s=60, monotonic=lambda: next(instants))
        for expected in (names[:2], names[:2], names):
            await scheduler.start_due_runs()
            for each in list(engine.journal):
                assert await engine.wait(each, 5)
            assert set(ran) == set(expected)
    assert len(ran) == len(names)


async def test_a_turn_that_was_refused_is_told_in_the_log(store: Store) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])

    async def refuse(_: str) -> Json:
        raise RunRefusedError("26 are due.")

    with structlog.testing.capture_logs() as logs:
        async with InlineEngine(
            {SCHEDULED_RUN_KIND: build_scheduled_run_saga(schedules, {"scan": refuse})}
        ) as engine:
            await Scheduler(schedules, engine).start_due_runs()
            assert await engine.wait(scheduled_run_id("scan", TICK), 5)
    assert [(each["event"], each["cause"]) for each in logs] == [("turn_not_done", "26 are due.")]


async def test_a_turn_whose_store_is_away_is_neither_done_nor_failed(store: Store) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])

    async def away(_: str) -> Json:
        raise StoreUnavailableError("The connection was lost.")

    with pytest.raises(StoreUnavailableError):
        await schedules.run_job("scan", TICK, away)
    [found] = await schedules.list()
    assert found.last is not None
    assert (found.last.outcome, found.last.error) == ("running", None)


class Failing:
    """Schedules that cannot be read for a while."""

    def __init__(self) -> None:
        self.looks = 0

    async def has_work(self) -> bool:
        return True

    async def list_due(self) -> Sequence[tuple[str, str]]:
        self.looks += 1
        if self.looks < 4:
            raise StoreFailedError("the disk is full")
        if self.looks == 5:
            raise ValueError("a bug")
        return ()


class Yielding(ManualClock):
    async def sleep(self, seconds: float) -> None:
        assert 2.5 <= seconds <= 5
        await super().sleep(seconds)
        await anyio.lowlevel.checkpoint()


async def test_looking_goes_on_whatever_one_look_met_and_says_it_once() -> None:
    failing = Failing()
    with structlog.testing.capture_logs() as logs:
        async with InlineEngine({}) as engine, anyio.create_task_group() as tasks:
            scheduler = Scheduler(failing, engine)  # type: ignore[arg-type] # stands in for the schedules
            tasks.start_soon(scheduler.run_forever, Yielding())
            await wait_for(lambda: failing.looks > 6)
            tasks.cancel_scope.cancel()
    assert [each["cause"] for each in logs] == ["the disk is full", "a bug"]


async def test_nothing_is_started_before_there_is_a_dataset(store: Store) -> None:
    clock, ran = Yielding(), []

    async def noted(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        ran.append(dataset_id)

    async with InlineEngine({SCHEDULED_RUN_KIND: noted}) as engine, anyio.create_task_group() as tasks:
        scheduler = Scheduler(ScheduleService(store, clock, [SCAN]), engine)
        tasks.start_soon(scheduler.run_forever, clock)
        before = clock.instant
        await wait_for(lambda: clock.instant - before > timedelta(minutes=1))
        assert ran == []
        await store.transact(lambda uow: uow.datasets.put(DATASET))
        await wait_for(lambda: ran == ["scan"])
        tasks.cancel_scope.cancel()


async def due_ticks(
    store: Store, clock: ManualClock, schedules: ScheduleService, ticks: int, step: timedelta
) -> list[str]:
    """The ticks that are had while the clock goes on by steps."""
    had = []
    for _ in range(ticks):
        had += [tick for _name, tick in await schedules.list_due()]
        for name, tick in await schedules.list_due():
            await schedules.run_job(name, tick, scan_result)
        clock.instant += step
    return had


async def test_a_day_that_was_had_is_not_had_again_after_a_clock_was_a_year_ahead(store: Store) -> None:
    clock = ManualClock()
    schedules = ScheduleService(store, clock, [SCAN])
    assert await due_ticks(store, clock, schedules, 2, DAY) == ["2026-03-01", "2026-03-02"]
    clock.instant += 365 * DAY
    assert await due_ticks(store, clock, schedules, 1, -365 * DAY) == ["2027-03-03"]
    assert await due_ticks(store, clock, schedules, 2, DAY) == ["2026-03-03~1", "2026-03-04~1"]
    clock.instant -= 3 * DAY
    assert await due_ticks(store, clock, schedules, 5, DAY) == ["2026-03-05~1", "2026-03-06~1"]
    [scheduled] = await schedules.list()
    assert scheduled.next_at == clock.instant
    clock.instant -= 3 * DAY
    [scheduled] = await schedules.list()
    assert scheduled.next_at == clock.instant + 3 * DAY


async def test_minutes_go_on_after_a_clock_that_was_hours_ahead_is_put_right(store: Store) -> None:
    clock = ManualClock()
    schedules = ScheduleService(store, clock, [HEALTH])
    clock.instant += HEALTH.offset_for(await store.read(lambda uow: uow.installation)).offset
    minute = timedelta(minutes=1)
    assert len(await due_ticks(store, clock, schedules, 240, minute)) == 240
    clock.instant -= 180 * minute
    assert await due_ticks(store, clock, schedules, 2, minute) == ["2026-03-01T13:00~1", "2026-03-01T13:01~1"]
    clock.instant -= 2 * minute
    assert await due_ticks(store, clock, schedules, 3, minute) == ["2026-03-01T13:02~1"]


async def test_a_turn_that_was_left_behind_and_is_taken_up_late_does_not_hide_a_later_one(
    store: Store,
) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])

    async def dies(_: str) -> Json:
        raise ProcessDied(TICK)

    with pytest.raises(ProcessDied):
        await schedules.run_job("scan", TICK, dies)
    await schedules.run_job("scan", "2026-03-02", scan_result)
    taken_up = await schedules.run_job("scan", TICK, scan_result)
    assert taken_up is not None
    assert taken_up.outcome == "done"
    last = (await schedules.list())[0].last
    assert last is not None
    assert last.tick == "2026-03-02"
    assert await schedules.list_due() == []


@pytest.mark.parametrize("again", [TICK, f"{TICK}~1"])
async def test_a_turn_that_was_had_to_its_end_is_not_had_again_though_its_engine_forgot_it(
    store: Store, again: str
) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])
    await schedules.run_job("scan", TICK, scan_result)
    await schedules.run_job("scan", "2026-03-02", scan_result)
    ran: list[str] = []

    async def once_more(tick: str) -> Json:
        ran.append(tick)
        return {}

    async with InlineEngine(
        {SCHEDULED_RUN_KIND: build_scheduled_run_saga(schedules, {"scan": once_more})}
    ) as engine:
        await engine.start(SCHEDULED_RUN_KIND, scheduled_run_id("scan", again), "scan")
        assert await engine.wait(scheduled_run_id("scan", again), 5)
        assert engine.journal[scheduled_run_id("scan", again)].error is None
    assert ran == []


@pytest.mark.parametrize(("ended", "outcome"), [(NOW.isoformat(), "done"), (None, "running")])
async def test_a_ledger_of_an_older_release_is_read(store: Store, ended: str | None, outcome: str) -> None:
    old = {"tick": TICK, "began_at": NOW.isoformat(), "ended_at": ended, "outcome": outcome}
    await store.transact(lambda uow: uow.settings.put(Setting("schedules.scan", dict), old))
    clock = ManualClock()
    schedules = ScheduleService(store, clock, [SCAN])
    assert await schedules.list_due() == []
    again = await schedules.run_job("scan", TICK, scan_result)
    assert (again is None) == (outcome == "done")
    clock.instant += DAY
    assert await schedules.list_due() == [("scan", "2026-03-02")]


async def test_a_ledger_is_kept_as_other_releases_read_it(store: Store) -> None:
    schedules = ScheduleService(store, ManualClock(), [SCAN])
    await schedules.run_job("scan", TICK, scan_result)

    kept = await store.read(lambda uow: uow.settings.get(Setting("schedules.scan", dict)))

    assert kept is not None
    assert list(kept.items()) == [
        ("tick", TICK),
        ("began_at", "2026-03-01T12:00:00Z"),
        ("ended_at", "2026-03-01T12:00:00Z"),
        ("outcome", "done"),
        ("told", {"seen": 3}),
        ("error", None),
        ("had", [TICK]),
        ("under_way", []),
    ]


async def test_a_turn_that_hangs_does_not_hold_up_the_next(store: Store) -> None:
    clock = ManualClock()
    schedules = ScheduleService(store, clock, [SCAN])
    ended: list[str] = []

    async def hang(tick: str) -> Json:
        if tick == TICK:
            await anyio.sleep_forever()
        ended.append(tick)
        return {}

    async with InlineEngine(
        {SCHEDULED_RUN_KIND: build_scheduled_run_saga(schedules, {"scan": hang})}
    ) as engine:
        scheduler = Scheduler(schedules, engine)
        for _ in range(3):
            await scheduler.start_due_runs()
            clock.instant += DAY
        assert await engine.wait(scheduled_run_id("scan", "2026-03-03"), 5)
    assert sorted(ended) == ["2026-03-02", "2026-03-03"]
