"""Commands ask for the scopes of the account that gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from typer.main import get_command

from domain.audit.entry import Decision
from domain.policy.scopes import required_scope
from server.cli.app import app
from server.cli.command import UNSCOPED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine


def typed_commands(group: object, before: str = "") -> Iterator[str]:
    """Every command, as it is typed."""
    assert isinstance(group, typer.core.TyperGroup)
    for name, each in group.commands.items():
        if isinstance(each, typer.core.TyperGroup):
            yield from typed_commands(each, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_every_command_has_a_scope_or_says_that_it_needs_none() -> None:
    known = set(typed_commands(get_command(app)))
    assert known >= UNSCOPED
    assert all(required_scope(each) for each in known - UNSCOPED)


@pytest.fixture
def restricted_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "restricted.yaml"
    file.write_text("dataops: {identity: {local: {scopes: [datasets:read], clients: [globex]}}}")
    monkeypatch.setenv("DATASET_LIFECYCLE_CONFIG", str(file))


def test_what_the_configuration_does_not_grant_is_refused_on_record_and_nothing_is_touched(
    command_line: CommandLine, restricted_account: None
) -> None:
    for args, scope in [
        (("clients", "add", "x", "--name", "X", "--industry", "i", "--use-case", "u"), "journeys:write"),
        (("teardown", "--dataset-id", "x", "--reason", "manual"), "datasets:teardown"),
        (("orphans", "--sweep"), "admin"),
        (("orphans", "--scan"), "admin"),
        (("archives", "purge"), "admin"),
    ]:
        error = command_line.run_json(*args, code=3)["error"]
        assert (error["code"], error["scope"]) == ("forbidden", scope)
        entry = command_line.load_audit_entries()[-1]
        assert (entry.audit_id, entry.decision) == (error.pop("audit_id"), Decision.REFUSED)
        assert entry.error == error
    assert {each.verb for each in command_line.load_audit_entries()} == {
        "clients add",
        "teardown",
        "orphans sweep",
        "orphans scan",
        "archives purge",
    }
    assert {each.name.partition("-")[0] for each in command_line.folder.iterdir()} == {
        "store.db",
        "store.db.lock",
    }


def test_the_account_sees_its_own_clients_only(
    command_line: CommandLine, request: pytest.FixtureRequest
) -> None:
    command_line.add_client_and_journey()
    request.getfixturevalue("restricted_account")
    assert command_line.run_json("clients", "list")["items"] == []
    assert (
        command_line.run_json("orphans", "--client-id", "ACME", code=3)["error"]["code"] == "unknown_client"
    )
