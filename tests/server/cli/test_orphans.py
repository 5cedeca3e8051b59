from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.server.cli.commands import Commands


def _without_grace(commands: Commands) -> tuple[str, str]:
    config = commands.folder / "no_grace.yaml"
    config.write_text("dataops:\n  orphans:\n    grace_days: 0\n    sweep_count: 1\n")
    return "--config", str(config)


def test_an_orphan_is_listed_marked_and_swept(commands: Commands) -> None:
    dataset_id = commands.client().dataset()
    at_once = _without_grace(commands)
    commands.ok("journeys", "set-state", "j1", "cancelled")

    assert commands.json("orphans")["items"] == []
    (found,) = commands.json("orphans", "--min-age-days", "0", "--client-id", "ACME")["items"]
    assert (found["dataset_id"], found["reason"], found["eligible"]) == (
        dataset_id,
        "journey_cancelled",
        False,
    )
    assert "No scan has found it" in commands.ok("orphans", "--min-age-days", "0")
    assert commands.json("orphans", "--scan")["marked"] == [dataset_id]
    assert "1 orphans seen." in commands.ok("orphans", "--scan")
    assert commands.json("orphans", "--sweep")["eligible"] == []

    assert "dry run" in commands.ok("orphans", "--sweep", *at_once)
    dry = commands.json("orphans", "--sweep", *at_once)
    assert ([each["dataset_id"] for each in dry["eligible"]], dry["applied"]) == ([dataset_id], False)
    assert commands.json("datasets", "show", dataset_id)["orphan"]["reason"] == "journey_cancelled"
    swept = commands.json("orphans", "--sweep", "--apply", *at_once)
    assert ([each["dataset_id"] for each in swept["taken"]], swept["failed"]) == ([dataset_id], [])
    assert commands.json("datasets", "show", dataset_id)["status"] == "archived"


def test_a_sweep_beyond_its_cap_takes_nothing(commands: Commands) -> None:
    commands.client().dataset("slack_messages")
    commands.dataset("github_repos")
    at_once = _without_grace(commands)
    commands.ok("journeys", "set-state", "j1", "cancelled")
    commands.ok("orphans", "--scan")
    dry = commands.json("orphans", "--sweep", *at_once)
    refused = commands.json("orphans", "--sweep", "--apply", *at_once, code=3)

    assert "refused" in dry
    assert "A sweep would ask a person about all of it first" in commands.ok("orphans", "--sweep", *at_once)
    assert refused["error"]["code"] == "quota_exceeded"
    assert {each["status"] for each in commands.json("datasets", "list")["items"]} == {"ready"}


def test_what_a_person_decides_on_is_left_to_them(commands: Commands) -> None:
    dataset_id = commands.client().dataset()
    at_once = _without_grace(commands)
    commands.ok("journeys", "promote", "j1", "pilot")
    commands.ok("orphans", "--scan")
    plan = commands.json("orphans", "--sweep", *at_once)

    assert plan["eligible"] == []
    assert [each["dataset_id"] for each in plan["skipped"]] == [dataset_id]
    assert "Left to a person" in commands.ok("orphans", "--sweep", *at_once)
