"""Inspect a SQLite store read-only, without creating or migrating it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeVar

from server.adapters.store.schema import NOT_CREATED, OUTDATED
from server.adapters.store.sqlite.errors import translate_sqlite_errors
from server.adapters.store.sqlite.migrations import list_applied_migrations, list_known_migrations
from server.adapters.store.sqlite.store import SqliteConnection
from server.adapters.store.unit_of_work import SqlUnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_UNFINISHED: Final = (
    "select exists (select 1 from datasets where running = 1) or exists (select 1 from undos)"
)


def describe_pending_migration(path: Path) -> str:
    """What the next start would migrate in the file, in words; empty for nothing. Raises StoreFailedError."""
    if not path.exists():
        return NOT_CREATED
    with translate_sqlite_errors(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        applied = list_applied_migrations(db)
    if applied is None:
        return NOT_CREATED
    return OUTDATED if applied < list_known_migrations() else ""


def has_unfinished_work(path: Path) -> bool:
    """Whether a dataset's saga or a compensation is unfinished; False when the store was not created yet.

    Raises StoreFailedError.
    """
    if not path.exists():
        return False
    with translate_sqlite_errors(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        return {"datasets", "undos"} <= tables and bool(db.execute(_UNFINISHED).fetchone()[0])


def read_existing(path: Path, work: Callable[[SqlUnitOfWork], T]) -> T | None:
    """Read once in the file; None when it would have to be created or migrated first. Raises StoreFailedError."""
    if describe_pending_migration(path):
        return None
    with translate_sqlite_errors(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        [(installation,)] = db.execute("select installation_id from installation")
        return work(SqlUnitOfWork(SqliteConnection(db), installation))
