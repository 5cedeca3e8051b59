"""Ten days on the engine that servers have: what it remembers and forgets, and turns that outlive their process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.schedules import HEALTH, KIND, PURGE, SCAN, Schedules, prefix_of, turn_id
from server.adapters.engine.durable import DurableEngine
from server.adapters.store.postgres import PostgresStore
from server.adapters.store.sqlite import SqliteStore
from server.postgres.address import parsed
from server.scheduling import Scheduler, turns, within
from tests.entities import SetClock
from tests.scheduling.test_days import DAY, PLANS
from tests.waiting import eventually, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports import Json
    from domain.records import Store
    from domain.schedules import Chore


class Days:
    """A store, a clock, and one server after another on them."""

    def __init__(self, folder: Path, database: str, store: Store) -> None:
        self.where = parsed(database) if database else folder
        self.clock = SetClock()
        self.schedules = Schedules(store, self.clock, PLANS)
        self.begun: list[tuple[str, str]] = []
        self.ended: list[tuple[str, str]] = []
        self.hangs = ""
        self.budgets: dict[str, float] = {}

    @asynccontextmanager
    async def server(self) -> AsyncIterator[DurableEngine]:
        """One server, with chores that are counted."""
        engine = DurableEngine(
            self.where,
            {KIND: turns(self.schedules, {each.name: self._chore(each.name) for each in PLANS})},
            watch_s=0.05,
            dead_after_s=0.2,
            passing=[prefix_of(HEALTH)],
            now=self.clock.now,
        )
        self.engine = engine
        async with engine:
            yield engine

    def _chore(self, name: str) -> Chore:
        async def work(tick: str) -> Json:
            self.begun.append((name, tick))
            if name == PURGE:
                await self.engine.purge()
            if name == self.hangs:
                await anyio.sleep_forever()
            self.ended.append((name, tick))
            return {"done": 1}

        return within(self.budgets.get(name, 60), work)

    async def look(self) -> list[tuple[str, str]]:
        """Two look at once; what they began is waited for, if it does not hang."""
        due = list(await self.schedules.due())
        async with anyio.create_task_group() as tasks:
            for each in [Scheduler(self.schedules, self.engine) for _ in range(2)] * 2:
                tasks.start_soon(each.look)
        for name, tick in due:
            if name != self.hangs:
                await until(partial(self._told, name, tick), 30)
        return due

    async def _told(self, name: str, tick: str) -> bool:
        found = await self.schedules.list()
        return any(
            each.last.tick == tick and each.last.outcome == "done"
            for each in found
            if each.plan.name == name and each.last
        )


@pytest.fixture
async def ten(tmp_path: Path, database: str) -> AsyncIterator[Days]:
    store = PostgresStore(parsed(database)) if database else SqliteStore(tmp_path / "store.sqlite")
    async with store:
        yield Days(tmp_path, database, store)


@pytest.mark.each_store
async def test_turns_are_had_once_over_ten_days_a_missed_one_a_year_ahead_and_a_server_that_dies(
    ten: Days,
) -> None:
    async with ten.server():
        for day in (1, 1, 2, 1):
            ten.clock.instant += day * DAY
            assert len(await ten.look()) == len(PLANS)
        ten.clock.instant += 400 * DAY
        await ten.look()  # and everything that ended is forgotten
        ten.clock.instant -= 400 * DAY
        assert await ten.look() == []
        ten.hangs = SCAN
        ten.clock.instant += DAY
        await ten.look()
        await eventually(lambda: len(ten.begun) == len(ten.ended) + 1)
    [left] = [each for each in ten.begun if each not in ten.ended]
    ten.hangs = ""
    async with ten.server() as engine:
        assert await engine.wait(turn_id(*left), 30)
        for _ in range(4):
            ten.clock.instant += DAY
            assert len(await ten.look()) == len(PLANS)
    assert ten.begun.count(left) == 2
    assert len(set(ten.ended)) == len(ten.ended)
    scans = [tick.partition("~")[0] for name, tick in ten.ended if name == SCAN]
    assert len(set(scans)) == len(scans) == 10
    assert {each.last.outcome for each in await ten.schedules.list() if each.last} == {"done"}


async def test_a_turn_cut_by_its_budget_is_told_and_the_next_one_goes_on(ten: Days) -> None:
    ten.hangs, ten.budgets = SCAN, {SCAN: 0.1}
    async with ten.server() as engine:
        await ten.look()
        [(_, cut)] = [each for each in ten.begun if each[0] == SCAN]
        assert await engine.wait(turn_id(SCAN, cut), 30)
        [told] = [each.last for each in await ten.schedules.list() if each.plan.name == SCAN]
        assert told is not None
        assert (told.outcome, told.error) == (
            "failed",
            {"message": "It took longer than it may, and goes on next time."},
        )
        ten.hangs = ""
        ten.clock.instant += timedelta(days=1)
        await ten.look()
    assert [name for name, _ in ten.ended].count(SCAN) == 1
