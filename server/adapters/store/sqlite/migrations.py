"""Migrations on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlite_utils import Database, Migrations

from server.adapters.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

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


def migrate(db: Database, path: Path) -> None:
    """Apply the pending migrations in one write transaction; an up-to-date file is only read.

    Raises SettingsError for a file that a newer version has migrated further.
    """
    ours = Migrations("dataset_lifecycle")
    for each in schema.MIGRATIONS:
        ours(name=each.__name__)(_sqlite_migration(each))
    newer = {each.name for each in ours.applied(db)} - {each.__name__ for each in schema.MIGRATIONS}
    if newer:
        raise schema.NewerStoreError(
            f"The store {path} was migrated by a newer version of dataset-lifecycle "
            f"(it has {', '.join(sorted(newer))}).",
            field="store.url",
            suggested_action="Run that version, or use another data folder.",
        )
    if not ours.pending(db):
        return
    # `Migrations.apply` alone begins a deferred transaction, in which a second process fails with "locked".
    db.execute("begin immediate")
    try:
        ours.apply(db)
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _sqlite_migration(migration: Callable[[schema.Tables], None]) -> Callable[[Database], None]:
    return lambda db: migration(SqliteTables(db))
