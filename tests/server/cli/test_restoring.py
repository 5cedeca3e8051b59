"""`restore`, as a person or program gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server import presence
from tests.server.cli.commands import PATIENCE_S

if TYPE_CHECKING:
    from tests.server.cli.commands import Commands


def _archived(commands: Commands) -> str:
    """A dataset of the journey j1 that was taken down, and the journey j2."""
    dataset_id = commands.client().dataset()
    commands.ok("journeys", "set-state", "j1", "completed")
    commands.ok("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    commands.ok("journeys", "add", "j2", "--client-id", "ACME", "--stage", "pilot")
    return dataset_id


def test_an_archived_dataset_comes_back(commands: Commands) -> None:
    gone = _archived(commands)
    made = commands.json("restore", gone, "--journey-id", "j2")
    again = commands.json("restore", gone, "--journey-id", "j2")

    assert (made["status"], made["created"], made["record_count"]) == ("ready", True, 20)
    assert (made["journey_id"], made["stage"], made["restored_from"]) == ("j2", "sandbox", gone)
    assert again == {**made, "created": False}
    shown = commands.json("datasets", "show", made["dataset_id"])
    assert shown["checksum"] == commands.json("datasets", "show", gone)["checksum"]
    assert (shown["restored_from"], shown["protected_until"]) == (gone, made["protected_until"])
    kept = commands.json(
        "teardown", "--dataset-id", made["dataset_id"], "--reason", "stage_completed", code=3
    )
    assert kept["error"]["code"] == "dataset_protected"


def test_a_person_sees_where_it_came_from_and_how_long_it_is_kept(commands: Commands) -> None:
    gone = _archived(commands)
    told = commands.ok("restore", gone, "--journey-id", "j2")
    again = commands.ok("restore", gone, "--journey-id", "j2")

    assert f"restored from {gone}" in " ".join(told.split())
    assert "kept until" in told
    assert "It was there already" in again
    (listed,) = [each for each in commands.json("datasets", "list")["items"] if each["status"] == "ready"]
    shown = commands.ok("datasets", "show", listed["dataset_id"])
    assert f"restored from {gone}" in " ".join(shown.split())


def test_what_cannot_be_restored_is_refused_with_3(commands: Commands) -> None:
    gone = _archived(commands)
    (commands.folder / "archives" / "ACME" / "sandbox" / "slack_messages" / gone / "manifest.json").unlink()
    refusal = commands.json("restore", gone, "--journey-id", "j2", code=3)["error"]
    unknown = commands.json("restore", f"{gone}x", "--journey-id", "j2", code=3)["error"]

    assert (refusal["code"], refusal["recovery"]) == ("not_restorable", "needs_human")
    assert (unknown["code"], unknown["candidates"]) == ("unknown_dataset", [gone])


def test_no_wait_leaves_a_restore_to_a_server(commands: Commands) -> None:
    gone = _archived(commands)
    with presence.present(commands.folder):
        left = commands.json("restore", gone, "--journey-id", "j2", "--no-wait", code=4)
    done = commands.json("restore", gone, "--journey-id", "j2")

    assert (left["status"], left["progress"]["step"]) == ("provisioning", "begin")
    assert (done["dataset_id"], done["status"], done["created"]) == (left["dataset_id"], "ready", False)


def test_a_restore_that_is_killed_goes_on_and_holds_the_same_bytes(commands: Commands) -> None:
    gone = _archived(commands)
    with commands.sandbox() as sandbox:
        sandbox.set_rate(1_000_000, minimum_seconds=3)
    with commands.started("restore", gone, "--journey-id", "j2", until="index") as (process, _):
        process.kill()
        process.wait(PATIENCE_S)
    done = commands.json("restore", gone, "--journey-id", "j2")

    assert (done["status"], done["created"]) == ("ready", False)
    shown = commands.json("datasets", "show", done["dataset_id"])
    assert shown["checksum"] == commands.json("datasets", "show", gone)["checksum"]
