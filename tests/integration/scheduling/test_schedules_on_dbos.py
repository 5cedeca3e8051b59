"""Ten days on the engine that servers have: what it remembers and forgets, and turns that outlive their process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.governance.schedules import SCHEDULED_RUN_KIND, ScheduleService, run_id_prefix, scheduled_run_id
from domain.model.schedule import HEALTH_SCHEDULE, ORPHAN_SCAN_SCHEDULE, WORKFLOW_PURGE_SCHEDULE
from server.adapters.engine.engine import DurableEngine
from server.adapters.store.postgres.store import PostgresStore
from server.adapters.store.sqlite.store import SqliteStore
from server.infra.postgres.dsn import parse_postgres_url
from server.workers.scheduler import Scheduler, build_scheduled_run_saga, with_timeout
from tests.integration.scheduling.test_schedules import DAY, PLANS
from tests.support.entities import ManualClock
from tests.support.polling import wait_for, wait_for_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.governance.schedules import ScheduledJob
    from domain.ports import Store
    from domain.ports.engine import Json


class DurableServers:
    """A store, a clock, and one server after another on them."""

    def __init__(self, folder: Path, database: str, store: Store) -> None:
        self.where = parse_postgres_url(database) if database else folder
        self.clock = ManualClock()
        self.schedules = ScheduleService(store, self.clock, PLANS)
        self.begun: list[tuple[str, str]] = []
        self.ended: list[tuple[str, str]] = []
        self.hangs = ""
        self.budgets: dict[str, float] = {}

    @asynccontextmanager
    async def server(self) -> AsyncIterator[DurableEngine]:
        """One server, with chores that are counted."""
        engine = DurableEngine(
            self.where,
            {
                SCHEDULED_RUN_KIND: build_scheduled_run_saga(
                    self.schedules, {each.name: self._chore(each.name) for each in PLANS}
                )
            },
            watch_s=0.05,
            dead_after_s=0.2,
            short_lived_prefixes=[run_id_prefix(HEALTH_SCHEDULE)],
            now=self.clock.now,
        )
        self.engine = engine
        async with engine:
            yield engine

    def _chore(self, name: str) -> ScheduledJob:
        async def work(tick: str) -> Json:
            self.begun.append((name, tick))
            if name == WORKFLOW_PURGE_SCHEDULE:
                await self.engine.purge()
            if name == self.hangs:
                await anyio.sleep_forever()
            self.ended.append((name, tick))
            return {"done": 1}

        return with_timeout(self.budgets.get(name, 60), work)

    async def start_due(self) -> list[tuple[str, str]]:
        """Two look at once; what they began is waited for, if it does not hang."""
        due = list(await self.schedules.list_due())
        async with anyio.create_task_group() as tasks:
            for each in [Scheduler(self.schedules, self.engine) for _ in range(2)] * 2:
                tasks.start_soon(each.start_due_runs)
        for name, tick in due:
            if name != self.hangs:
                await wait_for_async(partial(self._is_recorded, name, tick), 30)
        return due

    async def _is_recorded(self, name: str, tick: str) -> bool:
        found = await self.schedules.list()
        return any(
            each.last.tick == tick and each.last.outcome == "done"
            for each in found
            if each.plan.name == name and each.last
        )


@pytest.fixture
async def ten_days(tmp_path: Path, database: str) -> AsyncIterator[DurableServers]:
    store = (
        PostgresStore(parse_postgres_url(database)) if database else SqliteStore(tmp_path / "store.sqlite")
    )
    async with store:
        yield DurableServers(tmp_path, database, store)


@pytest.mark.resilience
@pytest.mark.each_store
async def test_turns_are_had_once_over_ten_days_a_missed_one_a_year_ahead_and_a_server_that_dies(
    ten_days: DurableServers,
) -> None:
    async with ten_days.server():
        for day in (1, 1, 2, 1):
            ten_days.clock.instant += day * DAY
            assert len(await ten_days.start_due()) == len(PLANS)
        ten_days.clock.instant += 400 * DAY
        await ten_days.start_due()  # and everything that ended is forgotten
        ten_days.clock.instant -= 400 * DAY
        assert await ten_days.start_due() == []
        ten_days.hangs = ORPHAN_SCAN_SCHEDULE
        ten_days.clock.instant += DAY
        await ten_days.start_due()
        await wait_for(lambda: len(ten_days.begun) == len(ten_days.ended) + 1)
    [left] = [each for each in ten_days.begun if each not in ten_days.ended]
    ten_days.hangs = ""
    async with ten_days.server() as engine:
        assert await engine.wait(scheduled_run_id(*left), 30)
        for _ in range(4):
            ten_days.clock.instant += DAY
            assert len(await ten_days.start_due()) == len(PLANS)
    assert ten_days.begun.count(left) == 2
    assert len(set(ten_days.ended)) == len(ten_days.ended)
    scans = [tick.partition("~")[0] for name, tick in ten_days.ended if name == ORPHAN_SCAN_SCHEDULE]
    assert len(set(scans)) == len(scans) == 10
    assert {each.last.outcome for each in await ten_days.schedules.list() if each.last} == {"done"}


async def test_a_turn_cut_by_its_budget_is_told_and_the_next_one_goes_on(ten_days: DurableServers) -> None:
    ten_days.hangs, ten_days.budgets = ORPHAN_SCAN_SCHEDULE, {ORPHAN_SCAN_SCHEDULE: 0.1}
    async with ten_days.server() as engine:
        await ten_days.start_due()
        [(_, cut)] = [each for each in ten_days.begun if each[0] == ORPHAN_SCAN_SCHEDULE]
        assert await engine.wait(scheduled_run_id(ORPHAN_SCAN_SCHEDULE, cut), 30)
        [told] = [
            each.last for each in await ten_days.schedules.list() if each.plan.name == ORPHAN_SCAN_SCHEDULE
        ]
        assert told is not None
        assert (told.outcome, told.error) == (
            "failed",
            {"message": "It took longer than allowed, and continues next time."},
        )
        ten_days.hangs = ""
        ten_days.clock.instant += timedelta(days=1)
        await ten_days.start_due()
    assert [name for name, _ in ten_days.ended].count(ORPHAN_SCAN_SCHEDULE) == 1
