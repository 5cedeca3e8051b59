"""No command writes anything but printable text and its own colours, whatever others have chosen as names."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.content.hostile_text import (
    HOSTILE,
    spoil_repository,
    unprintable_fields,
    unprintable_output,
)
from tests.support.content.template_repository import write_repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

_VIEWS = (
    ("clients", "list"),
    ("journeys", "list"),
    ("datasets", "list"),
    ("datasets", "show", "{dataset}"),
    ("templates", "list"),
    ("templates", "validate"),
    ("health",),
    ("orphans",),
    ("archives", "list"),
    ("approvals", "list"),
    ("approvals", "show", "{approval}"),
    ("audit", "list"),
    ("audit", "explain", "{dataset}"),
    ("audit", "export"),
    ("audit", "verify"),
    ("events", "list"),
    ("schedules", "list"),
    ("doctor",),
)
_PROVISION = (
    "provision",
    "--client-id",
    "ACME",
    "--journey-id",
    "j1",
    "--stage",
    "sandbox",
    "--dataset-type",
)
_REFUSED = (
    ("clients", "add", HOSTILE, "--name", "N", "--industry", "i", "--use-case", "u"),
    ("clients", "add", "ACME", "--name", "N", "--industry", HOSTILE, "--use-case", "u"),
    ("clients", "list", HOSTILE),
    ("journeys", "add", HOSTILE, "--client-id", HOSTILE, "--stage", "sandbox"),
    ("journeys", "renew", "j1", "--for", HOSTILE),
    ("datasets", "show", HOSTILE),
    ("datasets", "protect", "{dataset}", "--until", HOSTILE),
    ("audit", "explain", HOSTILE),
    ("audit", "verify", "--head", HOSTILE),
    ("audit", "verify", "--file", HOSTILE),
    ("approvals", "show", HOSTILE),
    ("archives", "show", HOSTILE),
    ("events", "redeliver", HOSTILE),
    ("health", "--connector-id", HOSTILE),
    ("templates", "validate", HOSTILE),
    ("orphans", "--client-id", HOSTILE),
    ("cancel", HOSTILE),
    ("doctor", "--config", HOSTILE),
    (HOSTILE,),
    (f"--{HOSTILE}",),
    (*_PROVISION, HOSTILE),
    (*_PROVISION, "jira_issues", "--template-id", HOSTILE),
    (*_PROVISION, "slack_messages"),
    (*_PROVISION, "github_repos"),
    (*_PROVISION, "jira_issues"),
)


@pytest.fixture
def spoiled(command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder with hostile names in its rows, its templates and its Glean; the ids of a dataset and a request."""
    repository = write_repository(tmp_path / "repository")
    spoil_repository(repository)
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(repository))
    command_line.run_ok(
        *("clients", "add", "ACME", "--name", HOSTILE, "--industry", "fintech"),
        *("--use-case", "developer_productivity"),
    )
    command_line.run_ok("journeys", "add", "j1", "--client-id", "ACME", "--stage", "sandbox")
    dataset = command_line.run_json(*_PROVISION, "confluence_pages", "--record-count", "20")["dataset_id"]
    with command_line.open_sandbox() as glean:
        (ours,) = [each for each in glean.datasources() if "managedBy" in each["config"]]
        mark = {**ours["config"]["managedBy"], "datasetId": HOSTILE}
        glean.create_foreign_datasource(HOSTILE, config={"managedBy": mark})
    command_line.run_ok("journeys", "set-state", "j1", "completed")
    asked = command_line.run_json("teardown", "--dataset-id", dataset, "--reason", "manual", code=3)
    return {"dataset": dataset, "approval": asked["error"]["approval_id"]}


def test_no_command_writes_more_than_printable_text(
    command_line: CommandLine, spoiled: dict[str, str]
) -> None:
    flaws = {}
    shown = ""
    for arguments in (*_VIEWS, *_REFUSED):
        filled = [each.format(**spoiled) if each[0] == "{" else each for each in arguments]
        for form in ((), ("--json",)):
            done = command_line.run(*filled, *form)
            shown += done.output
            if found := unprintable_output(done.output):
                flaws[arguments, form] = found
            if form and done.stdout.startswith("{") and arguments != ("audit", "export"):
                assert unprintable_fields(json.loads(done.stdout)) == {}, arguments
    assert flaws == {}
    assert "Next: delete" in shown


def test_an_export_escapes_what_an_earlier_release_recorded_and_still_verifies(
    command_line: CommandLine, tmp_path: Path
) -> None:
    command_line.add_client_and_journey()
    documents = [
        json.dumps(
            {"at": "2026-03-01T12:00:00Z", "verb": f"{HOSTILE}\\u202e \U0001f600 é"}, ensure_ascii=False
        ),
        '{"verb":"\\\\u202e \\u001b \u202e\U000e0041"}',
    ]
    with closing(sqlite3.connect(command_line.folder / "store.db")) as db, db:
        db.executemany("insert into audit (document) values (?)", [(each,) for each in documents])

    printed = command_line.run("audit", "export")
    kept = tmp_path / "kept.jsonl"
    made = command_line.run_json("audit", "export", "--to", str(kept))

    assert unprintable_output(printed.stdout_bytes) == set()
    assert unprintable_output(kept.read_bytes()) == set()
    assert "\U0001f600 é" in kept.read_text()
    head = f"{made['head']['position']}:{made['head']['hash']}"
    assert command_line.run_json("audit", "verify", "--file", str(kept), "--head", head)["intact"] is True
    assert command_line.run_json("audit", "verify", "--head", str(kept))["intact"] is True


def test_what_is_shown_on_a_terminal_is_printable_too(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_line.add_client_and_journey()
    monkeypatch.setenv("DATASET_LIFECYCLE_LOG", "debug")
    _, told, shown = command_line.run_on_terminal("datasets", "show", HOSTILE, typed="", after="Refused")

    assert told == ""
    assert unprintable_output(shown) == set()
