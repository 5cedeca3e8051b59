"""The SQLite file: opened, migrated, and failing in every way that a disk can."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from domain.errors import Recovery, SettingsError, StoreFailedError
from domain.model.run import Progress
from domain.ports import DatasetQuery, Setting
from server.adapters.store import schema
from server.adapters.store.progress import ProgressWriter
from server.adapters.store.sqlite.errors import translate_sqlite_errors
from server.adapters.store.sqlite.file import connect_sqlite
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import DATASET, NOW, client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.ports import UnitOfWork


async def open_store(path: Path) -> None:
    async with SqliteStore(path):
        pass


async def test_the_file_is_in_wal_mode_and_every_commit_is_synced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "store.sqlite"
    await open_store(path)

    with closing(connect_sqlite(path, 1)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("pragma synchronous").fetchone() == (2,)


async def test_opening_again_applies_nothing_and_waits_for_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    await open_store(path)

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("begin immediate")
        async with SqliteStore(path, busy_timeout_s=0) as store:
            assert await store.read(lambda uow: uow.clients.all()) == []


async def test_the_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    await open_store(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('dataset_lifecycle', 'from_the_future', '')"
        )
    before = path.read_bytes()

    with pytest.raises(SettingsError, match=r"newer version.*from_the_future") as refused:
        await open_store(path)

    assert refused.value.field == "store.url"
    assert path.read_bytes() == before


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.sqlite"
    await open_store(path)

    def before(to: schema.Tables) -> None:
        to.run_statements("create table half_before (x); create index half_x on half_before (x);")

    def breaks(to: schema.Tables) -> None:
        to.create_table("half", {"x": str}, "x")
        to.run_statements("no sql;")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, before, breaks))
        with pytest.raises(StoreFailedError):
            await open_store(path)

    await open_store(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select 1 from sqlite_master where name like 'half%'").fetchall() == []


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is not a database, it is a text " * 100)

    with pytest.raises(StoreFailedError, match="the file is not a database") as failed:
        await open_store(path)

    assert failed.value.recovery is Recovery.NEEDS_HUMAN


async def test_a_folder_in_the_files_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").mkdir()

    with pytest.raises(StoreFailedError, match="cannot be opened"):
        await open_store(tmp_path / "store.sqlite")


async def test_a_file_in_the_folders_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StoreFailedError, match="cannot be created: File exists"):
        await open_store(tmp_path / "data" / "store.sqlite")


async def test_a_writer_that_never_ends_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    async with SqliteStore(path, busy_timeout_s=0.05) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("begin immediate")
            with pytest.raises(StoreFailedError, match="another process") as failed:
                await store.transact(lambda uow: uow.clients.put(client()))
            assert await store.read(lambda uow: uow.clients.all()) == []
        await store.transact(lambda uow: uow.clients.put(client()))

    assert failed.value.recovery is Recovery.WAIT


async def test_a_full_disk_is_reported_and_keeps_nothing_of_the_transaction(tmp_path: Path) -> None:
    def fill(uow: UnitOfWork) -> None:
        uow.datasets.put(DATASET)
        for number in range(1000):
            uow.settings.put(Setting(f"f{number}", str), "x" * 1000)

    async with SqliteStore(tmp_path / "store.sqlite") as store:
        await store.transact(limit_pages)
        with pytest.raises(StoreFailedError, match="the disk is full"):
            await store.transact(fill)

        assert await store.read(lambda uow: uow.datasets.find(DatasetQuery())) == []
        await store.transact(lambda uow: uow.clients.put(client()))


def limit_pages(uow: UnitOfWork) -> None:
    uow.settings._db.execute("pragma max_page_count = 60", {})  # type: ignore[attr-defined]  # noqa: SLF001  # a disk of our own making


def busy(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as one:
        one.execute("begin immediate")
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("begin immediate")


def read_only(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.execute("create table t (x)")


def bad_statement(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("no sql")


def use_closed(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.close()
    connection.execute("select 1")


@pytest.mark.parametrize(
    ("fail", "says", "recovery"),
    [
        (busy, "another process was writing to it for too long", Recovery.WAIT),
        (read_only, "it is read-only", Recovery.NEEDS_HUMAN),
        (bad_statement, "SQLite reports SQLITE_ERROR", Recovery.NEEDS_HUMAN),
        (use_closed, "SQLite reports ProgrammingError", Recovery.NEEDS_HUMAN),
    ],
)
def test_every_failure_is_one_of_the_store_and_names_the_file(
    tmp_path: Path, fail: Callable[[Path], None], says: str, recovery: Recovery
) -> None:
    path = tmp_path / "store.sqlite"
    sqlite3.connect(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table first (x)")

    with pytest.raises(StoreFailedError) as failed, translate_sqlite_errors(path):
        fail(path)

    assert failed.value.message == f"The store {path} failed: {says}."
    assert failed.value.recovery is recovery


async def test_a_store_that_was_never_opened_can_be_closed_and_closed_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")

    await store.close()
    await store.close()


async def test_events_cannot_be_changed_or_deleted(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    await open_store(path)

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("insert into events (dataset_id, kind, document) values ('d', 'k', '{}')")
        for change in ("update events set kind = 'other'", "delete from events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)


async def test_a_row_on_record_cannot_be_replaced_over_the_connections_of_the_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    await open_store(path)
    with closing(connect_sqlite(path, 1)) as connection:
        connection.execute("insert into audit (seq, document) values (1, '{}')")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute("replace into audit (seq, document) values (1, '[]')")


async def test_a_row_that_is_left_out_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store.sqlite"
    async with SqliteStore(path) as store:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("insert into events (dataset_id, kind, document) values ('d', 'k', '{}')")
        with caplog.at_level(logging.ERROR):
            assert await store.read(lambda uow: uow.events.find()) == []

    assert "the row of event 1 cannot be decoded" in caplog.text


def test_progress_that_cannot_be_written_is_logged_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    def write(_latest: object) -> None:
        raise StoreFailedError("The disk is full.")

    writer = ProgressWriter(write, every_s=0)
    writer.report("d1", Progress(step="push"))
    writer.start()
    writer.stop()

    assert "The disk is full." in caplog.text


async def test_a_burst_of_reports_is_few_writes(tmp_path: Path) -> None:
    written: list[int] = []
    writer = ProgressWriter(lambda latest: written.append(len(latest)), every_s=60)
    writer.start()
    for number in range(5000):
        writer.report("d1", Progress(step="push", done=number))
    writer.stop()

    assert 1 <= len(written) <= 2


@pytest.mark.parametrize("value", [NOW.replace(tzinfo=None), object()], ids=["naive", "object"])
async def test_what_has_no_place_in_a_document_is_a_bug_and_changes_nothing(
    tmp_path: Path, value: object
) -> None:
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        with pytest.raises((ValueError, TypeError)):
            await store.transact(lambda uow: uow.settings.put(Setting("f", object), value))
        assert await store.read(lambda uow: uow.settings.get(Setting("f", str))) is None
