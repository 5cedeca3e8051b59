"""Commands ask for the scopes of the account that gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from typer.main import get_command

from domain.audit import Decision
from domain.scopes import scope_of
from server.cli.app import app
from server.cli.invocation import UNSCOPED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server.cli.commands import Commands


def verbs(group: object, before: str = "") -> Iterator[str]:
    """Every command, as it is typed."""
    assert isinstance(group, typer.core.TyperGroup)
    for name, each in group.commands.items():
        if isinstance(each, typer.core.TyperGroup):
            yield from verbs(each, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_every_command_has_a_scope_or_says_that_it_needs_none() -> None:
    known = set(verbs(get_command(app)))
    assert known >= UNSCOPED
    assert all(scope_of(each) for each in known - UNSCOPED)


@pytest.fixture
def restricted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "restricted.yaml"
    file.write_text("dataops: {identity: {local: {scopes: [datasets:read], clients: [globex]}}}")
    monkeypatch.setenv("DATASET_LIFECYCLE_CONFIG", str(file))


def test_what_the_configuration_does_not_grant_is_refused_on_record_and_nothing_is_touched(
    commands: Commands, restricted: None
) -> None:
    for args, scope in [
        (("clients", "add", "x", "--name", "X", "--industry", "i", "--use-case", "u"), "journeys:write"),
        (("teardown", "--dataset-id", "x", "--reason", "manual"), "datasets:teardown"),
        (("orphans", "--sweep"), "admin"),
        (("orphans", "--scan"), "admin"),
        (("archives", "purge"), "admin"),
    ]:
        error = commands.json(*args, code=3)["error"]
        assert (error["code"], error["scope"]) == ("forbidden", scope)
        entry = commands.entries()[-1]
        assert (entry.audit_id, entry.decision) == (error.pop("audit_id"), Decision.REFUSED)
        assert entry.error == error
    assert {each.verb for each in commands.entries()} == {
        "clients add",
        "teardown",
        "orphans sweep",
        "orphans scan",
        "archives purge",
    }
    assert {each.name.partition("-")[0] for each in commands.folder.iterdir()} == {
        "store.db",
        "store.db.lock",
    }


def test_the_account_sees_its_own_clients_only(commands: Commands, request: pytest.FixtureRequest) -> None:
    commands.client()
    request.getfixturevalue("restricted")
    assert commands.json("clients", "list")["items"] == []
    assert commands.json("orphans", "--client-id", "ACME", code=3)["error"]["code"] == "unknown_client"
