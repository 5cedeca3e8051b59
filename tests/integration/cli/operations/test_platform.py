"""Which Glean a data folder belongs to, at the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from domain.connectors.home_platform import HOME
from domain.model.connector import Fingerprint
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.servers.command_line import PROVISION

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine

ACME = Fingerprint(dialect="indexing", url="https://acme-be.glean.com")
SHOWN = "embedded sandbox, nobody else sees it"
ASKED = "to continue: "


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Glean is configured, which is asked nothing: its dialect names no tenant."""
    monkeypatch.setenv("GLEAN_DIALECT", ACME.dialect)
    monkeypatch.setenv("GLEAN_BASE_URL", ACME.url)
    monkeypatch.setenv("GLEAN_API_KEY", "their-key")


def put_home(commands: CommandLine, home: Fingerprint) -> None:
    """Have the folder belong to that Glean."""

    async def put() -> None:
        async with SqliteStore(commands.folder / "store.db") as store:
            await store.transact(lambda uow: uow.settings.put(HOME, home))

    asyncio.run(put())


def test_every_answer_names_its_glean(command_line: CommandLine) -> None:
    dataset_id = command_line.add_finished_dataset()
    sandbox = {"kind": "embedded_sandbox", "address": SHOWN}
    shown = command_line.run_json("platform", "show")
    assert (shown["belongs_to"]["address"], shown["may_begin"]) == (SHOWN, True)
    assert command_line.run_json("health")["platform"] == sandbox
    assert f"Glean: {SHOWN}" in command_line.run_ok("health")
    findings = {each["area"]: each for each in command_line.run_json("doctor")["findings"]}
    assert SHOWN in findings["configuration"]["message"]
    assert "this data folder belongs to the embedded sandbox" in findings["platform"]["message"]
    told = command_line.run_ok("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    assert f"glean             {SHOWN}" in told


@pytest.mark.usefixtures("acme")
def test_a_folder_that_is_lived_in_is_not_taken_along_and_can_be_read(command_line: CommandLine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GLEAN_DIALECT", "GLEAN_BASE_URL", "GLEAN_API_KEY"):
            patch.delenv(name)
        command_line.add_dataset()
    refused = command_line.run_json(*PROVISION, "jira_issues", code=3)["error"]
    assert (refused["code"], refused["recovery"]) == ("platform_mismatch", "needs_human")
    swept = command_line.run_json("orphans", "--sweep", "--apply", code=3)["error"]
    assert swept["code"] == "platform_mismatch"
    listed = command_line.run("datasets", "list")
    assert (listed.exit_code, "ACME-Sandbox-Slack" in listed.stdout) == (0, True)
    assert f"belongs to the embedded sandbox ({SHOWN.partition(', ')[2]}; admin dialect" in listed.stderr
    assert command_line.run_json("health")["warning"] in " ".join(listed.stderr.split())
    assert command_line.run_json("platform", "show")["may_begin"] is False

    moved = command_line.run_json("platform", "move", code=3)["error"]
    assert (moved["code"], "terminal" in moved["message"]) == ("forbidden", True)
    code, stdout, _ = command_line.run_on_terminal("platform", "move", "--json", typed="\n", after="}\n")
    assert (code, json.loads(stdout)["error"]["code"]) == (3, "platform_mismatch")
    assert "1 dataset lives" in json.loads(stdout)["error"]["message"]


@pytest.mark.usefixtures("acme")
def test_a_folder_of_the_sandbox_follows_and_says_so_at_the_start(command_line: CommandLine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GLEAN_DIALECT", "GLEAN_BASE_URL", "GLEAN_API_KEY"):
            patch.delenv(name)
        dataset_id = command_line.add_finished_dataset()
        command_line.run_ok("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
        command_line.run_ok("journeys", "set-state", "j1", "active")
    begun = command_line.run(*PROVISION, "jira_issues", "--template-id", "none")
    assert begun.exit_code == 3  # so that the Glean which is not there is asked for nothing
    assert "This data folder follows its configuration" in begun.stderr
    assert "takes the data folder to the configured Glean" in command_line.run_ok("platform", "show")


def test_a_person_moves_a_folder_by_typing_where(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    assert "its first dataset decides" in command_line.run_ok("platform", "show")
    put_home(command_line, ACME)
    assert command_line.run_json(*PROVISION, "jira_issues", code=3)["error"]["code"] == "platform_mismatch"

    move = ("platform", "move", "--json")
    code, stdout, _ = command_line.run_on_terminal(*move, typed="yes\n", after=ASKED)
    assert (code, json.loads(stdout)["error"]["code"]) == (3, "declined")
    code, stdout, seen = command_line.run_on_terminal(*move, typed="embedded sandbox\n", after=ASKED)
    assert (code, json.loads(stdout)["belongs_to"]["kind"]) == (0, "embedded_sandbox")
    assert ACME.url in seen
    assert "platform moved" in [each.outcome for each in command_line.load_audit_entries()]
    command_line.provision_dataset("jira_issues")
    code, stdout, _ = command_line.run_on_terminal(*move, typed="\n", after="nothing is asked")
    assert (code, json.loads(stdout)["may_begin"]) == (0, True)
