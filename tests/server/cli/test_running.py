from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from server import presence
from server.sandbox.faults import Fault
from tests.server.cli.commands import PATIENCE_S, PROVISION

if TYPE_CHECKING:
    from tests.server.cli.commands import Commands


def test_no_wait_leaves_the_work_to_a_server_and_ends_with_4(commands: Commands) -> None:
    commands.client()
    with presence.present(commands.folder):
        left = commands.json(*PROVISION, "slack_messages", "--no-wait", code=4)
    done = commands.json(*PROVISION, "slack_messages")

    assert (left["status"], left["created"], left["progress"]["step"]) == ("provisioning", True, "begin")
    assert (done["dataset_id"], done["status"], done["created"]) == (left["dataset_id"], "ready", False)


def test_what_ctrl_c_interrupts_goes_on_when_it_is_called_again(commands: Commands) -> None:
    commands.client().ok("health")
    with commands.sandbox() as sandbox:
        sandbox.set_rate(1_000_000, minimum_seconds=4)
    with commands.started(*PROVISION, "slack_messages", "--json", until="index") as (process, _):
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, stdout) == (130, "")
    assert "is not lost: it goes on" in stderr
    (left,) = commands.json("datasets", "list")["items"]
    assert left["status"] == "provisioning"
    done = commands.json(*PROVISION, "slack_messages")
    assert (done["dataset_id"], done["status"]) == (left["dataset_id"], "ready")
    with commands.sandbox() as sandbox:
        assert len(sandbox.jobs("ACME-Sandbox-Slack")) == 1


def test_cancel_has_a_running_provision_undo_itself(commands: Commands) -> None:
    commands.client().ok("health")
    with commands.sandbox() as sandbox:
        sandbox.faults.add(Fault(kind="sync_hangs"))
    with commands.started(*PROVISION, "slack_messages", "--json", until="index") as (process, _):
        (running,) = commands.json("datasets", "list")["items"]
        cancelled = commands.json("cancel", running["dataset_id"])
        stdout, _stderr = process.communicate(timeout=PATIENCE_S)

    assert cancelled == {
        "name": "ACME-Sandbox-Slack",
        "dataset_id": running["dataset_id"],
        "status": "failed",
        "cancelled": True,
    }
    assert process.returncode == 1
    assert json.loads(stdout)["error"]["cause"] == "cancelled"
    assert commands.json("cancel", running["dataset_id"], code=3)["error"]["code"] == "nothing_running"
    with commands.sandbox() as sandbox:
        assert sandbox.datasources() == []
