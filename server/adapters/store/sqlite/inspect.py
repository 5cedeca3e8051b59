"""Inspect a SQLite store read-only, without creating or migrating it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from domain.connectors import BEFORE_HOME, HOME
from domain.model import Fingerprint
from server.adapters.store.schema import MIGRATIONS, NOT_CREATED, OUTDATED
from server.adapters.store.sqlite.errors import translate_sqlite_errors

if TYPE_CHECKING:
    from pathlib import Path

_KNOWN_MIGRATIONS: Final = {each.__name__ for each in MIGRATIONS}
_APPLIED: Final = "select name from _sqlite_migrations where migration_set = 'dataset_lifecycle'"
_FACT: Final = "select document from facts where name = ?"
_UNFINISHED: Final = (
    "select exists (select 1 from datasets where running = 1) or exists (select 1 from undos)"
)


def describe_pending_migration(path: Path) -> str:
    """What the next start would migrate in the file, in words; empty for nothing. Raises StoreFailedError."""
    if not path.exists():
        return NOT_CREATED
    with translate_sqlite_errors(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        if not db.execute("select 1 from sqlite_master where name = '_sqlite_migrations'").fetchone():
            return NOT_CREATED
        applied = {str(name) for (name,) in db.execute(_APPLIED)}
    return OUTDATED if applied < _KNOWN_MIGRATIONS else ""


def has_unfinished_work(path: Path) -> bool:
    """Whether a dataset's saga or a compensation is unfinished; False when the store was not created yet.

    Raises StoreFailedError.
    """
    if not path.exists():
        return False
    with translate_sqlite_errors(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        return {"datasets", "undos"} <= tables and bool(db.execute(_UNFINISHED).fetchone()[0])


def read_home_platform(path: Path) -> Fingerprint | None:
    """The platform that the store of a data folder belongs to; None for none, and for a store that cannot be read."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            rows = (db.execute(_FACT, (each.name,)).fetchone() for each in (HOME, BEFORE_HOME))
            known = next((found for row in rows if row and (found := json.loads(row[0]))), None)
            return Fingerprint(**known.get("fingerprint", known)) if known else None
    except (sqlite3.Error, ValueError, TypeError, AttributeError):
        return None  # the services say what is wrong as soon as they are opened
