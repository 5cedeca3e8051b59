"""Every command is a call: counted, and on record with how it ended."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from domain.audit.entry import Decision
from domain.errors import InvalidArgumentError
from server.adapters.store.repositories.audit import AuditRepository
from server.cli import command as invocation
from server.cli.command import UNRECORDED, Invocation, command
from server.cli.exit_codes import ExitCode  # noqa: TC001  # read at run time, as a command's are
from tests.support.servers.command_line import CLIENT, CommandLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

TRACE = "0af7651916cd43dd8448eb211c80319c"
ADD = (*CLIENT, "--use-case", "developer_productivity")


def test_a_command_that_changes_something_is_on_record_once_with_what_it_was_given(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-b7ad6b7169203331-01")
    command_line.run_ok(*ADD)
    [entry] = command_line.load_audit_entries()
    assert entry.principal is not None
    assert entry.principal.startswith("agent:")
    assert entry.client is not None
    assert entry.client.startswith("dataset-lifecycle ")
    assert (entry.verb, entry.via, entry.trace_id) == ("clients add", "cli", TRACE)
    assert (entry.decision, entry.outcome, entry.client_id) == (Decision.ALLOWED, "client added", "ACME")
    assert entry.arguments == {
        "client_id": "ACME",
        "name": "Acme",
        "industry": "fintech",
        "use_case": "developer_productivity",
    }


def test_a_command_that_looks_and_one_that_changes_nothing_are_on_record_as_answered(
    command_line: CommandLine,
) -> None:
    for args in (ADD, ADD, ("clients", "list"), ("orphans", "--min-age-days", "3")):
        command_line.run_ok(*args)
    assert [(each.verb, each.decision, each.outcome) for each in command_line.load_audit_entries()] == [
        ("clients add", Decision.ALLOWED, "client added"),
        ("clients add", Decision.ALLOWED, "answered"),
        ("clients list", Decision.ALLOWED, "answered"),
        ("orphans", Decision.ALLOWED, "answered"),
    ]
    assert command_line.load_audit_entries()[-1].arguments["min_age_days"] == 3


def test_a_refusal_says_under_which_id_it_is_on_record(command_line: CommandLine) -> None:
    error = command_line.run_json("datasets", "show", "acme-1", code=3)["error"]
    [entry] = command_line.load_audit_entries()
    assert (entry.audit_id, entry.decision, entry.dataset_id) == (
        error["audit_id"],
        Decision.REFUSED,
        "acme-1",
    )
    assert (
        f"Audit entry: {command_line.load_audit_entries()[0].audit_id}"[:16]
        in command_line.run("datasets", "show", "x").stderr
    )


def test_a_command_that_ends_with_another_code_says_so(command_line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "mock_data" / "templates" / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "jira_issues.json").write_text("[{}]")
    assert command_line.run("templates", "validate", str(tmp_path)).exit_code == 1
    assert [each.outcome for each in command_line.load_audit_entries()] == ["failed"]


def test_a_secret_that_is_given_as_an_argument_is_not_on_record(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLEAN_API_KEY", "glean-key-of-the-house")
    monkeypatch.setenv("GLEAN_BASE_URL", "http://127.0.0.1:1")
    command_line.run_json("datasets", "show", "glean-key-of-the-house", code=3)
    [entry] = command_line.load_audit_entries()
    assert entry.arguments == {"dataset_id": "[withheld]"}
    assert "glean-key" not in str(entry)


def test_a_caller_who_calls_too_often_is_told_when_to_come_back(
    command_line: CommandLine, tmp_path: Path
) -> None:
    config = tmp_path / "few.yaml"
    config.write_text("dataops: {limits: {calls_per_minute: 2}, identity: {local: {scopes: []}}}")
    codes = [
        command_line.run_json("clients", "list", "--config", str(config), code=3)["error"] for _ in range(3)
    ]
    assert [each["code"] for each in codes] == ["forbidden", "forbidden", "rate_limited"]
    assert 0 < codes[-1]["retry_after_s"] <= 60
    assert [each.audit_id for each in command_line.load_audit_entries()] == [
        each["audit_id"] for each in codes
    ]


def test_without_a_configuration_there_is_no_store_and_no_entry(
    command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "wrong.yaml").write_text("dataops: {limit: {}}")
    error = command_line.run_json("clients", "list", "--config", str(tmp_path / "wrong.yaml"), code=2)[
        "error"
    ]
    assert "audit_id" not in error
    assert not command_line.folder.exists()


def test_the_commands_that_are_no_calls_leave_no_entry(command_line: CommandLine) -> None:
    assert frozenset({"demo", "doctor", "glean-sandbox", "serve"}) == UNRECORDED
    command_line.add_client_and_journey()
    before = command_line.load_audit_entries()
    command_line.run("doctor")
    assert command_line.load_audit_entries() == before


def test_a_refusal_that_cannot_be_put_on_record_stands_and_the_log_says_so(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cannot_append(monkeypatch)
    done = command_line.run("datasets", "show", "acme-1", "--json")
    assert done.exit_code == 3
    assert '"unknown_dataset"' in done.stdout
    assert "audit_id" not in done.stdout
    assert "could not be written" in done.stderr


def test_an_answer_that_cannot_be_put_on_record_is_a_failure(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cannot_append(monkeypatch)
    assert command_line.run("clients", "list").exit_code == 1
    assert command_line.run(*ADD).exit_code == 1
    assert command_line.load_audit_entries() == []
    monkeypatch.undo()


def _cannot_append(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: AuditRepository, document: str) -> None:
        raise sqlite3.OperationalError

    monkeypatch.setattr(AuditRepository, "append", full)


@pytest.fixture
def single_command(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of one command has no name for it, and here it needs no scope."""
    monkeypatch.setattr(invocation, "UNSCOPED", frozenset({""}))
    monkeypatch.setenv("DATASET_LIFECYCLE_DATA_DIR", str(command_line.folder))


