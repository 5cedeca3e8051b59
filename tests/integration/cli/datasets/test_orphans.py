from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.model.clock import ClockReading, ClockRecord, Uptime
from domain.policy.clocks import ORPHAN_SCAN_CLOCK
from server.adapters.clock import SystemClock
from server.adapters.store.sqlite.store import SqliteStore
from server.cli.command import account_name

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine


def _without_grace(commands: CommandLine) -> tuple[str, str]:
    config = commands.folder / "no_grace.yaml"
    config.write_text("dataops:\n  orphans:\n    grace_days: 0\n    sweep_count: 1\n")
    return "--config", str(config)


def test_an_orphan_is_listed_marked_and_swept(command_line: CommandLine) -> None:
    dataset_id = command_line.add_dataset()
    at_once = _without_grace(command_line)
    command_line.run_ok("journeys", "set-state", "j1", "cancelled")

    assert command_line.run_json("orphans")["items"] == []
    (found,) = command_line.run_json("orphans", "--min-age-days", "0", "--client-id", "ACME")["items"]
    assert (found["dataset_id"], found["reason"], found["eligible"]) == (
        dataset_id,
        "journey_cancelled",
        False,
    )
    assert "No scan has found it" in command_line.run_ok("orphans", "--min-age-days", "0")
    assert command_line.run_json("orphans", "--scan")["marked"] == [dataset_id]
    assert "1 orphans found." in command_line.run_ok("orphans", "--scan")
    assert command_line.run_json("orphans", "--sweep")["eligible"] == []

    assert "dry run" in command_line.run_ok("orphans", "--sweep", *at_once)
    dry = command_line.run_json("orphans", "--sweep", *at_once)
    assert ([each["dataset_id"] for each in dry["eligible"]], dry["applied"]) == ([dataset_id], False)
    assert command_line.run_json("datasets", "show", dataset_id)["orphan"]["reason"] == "journey_cancelled"
    swept = command_line.run_json("orphans", "--sweep", "--apply", *at_once)
    assert ([each["dataset_id"] for each in swept["taken"]], swept["failed"]) == ([dataset_id], [])
    assert command_line.run_json("datasets", "show", dataset_id)["status"] == "archived"
    entries = command_line.run_json("audit", "list", "--dataset-id", dataset_id)["items"]
    (claimed,) = [each["entry"] for each in entries if each["entry"].get("outcome") == "teardown claimed"]
    assert (claimed["principal"], claimed["via"]) == (f"agent:{account_name()}", "cli")


def test_a_sweep_beyond_its_cap_takes_nothing(command_line: CommandLine) -> None:
    command_line.add_dataset()
    command_line.provision_dataset("github_repos")
    at_once = _without_grace(command_line)
    command_line.run_ok("journeys", "set-state", "j1", "cancelled")
    command_line.run_ok("orphans", "--scan")
    dry = command_line.run_json("orphans", "--sweep", *at_once)
    refused = command_line.run_json("orphans", "--sweep", "--apply", *at_once, code=3)

    assert "refused" in dry
    assert "A sweep would first ask a person about all of them" in command_line.run_ok(
        "orphans", "--sweep", *at_once
    )
    assert refused["error"]["code"] == "quota_exceeded"
    assert {each["status"] for each in command_line.run_json("datasets", "list")["items"]} == {"ready"}


def test_what_a_person_decides_on_is_left_to_them(command_line: CommandLine) -> None:
    dataset_id = command_line.add_dataset()
    at_once = _without_grace(command_line)
    command_line.run_ok("journeys", "promote", "j1", "pilot")
    command_line.run_ok("orphans", "--scan")
    plan = command_line.run_json("orphans", "--sweep", *at_once)

    assert plan["eligible"] == []
    assert [each["dataset_id"] for each in plan["skipped"]] == [dataset_id]
    assert "Left to a person" in command_line.run_ok("orphans", "--sweep", *at_once)


@pytest.mark.skipif(SystemClock().uptime() is None, reason="this machine tells no uptime")
def test_a_clock_that_disagrees_with_the_uptime_is_told_and_no_sweep_takes_anything(
    command_line: CommandLine,
) -> None:
    dataset_id = command_line.add_dataset()
    at_once = _without_grace(command_line)
    command_line.run_ok("journeys", "set-state", "j1", "cancelled")
    assert "clock_disagreement" not in command_line.run_json("orphans", "--scan")
    asyncio.run(_set_last_scan_back(command_line))

    before = command_line.run_ok("orphans", "--sweep", *at_once)
    told = command_line.run_json("orphans", "--scan")
    people = command_line.run_ok("orphans", "--scan")
    dry = command_line.run_json("orphans", "--sweep", *at_once)
    refused = command_line.run_json("orphans", "--sweep", "--apply", *at_once, code=3)["error"]
    claim = command_line.run_json(
        "teardown", "--dataset-id", dataset_id, "--reason", "orphaned", *at_once, code=3
    )["error"]

    assert "A sweep would take nothing now." in before
    assert told["clock_disagreement"].startswith(
        "Since the run before, the clock of the machine has moved by 3 days"
    )
    assert "No sweep takes anything until" in people
    assert (dry["refused"], [each["dataset_id"] for each in dry["eligible"]]) == (
        f"It is not known how much time has passed. {told['clock_disagreement']}",
        [dataset_id],
    )
    assert refused["message"].startswith("Nothing was taken down. It is not known how much time has passed.")
    assert (refused["code"], claim["code"]) == ("precondition_unknown", "precondition_unknown")
    assert command_line.run_json("datasets", "show", dataset_id)["status"] == "ready"


async def _set_last_scan_back(commands: CommandLine) -> None:
    """The last scan was three days earlier by the clock, and just now by the machine's uptime."""
    async with SqliteStore(commands.folder / "store.db") as store:
        uptime = SystemClock().uptime() or Uptime(boot="", seconds=0.0)
        at = SystemClock().now() - timedelta(days=3)
        record = ClockRecord(latest=at, last=ClockReading(at=at, uptime=uptime))
        await store.transact(lambda uow: uow.settings.put(ORPHAN_SCAN_CLOCK, record))
