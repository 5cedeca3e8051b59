"""What a teardown goes without is a person's decision on the command line, at sandbox too."""

from __future__ import annotations

import asyncio
import getpass
import json
from typing import TYPE_CHECKING

from server.adapters.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from domain.ports import UnitOfWork
    from tests.support.servers.command_line import CommandLine

_ASKED = "to continue: "
_NAME = "ACME-Sandbox-Slack"


def _done_with(commands: CommandLine) -> tuple[str, ...]:
    """The teardown of a dataset that its journey needs no longer."""
    dataset_id = commands.add_finished_dataset()
    return ("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")


def _another_platform(commands: CommandLine) -> None:
    """Glean is not the one any more in which the connector was made."""
    for each in commands.folder.glob("glean-sandbox.sqlite*"):
        each.unlink()


def test_a_connector_is_left_in_a_glean_that_has_gone_when_a_person_types_the_name(
    command_line: CommandLine,
) -> None:
    teardown = _done_with(command_line)
    asked = command_line.run_json(*teardown, "--abandon-connector", code=3)
    assert (asked["error"]["code"], asked["error"]["field"]) == ("invalid_argument", "abandon_connector")
    _another_platform(command_line)
    assert command_line.run_json(*teardown, code=1)["error"]["code"] == "platform_mismatch"
    asked = command_line.run_json(*teardown, "--abandon-connector", code=3)
    assert (asked["error"]["code"], asked["error"]["how"]) == ("confirmation_required", "approval")
    [waiting] = command_line.run_json("approvals", "list")["items"]
    assert (waiting["approval_id"], waiting["concession"]) == (
        asked["error"]["approval_id"],
        "abandon_connector",
    )
    assert "stays in Glean" in command_line.run_ok("approvals", "show", waiting["approval_id"])

    code, stdout, seen = command_line.run_on_terminal(
        *teardown, "--abandon-connector", "--json", typed=f"{_NAME}\n", after=_ASKED
    )

    answer = json.loads(stdout)
    assert (code, answer["status"], answer["connector_outcome"], answer["cleanup_verified"]) == (
        0,
        "archived",
        "abandoned",
        False,
    )
    assert answer["manual_step"].startswith("Delete the datasource")
    assert "its connector and its documents stay in Glean" in seen
    dataset_id = teardown[2]
    assert command_line.run_json("datasets", "show", dataset_id)["teardown"]["confirmed"] == {
        "how": "approval",
        "by": f"person:{getpass.getuser()}",
        "approval_id": command_line.run_json("datasets", "show", dataset_id)["teardown"]["confirmed"][
            "approval_id"
        ],
        "one_person": True,
        "concession": "abandon_connector",
    }
    assert "(approval, one person): abandon_connector" in command_line.run_ok("datasets", "show", dataset_id)
    [left] = command_line.run_json("health")["drift"]
    assert (left["kind"], left["dataset_id"]) == ("unowned_connector", dataset_id)
    assert "Drift" in command_line.run_ok("health")


def test_content_that_is_lost_is_archived_as_far_as_it_is_left_when_a_person_types_the_name(
    command_line: CommandLine,
) -> None:
    teardown = _done_with(command_line)
    [staged] = (command_line.folder / "staging").rglob("*.jsonl")
    staged.unlink()
    failed = command_line.run_json(*teardown, code=1)["error"]
    assert (failed["code"], failed["step"]) == ("archive_failed", "archive")
    assert "content is lost" in failed["message"]
    asked = command_line.run_json(*teardown, code=3)["error"]
    assert (asked["code"], asked["how"]) == ("confirmation_required", "approval")

    code, stdout, seen = command_line.run_on_terminal(*teardown, "--json", typed="no\n", after=_ASKED)
    assert (code, json.loads(stdout)["error"]["code"]) == (3, "declined")
    code, stdout, seen = command_line.run_on_terminal(*teardown, "--json", typed=f"{_NAME}\n", after=_ASKED)
    assert (code, json.loads(stdout)["status"]) == (0, "archived")
    for words in ("for good the documents that staging lost", "missing or damaged"):
        assert words in seen
    shown = command_line.run_json("datasets", "show", teardown[2])["teardown"]
    assert [each["concession"] for each in shown["conceded"]] == ["incomplete_archive"]
    assert "waived by" in command_line.run_ok("datasets", "show", teardown[2])
    [kept] = command_line.run_json("archives", "list")["items"]
    assert (kept["incomplete"], kept["reason"]) == (True, "journey_completed")
    command_line.run_ok("journeys", "add", "j2", "--client-id", "ACME", "--stage", "sandbox")
    refused = command_line.run_json("restore", teardown[2], "--journey-id", "j2", code=3)["error"]
    assert (refused["code"], "its archive is incomplete" in refused["message"]) == ("not_restorable", True)


def _past_their_time(commands: CommandLine) -> None:
    """What is archived may be purged, as far as the store knows."""

    def age(uow: UnitOfWork) -> None:
        for dataset_id, facts in uow.archives.find():
            uow.archives.put(dataset_id, {**facts, "restorable_until": "2020-01-01T00:00:00Z"})

    async def work() -> None:
        async with SqliteStore(commands.folder / "store.db") as store:
            await store.transact(age)

    asyncio.run(work())


def test_a_purge_beyond_the_cap_of_a_sweep_is_refused(command_line: CommandLine) -> None:
    ids = [
        command_line.add_dataset(),
        command_line.provision_dataset("github_repos"),
    ]
    command_line.run_ok("journeys", "set-state", "j1", "completed")
    for each in ids:
        command_line.run_ok("teardown", "--dataset-id", each, "--reason", "journey_completed")
    config = command_line.folder / "strict.yaml"
    config.write_text("dataops:\n  orphans:\n    sweep_count: 1\n")
    _past_their_time(command_line)

    dry = command_line.run_json("archives", "purge", "--config", str(config))
    assert (len(dry["due"]), dry["refused"]) == (
        2,
        "2 archives are past their time, and one purge takes 1 at most.",
    )
    assert "A purge would be refused" in command_line.run_ok("archives", "purge", "--config", str(config))
    refused = command_line.run_json("archives", "purge", "--apply", "--config", str(config), code=3)["error"]
    assert (refused["code"], refused["recovery"]) == ("quota_exceeded", "needs_human")
    assert all("purged_at" not in each for each in command_line.run_json("archives", "list")["items"])
