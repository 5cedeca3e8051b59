"""What every SQLite file of ours needs: WAL mode, and the meaning of its errors in words."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Final

from domain.errors import Recovery

_PAUSE_S: Final = 0.01
# Primary result codes, https://sqlite.org/rescode.html
_PRIMARY: Final = 0xFF
_MEANING: Final = {
    sqlite3.SQLITE_BUSY: ("another process was writing to it for too long", Recovery.WAIT),
    sqlite3.SQLITE_LOCKED: ("another connection was holding it for too long", Recovery.WAIT),
    sqlite3.SQLITE_FULL: ("the disk is full", Recovery.NEEDS_HUMAN),
    sqlite3.SQLITE_IOERR: ("the disk could not be read or written", Recovery.NEEDS_HUMAN),
    sqlite3.SQLITE_READONLY: ("it is read-only", Recovery.NEEDS_HUMAN),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", Recovery.NEEDS_HUMAN),
    sqlite3.SQLITE_PERM: ("access to the file is not permitted", Recovery.NEEDS_HUMAN),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", Recovery.NEEDS_HUMAN),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", Recovery.NEEDS_HUMAN),
}


@dataclass(frozen=True, slots=True)
class SqliteErrorMeaning:
    """The cause of an error in words, whether waiting helps, and whether any other statement would fail, too."""

    why: str
    recovery: Recovery
    unavailable: bool


def interpret_sqlite_error(error: sqlite3.Error) -> SqliteErrorMeaning:
    """The meaning of an error of SQLite."""
    # An error of the driver itself, such as the use of a closed connection, carries no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if known := _MEANING.get(code & _PRIMARY):
        return SqliteErrorMeaning(*known, unavailable=True)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return SqliteErrorMeaning(f"SQLite reports {name}", Recovery.NEEDS_HUMAN, unavailable=False)


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
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
