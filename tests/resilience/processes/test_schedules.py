"""Servers on one folder do by themselves what is due, once, unless they are told to leave it."""

from __future__ import annotations

import signal
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.governance.schedules import SCHEDULED_RUN_KIND, ScheduleService
from domain.model.enums import DatasetStatus
from domain.model.schedule import Schedule
from server.adapters.clock import SystemClock
from tests.resilience.processes.conftest import stop_process
from tests.resilience.processes.test_webhooks import write_config
from tests.support.entities import dataset
from tests.support.polling import wait_for, wait_for_async
from tests.support.sandbox.faults import Fault
from tests.support.sandbox.launcher import LAUNCHER
from tests.support.servers.data_folder import NAME
from tests.support.webhooks.receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server.adapters.store.sqlite.store import SqliteStore
    from tests.resilience.processes.conftest import Run
    from tests.support.sandbox.control import Sandbox
from tests.support.servers.data_folder import DataFolder

NAMES = ("health", "orphan_scan", "orphan_sweep", "archive_retention", "event_redelivery", "workflow_purge")
HTTP = ("--transport", "http", "--port", "0")
FAULTS: dict[str, Callable[[Sandbox], object]] = {
    "a bad report": lambda glean: glean.faults.add(Fault(kind="unhealthy")),
    "a refused key": lambda glean: glean.faults.add(Fault(kind="status", status=403, times=None)),
    "an outage": lambda glean: glean.faults.add(Fault(kind="status", status=500, times=None)),
    "a datasource that was removed": lambda glean: glean.delete_datasource(NAME),
}


async def _outcomes(store: SqliteStore) -> dict[str, str]:
    plans = [Schedule(name=each) for each in NAMES]
    found = await ScheduleService(store, SystemClock(), plans).list()
    return {each.plan.name: each.last.outcome for each in found if each.last}


async def _add_archived_dataset(folder: DataFolder) -> None:
    """Make the installation one that has had a dataset: before, no schedule runs."""
    async with folder.open_store() as store:
        await store.transact(
            lambda uow: uow.datasets.put(dataset("ds-of-long-ago", status=DatasetStatus.ARCHIVED))
        )


def _turns(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / "engine.sqlite")) as engine:
        rows = engine.execute(
            "select workflow_uuid from workflow_status where name = ?", (SCHEDULED_RUN_KIND,)
        )
        return sorted(row[0] for row in rows)


async def test_a_server_that_has_only_begun_does_nothing_that_deletes(
    data_folder: DataFolder, start_process: Run
) -> None:
    await _add_archived_dataset(data_folder)
    server = start_process(data_folder, data_folder.command_line("serve", *HTTP))
    async with data_folder.open_store() as store:

        async def has_scanned() -> bool:
            return {"health", "orphan_scan"} <= set(await _outcomes(store))

        await wait_for_async(has_scanned, 50)
        assert set(await _outcomes(store)) == {"health", "orphan_scan"}
    assert (await stop_process(server, signal.SIGTERM))[0] == 0


async def test_two_servers_do_what_is_due_once(
    data_folder: DataFolder, tmp_path: Path, start_process: Run
) -> None:
    await _add_archived_dataset(data_folder)
    config = tmp_path / "config.yaml"
    config.write_text("dataops: {schedules: {settle_s: 0}}")
    command = data_folder.command_line("serve", *HTTP, "--config", str(config))
    servers = [start_process(data_folder, command) for _ in range(2)]
    async with data_folder.open_store() as store:

        async def all_done() -> bool:
            return await _outcomes(store) == dict.fromkeys(NAMES, "done")

        await wait_for_async(all_done, 120)
    daily = [each for each in _turns(data_folder.data) if ":health:" not in each]
    assert [each.split(":")[1] for each in daily] == sorted(NAMES[1:])
    for each in servers:
        assert (await stop_process(each, signal.SIGTERM))[0] == 0


async def test_a_server_may_leave_it_to_others_and_one_that_only_reads_does(
    data_folder: DataFolder, start_process: Run
) -> None:
    await _add_archived_dataset(data_folder)
    leaving = [
        start_process(data_folder, data_folder.command_line("serve", *HTTP, each))
        for each in ("--no-schedules", "--read-only")
    ]
    await wait_for((data_folder.data / "serving.lock").exists, 60)
    doing = start_process(data_folder, data_folder.command_line("serve", *HTTP))
    async with data_folder.open_store() as store:

        async def health() -> bool:
            return "health" in await _outcomes(store)

        await wait_for_async(health, 120)
        assert [each.poll() for each in leaving] == [None, None]
    with closing(sqlite3.connect(data_folder.data / "engine.sqlite")) as engine:
        owners = engine.execute("select distinct executor_id from workflow_status").fetchall()
    assert len(owners) == 1
    for each in (*leaving, doing):
        assert (await stop_process(each, signal.SIGTERM))[0] == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_webhook_is_told_of_a_failure_within_two_minutes_of_real_time(
    data_folder: DataFolder,
    tmp_path: Path,
    start_process: Run,
    fault: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await data_folder.admit_dataset()
    async with WebhookReceiver().listen() as receiver, data_folder.open_store() as store:
        config = write_config(tmp_path / "config.yaml", receiver)
        command = data_folder.command_line("serve", *HTTP, "--config", str(config), module=LAUNCHER)
        server = start_process(data_folder, command)
        await wait_for(lambda: "dataset:provisioned" in [each["type"] for each in receiver.messages], 90)

        async def has_checked_health() -> bool:
            return (await _outcomes(store)).get("health") == "done"

        await wait_for_async(has_checked_health, 90)
        began = anyio.current_time()
        with data_folder.open_sandbox() as glean:
            FAULTS[fault](glean)
        await wait_for(
            lambda: "connector:health_changed" in [each["type"] for each in receiver.messages], 120
        )
        took = anyio.current_time() - began
        with capsys.disabled():
            sys.stdout.write(f"\nhealth: {fault} was with a webhook after {took:.0f} s\n")
        [told] = [each for each in receiver.messages if each["type"] == "connector:health_changed"]
        assert told["data"]["health"] == "unhealthy"
        assert (await stop_process(server, signal.SIGTERM))[0] == 0
