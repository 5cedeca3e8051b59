"""Every adapter of the `Store` port: how one is made, and how its rows are broken behind its back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, Protocol

from server.adapters.store.postgres.store import PostgresStore
from server.adapters.store.sqlite.store import SqliteStore
from server.infra.postgres.dsn import parse_postgres_url
from server.infra.postgres.sql_dialect import translate_statement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server.adapters.store.threaded_store import ThreadedStore


class StoreLocation(Protocol):
    """A folder whose stores, however many, are one."""

    folder: Path

    def open_store(self) -> ThreadedStore: ...
    def execute_sql(self, *statements: str, **values: str) -> int:
        """Do to it what somebody with a shell can; how many rows that changed."""
        ...


class SqliteLocation:
    """Its stores share one SQLite file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "store.sqlite"

    def open_store(self) -> SqliteStore:
        return SqliteStore(self.path, progress_every_s=0)

    def execute_sql(self, *statements: str, **values: str) -> int:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return sum(connection.execute(each, values).rowcount for each in statements)


class PostgresLocation:
    """Its stores share the database whose URL stands in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = parse_postgres_url((folder / "url").read_text(encoding="utf-8"))

    def open_store(self) -> PostgresStore:
        return PostgresStore(self.address, progress_every_s=0)

    def execute_sql(self, *statements: str, **values: str) -> int:
        with self.address.connect() as connection:
            connection.execute("set search_path = dataset_lifecycle")
            return sum(
                connection.execute(translate_statement(each).encode(), values).rowcount for each in statements
            )


LOCATIONS: Final[dict[str, Callable[[Path], StoreLocation]]] = {
    "sqlite": SqliteLocation,
    "postgres": PostgresLocation,
}


def replace_document(place: StoreLocation, table: str, key: str, document: str) -> None:
    """Put another document into a row."""
    name = f"{table[:-1]}_id"
    sql = f"update {table} set document = :document where {name} = :key"  # noqa: S608
    assert place.execute_sql(sql, document=document, key=key) == 1
