"""What every SQLite file of ours needs: WAL mode, so that readers and writers do not block one another."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

_PAUSE_S: Final = 0.01


def switch_to_wal(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch the file of `connection` to WAL mode, unless it is in it. Blocks for at most `timeout_s` seconds.

    SQLite answers "locked" at once, whatever the connection's timeout is, while somebody else holds the write lock of
    a file that is not in WAL mode yet: a backup, or a second process that makes the same file (measured, SQLite 3.40).
    Raises sqlite3.OperationalError when that lasts longer.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
