"""Errors of SQLite, translated into errors of the domain."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from domain.errors import Recovery, StoreFailedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Translate an error of SQLite into StoreFailedError, naming the file and the cause.

    It is a StoreUnavailableError where the file would refuse any other statement, too.
    """
    try:
        yield
    except sqlite3.Error as error:
        # An error of the driver itself, such as the use of a closed connection, carries no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if known := _MEANING.get(code & _PRIMARY):
            why, recovery = known
            raise StoreUnavailableError(f"The store {path} failed: {why}.", recovery=recovery) from error
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise StoreFailedError(
            f"The store {path} failed: SQLite reports {name}.", recovery=Recovery.NEEDS_HUMAN
        ) from error
