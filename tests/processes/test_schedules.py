"""Servers on one folder do by themselves what is due, once, unless they are told to leave it."""

from __future__ import annotations

import signal
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.schedules import KIND, Plan, Schedules
from server.adapters.system import SystemClock
from server.sandbox.faults import Fault
from tests.processes.conftest import stopped
from tests.processes.folder import NAME
from tests.processes.test_webhooks import configured
from tests.receivers import Receiver
from tests.waiting import eventually, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server.adapters.store.sqlite import SqliteStore
    from server.sandbox.sandbox import Sandbox
    from tests.processes.conftest import Run
    from tests.processes.folder import Folder

NAMES = ("health", "orphan_scan", "orphan_sweep", "archive_retention", "event_redelivery", "workflow_purge")
HTTP = ("--transport", "http", "--port", "0")
FAULTS: dict[str, Callable[[Sandbox], object]] = {
    "a bad report": lambda glean: glean.faults.add(Fault(kind="unhealthy")),
    "a refused key": lambda glean: glean.faults.add(Fault(kind="status", status=403, times=None)),
    "an outage": lambda glean: glean.faults.add(Fault(kind="status", status=500, times=None)),
    "a datasource that was removed": lambda glean: glean.delete(NAME),
}


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

        await until(all_done, 120)
    daily = [each for each in _turns(folder.data) if ":health:" not in each]
    assert [each.split(":")[1] for each in daily] == sorted(NAMES[1:])
    for each in servers:
        assert (await stopped(each, signal.SIGTERM))[0] == 0


async def test_a_server_may_leave_it_to_others_and_one_that_only_reads_does(folder: Folder, run: Run) -> None:
    leaving = [
        run(folder, folder.command("serve", *HTTP, each)) for each in ("--no-schedules", "--read-only")
    ]
    await eventually((folder.data / "serving.lock").exists, 60)
    doing = run(folder, folder.command("serve", *HTTP))
    async with folder.store() as store:

        async def health() -> bool:
            return "health" in await _outcomes(store)

        await until(health, 120)
        assert [each.poll() for each in leaving] == [None, None]
    with closing(sqlite3.connect(folder.data / "engine.sqlite")) as engine:
        owners = engine.execute("select distinct executor_id from workflow_status").fetchall()
    assert len(owners) == 1
    for each in (*leaving, doing):
        assert (await stopped(each, signal.SIGTERM))[0] == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_webhook_is_told_of_a_failure_within_two_minutes_of_real_time(
    folder: Folder, tmp_path: Path, run: Run, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await folder.admit()
    async with Receiver().up() as receiver, folder.store() as store:
        config = configured(tmp_path / "config.yaml", receiver)
        server = run(folder, folder.command("serve", *HTTP, "--config", str(config)))
        await eventually(lambda: "dataset:provisioned" in [each["type"] for each in receiver.heard], 90)

        async def looked() -> bool:
            return (await _outcomes(store)).get("health") == "done"

        await until(looked, 90)
        began = anyio.current_time()
        with folder.sandbox() as glean:
            FAULTS[fault](glean)
        await eventually(lambda: "connector:health_changed" in [each["type"] for each in receiver.heard], 120)
        took = anyio.current_time() - began
        with capsys.disabled():
            sys.stdout.write(f"\nhealth: {fault} was with a webhook after {took:.0f} s\n")
        [told] = [each for each in receiver.heard if each["type"] == "connector:health_changed"]
        assert told["data"]["health"] == "unhealthy"
        assert (await stopped(server, signal.SIGTERM))[0] == 0
