"""Errors of SQLite, translated into errors of the domain."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.errors import StoreFailedError, StoreUnavailableError
from server.infra.sqlite import interpret_sqlite_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Translate an error of SQLite into StoreFailedError, naming the file and the cause.

    It is a StoreUnavailableError where the file would refuse any other statement, too.
    """
    try:
        yield
    except sqlite3.Error as error:
        meaning = interpret_sqlite_error(error)
        failure = StoreUnavailableError if meaning.unavailable else StoreFailedError
        raise failure(f"The store {path} failed: {meaning.why}.", recovery=meaning.recovery) from error
