from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from server.adapters.engine.sqlite_journal import SqliteJournal
from server.adapters.store.sqlite.file import prepare_sqlite_file
from server.infra.sqlite import switch_to_wal
from server.sandbox.state.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a switch was refused and is to be tried again."""
    seen = threading.Event()
    monkeypatch.setattr("server.infra.sqlite.time.sleep", lambda _: seen.set())
    return seen


@pytest.mark.parametrize(
    "prepare",
    [
        lambda path: SqliteJournal(path).prepare(),
        lambda path: prepare_sqlite_file(path, 30),
        lambda path: Database(path).close(),
    ],
    ids=["engine", "store", "sandbox"],
)
def test_a_new_file_that_somebody_else_locks_for_a_moment_is_waited_for(
    tmp_path: Path, refused: threading.Event, prepare: Callable[[Path], object]
) -> None:
    path = tmp_path / "new.sqlite"
    with closing(connect(path)) as backup, closing(connect(path)) as looking:
        backup.execute("begin immediate")
        preparing = threading.Thread(target=prepare, args=(path,))
        preparing.start()
        assert refused.wait(30)
        backup.execute("rollback")
        preparing.join(30)
        assert not preparing.is_alive()
        assert looking.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_lock_that_lasts_is_told(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "file")) as other, closing(connect(tmp_path / "file")) as connection:
        other.execute("begin immediate")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            switch_to_wal(connection, 0.05)


def test_what_is_no_lock_is_told_at_once(tmp_path: Path, refused: threading.Event) -> None:
    path = tmp_path / "file"
    with closing(connect(path)) as made:
        made.execute("create table t (x)")
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reading,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        switch_to_wal(reading, 30)
    assert not refused.is_set()
