"""`restore`, as a person or program gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.composition.replicas.presence import hold_folder_presence
from tests.support.servers.command_line import PATIENCE_S

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine


def _archive_dataset(commands: CommandLine) -> str:
    """A dataset of the journey j1 that was taken down, and the journey j2."""
    dataset_id = commands.add_finished_dataset()
    commands.run_ok("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    commands.run_ok("journeys", "add", "j2", "--client-id", "ACME", "--stage", "pilot")
    return dataset_id


def test_an_archived_dataset_comes_back(command_line: CommandLine) -> None:
    gone = command_line.prepare(_archive_dataset)
    made = command_line.run_json("restore", gone, "--journey-id", "j2")
    again = command_line.run_json("restore", gone, "--journey-id", "j2")

    assert (made["status"], made["created"], made["record_count"]) == ("ready", True, 20)
    assert (made["journey_id"], made["stage"], made["restored_from"]) == ("j2", "sandbox", gone)
    assert again == {**made, "created": False}
    shown = command_line.run_json("datasets", "show", made["dataset_id"])
    assert shown["checksum"] == command_line.run_json("datasets", "show", gone)["checksum"]
    assert (shown["restored_from"], shown["protected_until"]) == (gone, made["protected_until"])
    kept = command_line.run_json(
        "teardown", "--dataset-id", made["dataset_id"], "--reason", "stage_completed", code=3
    )
    assert kept["error"]["code"] == "dataset_protected"


def test_a_person_sees_where_it_came_from_and_how_long_it_is_kept(command_line: CommandLine) -> None:
    gone = command_line.prepare(_archive_dataset)
    told = command_line.run_ok("restore", gone, "--journey-id", "j2")
    again = command_line.run_ok("restore", gone, "--journey-id", "j2")

    assert f"restored from {gone}" in " ".join(told.split())
    assert "protected until" in told
    assert "It was there already; no second one was made." in again
    (listed,) = [
        each for each in command_line.run_json("datasets", "list")["items"] if each["status"] == "ready"
    ]
    shown = command_line.run_ok("datasets", "show", listed["dataset_id"])
    assert f"restored from {gone}" in " ".join(shown.split())


def test_what_cannot_be_restored_is_refused_with_3(command_line: CommandLine) -> None:
    gone = command_line.prepare(_archive_dataset)
    (
        command_line.folder / "archives" / "ACME" / "sandbox" / "slack_messages" / gone / "manifest.json"
    ).unlink()
    refusal = command_line.run_json("restore", gone, "--journey-id", "j2", code=3)["error"]
    unknown = command_line.run_json("restore", f"{gone}x", "--journey-id", "j2", code=3)["error"]

    assert (refusal["code"], refusal["recovery"]) == ("not_restorable", "needs_human")
    assert (unknown["code"], unknown["candidates"]) == ("unknown_dataset", [gone])


def test_no_wait_leaves_a_restore_to_a_server(command_line: CommandLine) -> None:
    gone = command_line.prepare(_archive_dataset)
    with hold_folder_presence(command_line.folder):
        left = command_line.run_json("restore", gone, "--journey-id", "j2", "--no-wait", code=4)
    done = command_line.run_json("restore", gone, "--journey-id", "j2")

    assert (left["status"], left["progress"]["step"]) == ("provisioning", "begin")
    assert (done["dataset_id"], done["status"], done["created"]) == (left["dataset_id"], "ready", False)


@pytest.mark.resilience
def test_a_restore_that_is_killed_goes_on_and_holds_the_same_bytes(command_line: CommandLine) -> None:
    gone = command_line.prepare(_archive_dataset)
    with command_line.open_sandbox() as sandbox:
        sandbox.set_indexing_rate(1_000_000, minimum_seconds=PATIENCE_S)
    with command_line.start_process("restore", gone, "--journey-id", "j2", until="index") as (process, _):
        process.kill()
        process.wait(PATIENCE_S)
    with command_line.open_sandbox() as sandbox:
        sandbox.finish_jobs()
    done = command_line.run_json("restore", gone, "--journey-id", "j2")

    assert (done["status"], done["created"]) == ("ready", False)
    shown = command_line.run_json("datasets", "show", done["dataset_id"])
    assert shown["checksum"] == command_line.run_json("datasets", "show", gone)["checksum"]
