"""A sweep's list on the command line: filed, shown, approved by its phrase, carried out, and gone on with."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from domain.policy.approvals import approval_with_grant
from server.adapters.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from domain.ports import UnitOfWork
    from tests.support.servers.command_line import CommandLine

_ASKED = "to continue: "
_PHRASE = "take down 2 datasets"


def _orphans(commands: CommandLine) -> list[str]:
    """Two datasets that a scan has found."""
    ids = [commands.add_dataset(), commands.provision_dataset("github_repos")]
    commands.run_ok("journeys", "set-state", "j1", "cancelled")
    commands.run_ok("orphans", "--scan", *_options(commands))
    return sorted(ids)


def _options(commands: CommandLine) -> tuple[str, str]:
    config = commands.folder / "no_grace.yaml"
    config.write_text("dataops:\n  orphans:\n    grace_days: 0\n    sweep_count: 1\n")
    return "--config", str(config)


def _due(commands: CommandLine) -> tuple[list[str], tuple[str, str]]:
    """Two datasets that are due where a sweep may take one, and the options for it."""
    return commands.prepare(_orphans), _options(commands)


def _refused_sweep(commands: CommandLine, *at_once: str) -> dict[str, Any]:
    error: dict[str, Any] = commands.run_json("orphans", "--sweep", "--apply", *at_once, code=3)["error"]
    assert (error["code"], error["how"]) == ("quota_exceeded", "approval")
    return error


def test_a_sweep_beyond_its_cap_is_asked_about_once_and_carried_out_when_approved(
    command_line: CommandLine,
) -> None:
    ids, at_once = _due(command_line)
    dry = command_line.run_json("orphans", "--sweep", *at_once)
    assert dry["refused"] == "2 datasets are due, and one sweep takes 1 at most."
    assert "A sweep would first ask a person about all of them" in command_line.run_ok(
        "orphans", "--sweep", *at_once
    )
    assert command_line.run_json("approvals", "list")["count"] == 0
    error = _refused_sweep(command_line, *at_once)
    approval_id = error["approval_id"]
    assert f"approvals approve {approval_id}" in error["suggested_action"]
    assert _refused_sweep(command_line, *at_once)["approval_id"] == approval_id

    [waiting] = command_line.run_json("approvals", "list")["items"]
    assert (waiting["approval_id"], waiting["phrase"]) == (approval_id, _PHRASE)
    assert "dataset_id" not in waiting
    assert [each["dataset_id"] for each in waiting["listed"]] == ids
    shown = command_line.run_ok("approvals", "show", approval_id)
    for words in (
        "2 datasets",
        "ACME-Sandbox-Slack",
        "ACME-Sandbox-GitHub",
        "will be lost",
        "why all at once",
    ):
        assert words in shown

    code, stdout, _ = command_line.run_on_terminal(
        "approvals", "approve", approval_id, "--json", *at_once, typed="yes\n", after=_ASKED
    )
    assert (code, json.loads(stdout)["error"]["code"]) == (3, "invalid_argument")
    code, stdout, seen = command_line.run_on_terminal(
        "approvals", "approve", approval_id, "--json", *at_once, typed=f"{_PHRASE}\n", after=_ASKED
    )
    done = json.loads(stdout)
    assert (code, done["state"], [each["status"] for each in done["taken"]], done["left"]) == (
        0,
        "used",
        ["archived", "archived"],
        [],
    )
    assert "These datasets will be taken down" in seen
    assert f"Type this ({_PHRASE})" in seen
    assert command_line.run_json("orphans", "--sweep", "--apply", *at_once)["taken"] == []


def test_a_list_that_is_declined_stays_declined(command_line: CommandLine) -> None:
    _, at_once = _due(command_line)
    approval_id = _refused_sweep(command_line, *at_once)["approval_id"]
    code, stdout, _ = command_line.run_on_terminal("approvals", "decline", approval_id, typed="", after="")
    assert (code, stdout) == (0, "Declined. 2 datasets stay.\n")
    error = _refused_sweep(command_line, *at_once)
    assert error["approval_id"] == approval_id
    assert "declined to take all of them down" in error["message"]
    assert "one by one" in error["suggested_action"]


def _grant_and_die(commands: CommandLine, approval_id: str) -> None:
    """As a process leaves it that was killed after the approval and before the first claim."""

    async def grant() -> None:
        async with SqliteStore(commands.folder / "store.db") as store:

            def work(now: datetime, uow: UnitOfWork) -> None:
                held = uow.approvals.get(approval_id)
                assert held is not None
                uow.approvals.put(approval_with_grant(held, "person:lee", now))

            await store.transact(partial(work, datetime.now(UTC)))

    asyncio.run(grant())


def test_what_was_broken_off_goes_on_by_the_next_sweep(command_line: CommandLine) -> None:
    _, at_once = _due(command_line)
    approval_id = _refused_sweep(command_line, *at_once)["approval_id"]
    _grant_and_die(command_line, approval_id)
    told = command_line.run("orphans", "--sweep", "--apply", *at_once)
    assert (told.exit_code, "2 datasets are being taken down" in told.stderr) == (0, True)
    assert "Nothing is due." in told.stdout
    assert command_line.run_json("approvals", "show", approval_id)["state"] == "used"


def test_what_was_broken_off_goes_on_when_it_is_approved_again_and_what_is_left_is_told(
    command_line: CommandLine,
) -> None:
    ids, at_once = _due(command_line)
    approval_id = _refused_sweep(command_line, *at_once)["approval_id"]
    _grant_and_die(command_line, approval_id)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    command_line.run_ok("datasets", "protect", ids[0], "--until", f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}")
    code, stdout, seen = command_line.run_on_terminal(
        "approvals", "approve", approval_id, *at_once, typed="", after=""
    )
    assert code == 1
    assert "to continue" not in seen
    for words in ("taken down", ids[1], "Not taken down", ids[0]):
        assert words in stdout
    assert command_line.run_json("approvals", "show", approval_id)["state"] == "used"
