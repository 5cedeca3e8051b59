from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from server.sandbox.state import schema
from server.sandbox.state.database import (
    NewerSandboxFileError,
    SandboxFileError,
    SandboxFileUnavailableError,
)
from tests.support.glean.admin_client import START, AdminClient, HandDrivenClock, document, error_of
from tests.support.sandbox.control import LedgerEntry, Sandbox
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.example_configs import EXAMPLE_CONFIGS

if TYPE_CHECKING:
    from pathlib import Path


def test_the_ledger_has_every_effect_once(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource("A")
    admin_client.load(one, "r", [document(1)])
    clock.advance(1)
    admin_client.get(one)
    admin_client.put(one, json={"config": EXAMPLE_CONFIGS["confluence"]})
    admin_client.delete(one)
    admin_client.delete(one)

    def entry(seq: int, operation: str, run: str | None = None, **detail: object) -> LedgerEntry:
        at = START if seq <= 4 else clock()
        return LedgerEntry(seq=seq, at=at, operation=operation, datasource="A", run=run, detail=detail)

    assert glean.sandbox.ledger() == [
        entry(1, "datasources.create", connector="confluence"),
        entry(2, "auth.set", type="API_TOKEN"),
        entry(3, "documents.upload", "r", received=1, changed=1),
        entry(4, "sync.start", "r", job="new", incremental=False),
        entry(5, "datasources.update"),
        entry(6, "datasources.delete", documents=1),
    ]


def test_two_sandboxes_that_went_through_the_same_have_one_picture(
    tmp_path: Path, clock: HandDrivenClock
) -> None:
    pictures = []
    for name in ("one", "two"):
        with EmbeddedSandbox(tmp_path / name / "sandbox.db", now=clock) as glean, AdminClient(glean) as admin:
            if name == "two":
                admin.delete(admin.create_datasource("Left"))
            admin.load(admin.create_datasource("B", "confluence"), f"run-{name}", [document(2), document(1)])
            clock.advance(1)
            pictures.append(glean.sandbox.snapshot())
    assert pictures[0] == pictures[1]
    picture = pictures[0]["B"]
    assert (picture["status"], list(picture["documents"])) == ("HEALTHY", ["page-1", "page-2"])


def test_a_person_makes_and_deletes_datasources_at_the_console(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    made = glean.sandbox.create_foreign_datasource("Theirs", "jira", {"anything": "goes"})
    assert admin_client.get(f"/datasources/{made['id']}").json() == made
    glean.sandbox.delete_datasource("theirs")
    assert admin_client.get("/datasources").json() == {"datasources": []}
    with pytest.raises(LookupError):
        glean.sandbox.delete_datasource("theirs")
    assert [entry.operation for entry in glean.sandbox.ledger()] == ["console.create", "console.delete"]


def test_another_tenant_stands_behind_the_same_url(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    one, first = admin_client.create_datasource("A"), glean.sandbox.tenant_id()
    second = glean.sandbox.replace_tenant()
    assert admin_client.get("/tenant").json()["id"] == second != first
    assert error_of(admin_client.get(one)) == (404, "not_found", [])
    admin_client.create_datasource("A")
    glean.sandbox.switch_tenant(first)
    assert admin_client.get(one).status_code == 200
    with pytest.raises(LookupError):
        glean.sandbox.switch_tenant("sandbox-unknown")


def test_another_tenant_may_be_a_copy(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    one, first = admin_client.create_datasource("A"), glean.sandbox.tenant_id()
    assert glean.sandbox.replace_tenant(keep_content=True) != first
    assert admin_client.get(one).json()["name"] == "A"


def test_of_a_name_that_is_not_there_nothing_is_served(glean: EmbeddedSandbox) -> None:
    assert (glean.sandbox.documents("A"), glean.sandbox.sync_jobs("A")) == ([], [])


@pytest.mark.parametrize(("rate", "minimum"), [(0, 0.05), (-1, 0.05), (1, -1)])
def test_a_pace_that_makes_no_sense_is_refused(glean: EmbeddedSandbox, rate: float, minimum: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        glean.sandbox.set_indexing_rate(rate, minimum_seconds=minimum)


def test_a_sync_may_take_no_time_at_all(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
    admin_client.load(admin_client.create_datasource(), "r", [])
    assert admin_client.get("/datasources").json()["datasources"][0]["status"] == "HEALTHY"


def test_a_file_is_the_same_sandbox_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "sandbox.db"
    with Sandbox.open(path) as sandbox:
        sandbox.create_foreign_datasource("A")
        seen = sandbox.tenant_id(), sandbox.datasources()
    with Sandbox.open(path) as sandbox:
        assert (sandbox.tenant_id(), sandbox.datasources()) == seen


def test_a_connection_in_use_is_closed_when_it_is_done(tmp_path: Path) -> None:
    sandbox = Sandbox.open(tmp_path / "sandbox.db")
    with sandbox.world.database.read() as connection:
        sandbox.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database at all " * 100)
    with pytest.raises(SandboxFileError, match=r"text\.db"):
        Sandbox.open(text)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(SandboxFileError, match="another program"):
        Sandbox.open(other)


def test_a_change_that_sqlite_undoes_by_itself_is_still_the_first_error(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:
        with pytest.raises(sqlite3.IntegrityError), sandbox.world.database.write() as connection:
            connection.execute("INSERT OR ROLLBACK INTO tenant SELECT * FROM tenant")
        assert sandbox.datasources() == []


def write_as_earlier_version(path: Path, version: int) -> None:
    """Write what is in a file into one with the tables of that version, in its place."""
    present = path.rename(path.with_suffix(".present"))
    words = "CREATE VIRTUAL TABLE fulltext USING fts5 (title, id, body, container, author, tokenize = 'unicode61');"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            schema._ADMIN  # noqa: SLF001 - nobody else makes files of the past
            + ("" if version == 1 else schema._INDEXING)  # noqa: SLF001
            + (words if version < 3 else schema._FULLTEXT)  # noqa: SLF001
        )
        connection.execute("ATTACH ? AS present", (str(present),))
        named = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        for (table,) in connection.execute(named).fetchall():
            columns = [
                {row[1] for row in connection.execute(f"PRAGMA {where}.table_info({table})")}
                for where in ("main", "present")
            ]
            if not table.startswith("fulltext"):
                shared = ", ".join(columns[0] & columns[1])
                connection.execute(
                    f"INSERT INTO main.{table} ({shared}) SELECT {shared} FROM present.{table}"  # noqa: S608
                )
        connection.execute(
            "INSERT INTO main.fulltext (rowid, title, id, body, container, author)"
            " SELECT rowid, title, id, body, container, author FROM present.fulltext"
        )
        connection.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_an_earlier_version_goes_on_with_what_is_in_it(
    tmp_path: Path, clock: HandDrivenClock, version: int
) -> None:
    path = tmp_path / "sandbox.db"
    with EmbeddedSandbox(path, token="secret", now=clock) as running, AdminClient(running) as admin:
        admin.load(
            admin.create_datasource("Wiki"), "r", [document(1, text="A delay of payments"), document(2)]
        )
        clock.advance(1)
        assert admin.search_document_ids("delayed payment") == ["page-1"]
    write_as_earlier_version(path, version)
    with EmbeddedSandbox(path, token="secret", now=clock) as running, AdminClient(running) as admin:
        assert admin.search_document_ids("delayed payment") == ["page-1"]
        admin.load(admin.create_datasource("Notes"), "r", [document(3, text="Delaying a payment")])
        clock.advance(1)
        assert admin.search_document_ids("delayed payment") == ["page-1", "page-3"]
        assert running.sandbox.search("Which payments will they delay?")[0]["documentId"] == "page-3"
    with Sandbox.open(path) as sandbox:
        assert len(sandbox.datasources()) == 2


def test_a_file_whose_index_has_words_cut_by_tags_is_indexed_as_readers_see_it(
    tmp_path: Path, clock: HandDrivenClock
) -> None:
    path = tmp_path / "sandbox.db"
    with EmbeddedSandbox(path, token="secret", now=clock) as running, AdminClient(running) as admin:
        plain = document(2, body={"mimeType": "text/plain", "textContent": "<b>tagged"})
        admin.load(admin.create_datasource("Wiki"), "r", [document(1, text="pay<b>ment</b> made"), plain])
        clock.advance(1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE fulltext SET body = ' pay ment  made '")
        connection.execute("PRAGMA user_version = 4")
        connection.commit()
    with EmbeddedSandbox(path, token="secret", now=clock) as running, AdminClient(running) as admin:
        assert admin.search_document_ids("payment") == ["page-1"]
        assert admin.search_document_ids("tagged") == ["page-2"]
        assert admin.search_document_ids("ment") == []


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    Sandbox.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")
    with pytest.raises(NewerSandboxFileError, match="a newer version"):
        Sandbox.open(path)


def test_a_numbered_file_of_another_program_is_no_newer_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE theirs (a); PRAGMA user_version = 1000")
    with pytest.raises(SandboxFileError, match="another program") as refusal:
        Sandbox.open(path)
    assert not isinstance(refusal.value, NewerSandboxFileError)


def test_a_file_that_may_not_be_opened_now_is_not_told_as_no_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    path.mkdir()
    with pytest.raises(SandboxFileUnavailableError, match="cannot be used now: unable to open"):
        Sandbox.open(path)
