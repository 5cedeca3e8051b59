"""The SQLite file: created, migrated and opened by several processes at once, in WAL mode."""

from __future__ import annotations

import fcntl
import sqlite3
from typing import TYPE_CHECKING

from server.adapters.store.sqlite.migrations import migrate
from server.infra.filesystem.locks import lock_file
from server.infra.sqlite import switch_to_wal

if TYPE_CHECKING:
    from pathlib import Path


def prepare_sqlite_file(path: Path, busy_timeout_s: float) -> str:
    """Create or migrate the file; the installation's id.

    One process at a time, by a lock on a file beside it: SQLite fails with "locked" when two processes switch a new
    file to WAL at once. Raises sqlite3.Error, OSError and SettingsError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        lock_file(lock.fileno(), fcntl.LOCK_EX, path)
        db = connect_sqlite(path, busy_timeout_s)
        try:
            switch_to_wal(db, busy_timeout_s)
            migrate(db, path)
            return str(db.execute("select installation_id from installation").fetchone()[0])
        finally:
            db.close()


def connect_sqlite(path: Path, busy_timeout_s: float, *, reading: bool = False) -> sqlite3.Connection:
    """Open a connection without implicit transactions; one for `reading` refuses every change.

    Only one thread may use it; another may close it.
    """
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma synchronous = full")
        # Without it, REPLACE would delete a row of an append-only table past the trigger that refuses deletions.
        connection.execute("pragma recursive_triggers = on")
        connection.execute(f"pragma query_only = {int(reading)}")
    except BaseException:
        connection.close()
        raise
    return connection
