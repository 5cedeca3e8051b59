"""Leases, protection, drain and snapshots at the command line: what a person may, and what a program may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from server.cli.commands.lifecycle import datasets
from server.cli.commands.registry import journeys
from tests.support.servers.command_line import PATIENCE_S, PROVISION

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine


@pytest.fixture
def person_at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at this terminal."""
    monkeypatch.setattr(datasets, "on_terminal", lambda: True)
    monkeypatch.setattr(journeys, "on_terminal", lambda: True)


def ahead(days: int) -> str:
    """The instant in so many days, as the answers write it."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.usefixtures("person_at_terminal")
def test_a_person_gives_a_journey_a_lease_and_sees_what_that_exposes(command_line: CommandLine) -> None:
    made = command_line.add_dataset()

    given = command_line.run_json("journeys", "renew", "j1", "--for", "12h")
    told = command_line.run_ok("journeys", "renew", "j1", "--for", "30m", "--client-id", "ACME")
    longer = command_line.run_json("journeys", "renew", "j1", "--for", "7d")

    assert [each["dataset_id"] for each in given["exposed"]] == [made]
    assert (longer["exposed"], longer["state"]) == ([], "active")
    assert "Its lease runs until" in told
    assert "It protects these datasets only until" in told
    assert "ACME-Sandbox-Slack" in told
    (listed,) = command_line.run_json("journeys", "list")["items"]
    assert listed["lease_expires_at"] == longer["lease_expires_at"]
    shown = command_line.run_json("datasets", "show", made)
    assert shown["journey"]["lease_expires_at"] == longer["lease_expires_at"]
    assert "with a lease until" in command_line.run_ok("datasets", "show", made)


def test_without_a_person_no_lease_is_given_and_no_protection_ended(command_line: CommandLine) -> None:
    made = command_line.add_dataset()
    until = command_line.run_json("datasets", "protect", made, "--until", "3d")["protected_until"]
    for command in (
        ("journeys", "renew", "j1", "--for", "12h"),
        ("datasets", "unprotect", made),
        ("datasets", "protect", made, "--until", "2d"),
    ):
        error = command_line.run_json(*command, code=3)["error"]
        assert (error["code"], error["recovery"]) == ("forbidden", "needs_human")
    (listed,) = command_line.run_json("datasets", "list")["items"]
    assert listed["protected_until"] == until


@pytest.mark.usefixtures("person_at_terminal")
def test_a_protection_is_shown_wherever_the_dataset_is_and_ended_by_a_person(
    command_line: CommandLine,
) -> None:
    made = command_line.add_dataset()
    until = ahead(400)

    kept = command_line.run_json("datasets", "protect", made, "--until", until)

    assert (kept["protected_until"], kept["exposed"]) == (until, False)
    shown = f"{until[:10]} {until[11:16]} UTC"
    assert shown in command_line.run_ok("datasets", "list")
    assert f"by its journey, until {shown}" in command_line.run_ok("datasets", "show", made)
    command_line.run_ok("journeys", "set-state", "j1", "completed")
    refused = command_line.run_json("teardown", "--dataset-id", made, "--reason", "journey_completed", code=3)
    assert refused["error"]["code"] == "dataset_protected"
    assert "Its journey does not protect it: from then on it can be taken down." in command_line.run_ok(
        "datasets", "protect", made, "--until", "90m"
    )
    assert "Its journey does not protect it: now it can be taken down." in command_line.run_ok(
        "datasets", "unprotect", made
    )
    assert command_line.run_json("datasets", "unprotect", made)["exposed"] is False
    down = command_line.run_json("teardown", "--dataset-id", made, "--reason", "journey_completed")
    assert down["status"] == "archived"


@pytest.mark.parametrize(
    "until", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00", "31d", "soon", "0m", "999999d"]
)
def test_an_instant_that_protects_nothing_is_refused_by_its_field(
    command_line: CommandLine, until: str
) -> None:
    made = command_line.add_dataset()
    error = command_line.run_json("datasets", "protect", made, "--until", until, code=3)["error"]
    assert (error["code"], error["field"]) == ("invalid_argument", "until")


def test_a_drain_refuses_what_is_new_and_says_what_runs(command_line: CommandLine) -> None:
    made = command_line.add_dataset()
    assert command_line.run_json("drain", "status") == {"draining": False, "running": []}

    begun = command_line.run_json("drain", "on")

    assert (begun["draining"], begun["running"]) == (True, [])
    assert command_line.run_json("drain", "status", "--wait") == begun
    refused = command_line.run_json(*PROVISION, "jira_issues", code=3)["error"]
    assert (refused["code"], refused["recovery"]) == ("draining", "wait")
    assert command_line.provision_dataset() == made
    told = command_line.run_ok("drain", "status")
    assert "Draining since" in told
    assert "Nothing runs." in told
    assert "Not draining" in command_line.run_ok("drain", "off")
    assert command_line.run_json(*PROVISION, "jira_issues", "--record-count", "20")["status"] == "ready"


@pytest.mark.resilience
def test_a_drain_waits_for_what_runs(command_line: CommandLine) -> None:
    command_line.add_client_and_journey().run_ok("health")
    with command_line.open_sandbox() as sandbox:
        sandbox.set_indexing_rate(1_000_000, minimum_seconds=PATIENCE_S)
    with command_line.start_process(*PROVISION, "slack_messages", "--json", until="index") as (process, _):
        (running,) = command_line.run_json("drain", "on")["running"]
        assert (running["name"], running["kind"]) == ("ACME-Sandbox-Slack", "provision")
        assert "still running" in command_line.run_ok("drain", "status")
        with command_line.open_sandbox() as sandbox:
            sandbox.finish_jobs()
        assert command_line.run_json("drain", "status", "--wait")["running"] == []
        process.communicate()
    (made,) = command_line.run_json("datasets", "list")["items"]
    assert (process.returncode, made["status"]) == (0, "ready")


def test_a_snapshot_is_an_archive_of_a_dataset_that_stays(command_line: CommandLine) -> None:
    made = command_line.add_dataset()

    taken = command_line.run_json("archives", "snapshot", made)

    assert (taken["dataset_id"], taken["record_count"], taken["full_data"]) == (made, 20, True)
    assert command_line.run_json("archives", "list")["items"] == [taken]
    assert command_line.run_json("archives", "verify", made)["verified"] is True
    assert command_line.run_json("datasets", "show", made)["status"] == "ready"
    assert "and still served" in command_line.run_ok("archives", "snapshot", made)
    unknown = command_line.run_json("archives", "snapshot", f"{made}x", code=3)["error"]
    assert (unknown["code"], unknown["candidates"]) == ("unknown_dataset", [made])
