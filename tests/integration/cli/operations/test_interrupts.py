from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from server.composition.replicas.presence import hold_folder_presence
from tests.support.sandbox.faults import Fault
from tests.support.sandbox.launcher import LAUNCHER
from tests.support.servers.command_line import PATIENCE_S, PROVISION

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine


def test_no_wait_leaves_the_work_to_a_server_and_ends_with_4(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    with hold_folder_presence(command_line.folder):
        left = command_line.run_json(*PROVISION, "slack_messages", "--no-wait", code=4)
    done = command_line.run_json(*PROVISION, "slack_messages")

    assert (left["status"], left["created"], left["progress"]["step"]) == ("provisioning", True, "begin")
    assert (done["dataset_id"], done["status"], done["created"]) == (left["dataset_id"], "ready", False)


@pytest.mark.resilience
def test_what_ctrl_c_interrupts_goes_on_when_it_is_called_again(command_line: CommandLine) -> None:
    command_line.add_client_and_journey().run_ok("health")
    with command_line.open_sandbox() as sandbox:
        sandbox.set_indexing_rate(1_000_000, minimum_seconds=PATIENCE_S)
    with command_line.start_process(*PROVISION, "slack_messages", "--json", until="index") as (process, _):
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, stdout) == (130, "")
    assert "is not lost: it continues" in stderr
    (left,) = command_line.run_json("datasets", "list")["items"]
    assert left["status"] == "provisioning"
    with command_line.open_sandbox() as sandbox:
        sandbox.finish_jobs()
    done = command_line.run_json(*PROVISION, "slack_messages")
    assert (done["dataset_id"], done["status"]) == (left["dataset_id"], "ready")
    with command_line.open_sandbox() as sandbox:
        assert len(sandbox.sync_jobs("ACME-Sandbox-Slack")) == 1


@pytest.mark.resilience
def test_cancel_has_a_running_provision_undo_itself(command_line: CommandLine) -> None:
    command_line.add_client_and_journey().run_ok("health")
    with command_line.open_sandbox() as sandbox:
        sandbox.faults.add(Fault(kind="sync_hangs"))
    with command_line.start_process(
        *PROVISION, "slack_messages", "--json", until="index", module=LAUNCHER
    ) as (process, _):
        (running,) = command_line.run_json("datasets", "list")["items"]
        cancelled = command_line.run_json("cancel", running["dataset_id"])
        stdout, _stderr = process.communicate(timeout=PATIENCE_S)

    assert cancelled == {
        "name": "ACME-Sandbox-Slack",
        "dataset_id": running["dataset_id"],
        "status": "failed",
        "cancelled": True,
    }
    assert process.returncode == 1
    assert json.loads(stdout)["error"]["cause"] == "cancelled"
    assert (
        command_line.run_json("cancel", running["dataset_id"], code=3)["error"]["code"] == "nothing_running"
    )
    with command_line.open_sandbox() as sandbox:
        assert sandbox.datasources() == []
