"""What a killed command leaves, where no server runs: it is named, and the next command that needs it finishes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.servers.command_line import CHECKOUT, PATIENCE_S

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine


def _kill(commands: CommandLine, step: str, *args: str) -> None:
    command = (sys.executable, "-m", "tests.support.servers.killed_command", step, *args)
    killed = subprocess.run(
        (*command, "--data-dir", commands.folder),
        cwd=CHECKOUT,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr


@pytest.mark.resilience
def test_a_snapshot_whose_command_was_killed_blocks_no_teardown(command_line: CommandLine) -> None:
    dataset_id = command_line.add_finished_dataset()
    _kill(command_line, "archive", "archives", "snapshot", dataset_id)

    shown = command_line.run_ok("datasets", "show", dataset_id)
    assert "worked on by  nobody now; it continues with" in shown
    assert command_line.run_json("datasets", "show", dataset_id)["running"]["abandoned"] is True
    [finding] = [each for each in command_line.run_json("doctor")["findings"] if each["area"] == "runs"]
    assert f"nobody works on ACME-Sandbox-Slack (snapshot of {dataset_id}" in finding["message"]
    assert "run the command again" in finding["action"]

    taken = command_line.run("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    assert (taken.exit_code, "is archived" in taken.stdout) == (0, True), taken.output
    assert "That is finished first" in taken.stderr
    [finding] = [each for each in command_line.run_json("doctor")["findings"] if each["area"] == "runs"]
    assert finding["message"] == "0 running, each in a living process"
