"""`datasets refresh`, as a person or program gives it."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from server.adapters.clock import SystemClock
from server.composition.replicas.presence import hold_folder_presence
from tests.support.sandbox.faults import Fault
from tests.support.servers.command_line import CHECKOUT, PATIENCE_S, PROVISION

if TYPE_CHECKING:
    from datetime import datetime

    from tests.support.servers.command_line import CommandLine


class Yesterday(SystemClock):
    """The clock of a command that was given a day ago."""

    def now(self) -> datetime:
        return super().now() - timedelta(days=1)


def _provision_yesterday(commands: CommandLine) -> str:
    """The id of a dataset of generated data that was populated a day ago."""
    commands.add_client_and_journey()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.composition.process.SystemClock", Yesterday)
        made = commands.run_json(
            *PROVISION, "jira_issues", "--data-source", "generated", "--record-count", "40"
        )
    return str(made["dataset_id"])


def _today() -> str:
    return SystemClock().now().date().isoformat()


def test_a_refreshed_dataset_is_of_today_and_a_second_refresh_has_nothing_to_do(
    command_line: CommandLine,
) -> None:
    dataset_id = command_line.prepare(_provision_yesterday)
    before = command_line.run_json("datasets", "show", dataset_id)
    done = command_line.run_json("datasets", "refresh", dataset_id)
    again = command_line.run_json("datasets", "refresh", dataset_id)
    told = " ".join(command_line.run_ok("datasets", "refresh", dataset_id).split())
    shown = command_line.run_json("datasets", "show", dataset_id)

    assert (done["status"], done["record_count"], done["attempt"]) == ("ready", 40, 2)
    assert (done["refreshed"], done["populated_at"][:10]) == (True, _today())
    assert "created" not in done
    assert again == {**done, "refreshed": False}
    assert "It was populated today already: nothing has happened since, and nothing was pushed." in told
    assert before["populated_at"] < shown["populated_at"] == done["populated_at"]
    assert before["generation"] < shown["generation"]


def test_a_person_sees_what_is_served_and_of_when_it_is(command_line: CommandLine) -> None:
    dataset_id = command_line.prepare(_provision_yesterday)
    told = " ".join(command_line.run_ok("datasets", "refresh", dataset_id).split())

    assert f"status ready records 40 ({told.partition('records 40 (')[2].partition(')')[0]})" in told
    assert f"populated {_today()}" in told
    assert "attempt 2" in told
    assert "It was there already" not in told


def test_what_has_fixed_instants_is_refused_with_3_and_what_to_do(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    templates = command_line.folder.parent / "own" / "mock_data" / "templates" / "fintech" / "fixed"
    templates.mkdir(parents=True)
    (templates / "slack_messages.json").write_text(
        '[{"message_id": "M1", "text": "Hello.", "channel": "general", "author": "a@example.com", '
        '"timestamp": "2026-02-01T10:00:00Z"}]'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOCK_DATA_REPO_PATH", str(templates.parents[3]))
        made = command_line.run_json(*PROVISION, "slack_messages")
        refusal = command_line.run_json("datasets", "refresh", made["dataset_id"], code=3)["error"]
    unknown = command_line.run_json("datasets", "refresh", "acme-sandbox-none-123456", code=3)["error"]

    assert (refusal["code"], refusal["recovery"], refusal["field"]) == (
        "invalid_argument",
        "choose_other",
        "dataset_id",
    )
    assert "`time: relative`" in refusal["suggested_action"]
    assert unknown["code"] == "unknown_dataset"


def test_no_wait_leaves_a_refresh_to_a_server(command_line: CommandLine) -> None:
    dataset_id = command_line.prepare(_provision_yesterday)
    with hold_folder_presence(command_line.folder):
        left = command_line.run_json("datasets", "refresh", dataset_id, "--no-wait", code=4)
    shown = command_line.run_json("datasets", "show", dataset_id)
    told = command_line.run_ok("datasets", "show", dataset_id)
    done = command_line.run_json("datasets", "refresh", dataset_id)

    assert (left["status"], left["progress"]["step"]) == ("validating", "begin")
    assert shown["running"]["refresh"] is True
    assert "a refresh, since" in told
    assert (done["status"], done["attempt"], done["refreshed"]) == ("ready", 2, True)


def test_a_refresh_that_failed_is_told_and_the_dataset_stays_ready(
    command_line: CommandLine, scripted_sandbox: None
) -> None:
    dataset_id = command_line.prepare(_provision_yesterday)
    with command_line.open_sandbox() as sandbox:
        sandbox.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    failed = command_line.run_json("datasets", "refresh", dataset_id, code=1)["error"]
    shown = command_line.run_json("datasets", "show", dataset_id)
    told = command_line.run_ok("datasets", "show", dataset_id)

    assert (failed["code"], failed["status"], failed["step"]) == ("provision_failed", "ready", "push")
    assert failed["message"].startswith("Refreshing ACME-Sandbox-Jira failed at the step 'push'")
    assert f"datasets refresh {dataset_id}" in failed["suggested_action"]
    assert (shown["status"], shown["failure"]["step"]) == ("ready", "push")
    assert "The last refresh failed at the step push" in told
    assert "dataset-lifecycle datasets refresh" in told.partition("What to do")[2]


@pytest.mark.resilience
def test_a_refresh_whose_command_was_killed_goes_on(command_line: CommandLine) -> None:
    dataset_id = command_line.prepare(_provision_yesterday)
    command = (sys.executable, "-m", "tests.support.servers.killed_command", "index")
    killed = subprocess.run(
        (*command, "datasets", "refresh", dataset_id, "--data-dir", command_line.folder),
        cwd=CHECKOUT,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    during = command_line.run_json("datasets", "show", dataset_id)
    done = command_line.run_json("datasets", "refresh", dataset_id)

    assert (during["status"], during["running"]["abandoned"]) == ("validating", True)
    assert (done["status"], done["attempt"], done["refreshed"]) == ("ready", 2, True)
