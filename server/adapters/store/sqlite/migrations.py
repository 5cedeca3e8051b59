"""Migrations on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.adapters.store import schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from sqlite_utils import Database

_SET: Final = "dataset_lifecycle"
_TABLE: Final = "select 1 from sqlite_master where name = '_sqlite_migrations'"
_APPLIED: Final = "select name from _sqlite_migrations where migration_set = :set"
_TYPES: Final[dict[type, str]] = {str: "text", int: "integer"}


class SqliteTables:
    """Implements `schema.Tables` on a database inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_table(
        self,
        name: str,
        columns: Mapping[str, type[str | int]],
        pk: str | tuple[str, ...],
        *,
        nullable: Collection[str] = (),
    ) -> None:
        parts = [
            f"{each} {_TYPES[kind]}{'' if each in nullable else ' not null'}"
            f"{' primary key autoincrement' if each == pk and kind is int else ''}"
            for each, kind in columns.items()
        ]
        if not isinstance(pk, str) or columns[pk] is str:
            parts.append(f"primary key ({pk if isinstance(pk, str) else ', '.join(pk)})")
        self.run_statements(f"create table {name} ({', '.join(parts)}) strict;")

    def create_log(
        self, name: str, columns: Mapping[str, type[str | int]], *, document_fields: Collection[str] = ()
    ) -> None:
        parts = [
            "seq integer primary key autoincrement",
            *(f"{each} {_TYPES[kind]} not null" for each, kind in columns.items()),
            *(
                f"{each} text generated always as (document ->> '$.{each}') virtual"
                for each in document_fields
            ),
        ]
        self.run_statements(f"create table {name} ({', '.join(parts)}) strict;")
        self.make_append_only(name)

    def make_append_only(self, name: str) -> None:
        refuse = f"begin select raise(abort, 'the {name} table is append-only'); end"
        self.run_statements(
            f"""
            create trigger {name}_stand before update on {name} {refuse};
            create trigger {name}_stay before delete on {name} {refuse};
            """
        )

    def add_number(self, name: str, column: str) -> None:
        self.run_statements(f"alter table {name} add column {column} {_TYPES[int]} not null default 0;")

    def run_statements(self, statements: str) -> None:
        self._db.executescript(statements)


def list_known_migrations() -> set[str]:
    """The names of all migrations of this version."""
    return {each.__name__ for each in schema.MIGRATIONS}


def list_applied_migrations(db: sqlite3.Connection) -> set[str] | None:
    """The names of the migrations that were applied to a file; None for a file that is no store yet."""
    if not db.execute(_TABLE).fetchone():
        return None
    return {str(name) for (name,) in db.execute(_APPLIED, {"set": _SET})}


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Apply the pending migrations in one write transaction; an up-to-date file is only read.

    Raises SettingsError for a file that a newer version has migrated further.
    """
    applied, known = list_applied_migrations(db) or set(), list_known_migrations()
    if newer := applied - known:
        raise schema.NewerStoreError(
            f"The store {path} was migrated by a newer version of dataset-lifecycle "
            f"(it has {', '.join(sorted(newer))}).",
            field="store.url",
            suggested_action="Run that version, or use another data folder.",
        )
    if applied == known:
        return
    # Imported here: its import takes longer than all the rest of opening a store.
    from sqlite_utils import Database, Migrations  # noqa: PLC0415

    ours = Migrations(_SET)
    for each in schema.MIGRATIONS:
        ours(name=each.__name__)(_sqlite_migration(each))
    # `Migrations.apply` alone begins a deferred transaction, in which a second process fails with "locked".
    db.execute("begin immediate")
    try:
        ours.apply(Database(db, execute_plugins=False))
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
    db.execute("commit")


def _sqlite_migration(migration: Callable[[schema.Tables], None]) -> Callable[[Database], None]:
    return lambda db: migration(SqliteTables(db))
