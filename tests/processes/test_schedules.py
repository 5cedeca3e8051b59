"""Servers on one folder do by themselves what is due, once, unless they are told to leave it."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from domain.events import EventKind
from domain.schedules import KIND, Plan, Schedules
from server.adapters.system import SystemClock
from server.sandbox.faults import Fault
from tests.processes.conftest import stopped
from tests.waiting import eventually, until

if TYPE_CHECKING:
    from pathlib import Path

    from server.adapters.store.sqlite import SqliteStore
    from tests.processes.conftest import Run
    from tests.processes.folder import Folder

NAMES = ("health", "orphan_scan", "orphan_sweep", "archive_retention", "event_redelivery", "workflow_purge")
HTTP = ("--transport", "http", "--port", "0")


async def _outcomes(store: SqliteStore) -> dict[str, str]:
    plans = [Plan(name=each) for each in NAMES]
    found = await Schedules(store, SystemClock(), plans).list()
    return {each.plan.name: each.last.outcome for each in found if each.last}


def _turns(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / "engine.sqlite")) as engine:
        rows = engine.execute("select workflow_uuid from workflow_status where name = ?", (KIND,))
        return sorted(row[0] for row in rows)


async def test_two_servers_do_what_is_due_once(folder: Folder, run: Run) -> None:
    servers = [run(folder, folder.command("serve", *HTTP)) for _ in range(2)]
    async with folder.store() as store:

        async def all_done() -> bool:
            return await _outcomes(store) == dict.fromkeys(NAMES, "done")

        await until(all_done, 60)
    daily = [each for each in _turns(folder.data) if ":health:" not in each]
    assert [each.split(":")[1] for each in daily] == sorted(NAMES[1:])
    for each in servers:
        assert (await stopped(each, signal.SIGTERM))[0] == 0


async def test_a_server_may_leave_it_to_others(folder: Folder, run: Run) -> None:
    leaving = run(folder, folder.command("serve", *HTTP, "--no-schedules"))
    await eventually((folder.data / "serving.lock").exists, 30)
    doing = run(folder, folder.command("serve", *HTTP))
    async with folder.store() as store:

        async def health() -> bool:
            return "health" in await _outcomes(store)

        await until(health, 60)
        assert leaving.poll() is None
    with closing(sqlite3.connect(folder.data / "engine.sqlite")) as engine:
        owners = engine.execute("select distinct executor_id from workflow_status").fetchall()
    assert len(owners) == 1
    for each in (leaving, doing):
        assert (await stopped(each, signal.SIGTERM))[0] == 0


@pytest.mark.exhaustive
async def test_a_failure_is_announced_within_two_minutes_of_real_time(folder: Folder, run: Run) -> None:
    await folder.admit()
    server = run(folder, folder.command("serve", *HTTP))

    async with folder.store() as store:

        async def ready() -> bool:
            found = await store.read(lambda records: records.last_events(None, None, 1))
            return [event.kind for _, event in found] == [EventKind.PROVISIONED]

        async def announced() -> bool:
            found = await store.read(lambda records: records.events())
            return any(event.kind is EventKind.HEALTH_CHANGED for _, event in found)

        await until(ready, 60)
        with folder.sandbox() as glean:
            glean.faults.add(Fault(kind="unhealthy"))
        await until(announced, 120)
    assert (await stopped(server, signal.SIGTERM))[0] == 0
