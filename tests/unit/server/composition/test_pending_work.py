"""The work for which a server that nobody has called opens its services."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.governance import ScheduleService
from domain.model import Run
from server.adapters.clock import SystemClock
from server.adapters.store import schema
from server.composition.pending_work import GIVE_WAY_S, PendingWork
from server.composition.stores import build_store
from server.settings import load_settings
from tests.support.entities import DATASET, NOW

if TYPE_CHECKING:
    from pathlib import Path

    from domain.model import Dataset
    from domain.ports import Json, UnitOfWork
    from server.settings import Settings


class Watch:
    """A watch that somebody else turns."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({}, data_dir=tmp_path, cwd=tmp_path)


async def fill(settings: Settings, *datasets: Dataset) -> None:
    def put(uow: UnitOfWork) -> None:
        for each in datasets:
            uow.datasets.put(each)

    async with build_store(settings) as store:
        await store.transact(put)


def is_work(settings: Settings, *, schedules: bool) -> tuple[bool, bool]:
    """Whether there is work at the first look, and when what is due was given time to be begun elsewhere."""
    watch = Watch()
    pending = PendingWork(settings, schedules=schedules, monotonic=watch)
    first = pending()
    watch.at += GIVE_WAY_S
    return first, pending()


async def test_without_a_dataset_no_schedule_is_waited_for(settings: Settings) -> None:
    assert is_work(settings, schedules=True) == (False, False)
    assert not settings.store_path.exists()
    await fill(settings)
    assert is_work(settings, schedules=True) == (False, False)


async def test_a_run_that_is_due_counts_only_when_nobody_else_begins_it(settings: Settings) -> None:
    await fill(settings, DATASET)
    assert is_work(settings, schedules=True) == (False, True)
    assert is_work(settings, schedules=False) == (False, False)


async def test_a_run_that_another_server_begins_starts_the_wait_anew(settings: Settings) -> None:
    await fill(settings, DATASET)
    watch = Watch()
    pending = PendingWork(settings, schedules=True, monotonic=watch)
    assert not pending()
    watch.at += GIVE_WAY_S - 1

    async def nothing(_: str) -> Json:
        return {}

    async with build_store(settings) as store:
        schedules = ScheduleService(store, SystemClock(), settings.schedules.plans)
        for name, tick in await schedules.list_due():
            await schedules.run_job(name, tick, nothing)
    assert not pending()
    watch.at += GIVE_WAY_S
    assert not pending()


async def test_a_run_without_an_owner_is_work_at_once(settings: Settings) -> None:
    await fill(settings, replace(DATASET, run=Run.start("provision", DATASET.dataset_id, "1", NOW)))
    assert is_work(settings, schedules=False) == (True, True)


async def test_a_store_of_an_earlier_release_is_opened_for_the_schedules(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(settings)

    def later(to: schema.Tables) -> None:
        to.run_statements("create table later (x);")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, later))
    assert is_work(settings, schedules=True) == (False, True)
    assert is_work(settings, schedules=False) == (False, False)