def _run(body: Callable[[Invocation], Awaitable[ExitCode | None] | ExitCode | None]) -> int:
    app = typer.Typer()
    command(app, "work")(body)
    return CliRunner().invoke(app, ["--json"]).exit_code


@pytest.mark.usefixtures("single_command")
def test_a_bug_is_on_record_as_a_failure_and_says_nothing_of_itself_but_its_kind(
    command_line: CommandLine,
) -> None:
    async def work(run: Invocation) -> ExitCode | None:
        raise ExceptionGroup("tasks", [ZeroDivisionError("the secret")])

    assert _run(work) == 1
    [entry] = command_line.load_audit_entries()
    assert (entry.decision, (entry.error or {})["code"]) == (Decision.FAILED, "internal")
    assert "ZeroDivisionError" in str(entry)
    assert "the secret" not in str(entry)


@pytest.mark.usefixtures("single_command")
def test_what_a_command_did_is_on_record_when_its_reader_has_gone(command_line: CommandLine) -> None:
    def work(run: Invocation) -> ExitCode | None:
        raise BrokenPipeError

    _run(work)
    assert [each.decision for each in command_line.load_audit_entries()] == [Decision.ALLOWED]


@pytest.mark.usefixtures("single_command")
def test_a_command_that_was_interrupted_is_on_record(command_line: CommandLine) -> None:
    async def work(run: Invocation) -> ExitCode | None:
        raise KeyboardInterrupt

    assert _run(work) == 130
    [entry] = command_line.load_audit_entries()
    assert (entry.decision, entry.outcome) == (
        Decision.FAILED,
        "the caller went away before the answer",
    )


@pytest.mark.usefixtures("single_command")
def test_an_error_from_within_a_group_of_tasks_is_on_record_as_itself(command_line: CommandLine) -> None:
    async def work(run: Invocation) -> ExitCode | None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_refuse())
        return None

    assert _run(work) == 3
    assert [(each.error or {})["code"] for each in command_line.load_audit_entries()] == ["invalid_argument"]


async def _refuse() -> None:
    raise InvalidArgumentError("No.")
