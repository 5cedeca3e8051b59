"""PostgreSQL databases for one test after another: to empty one takes far less than to make another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stores.postgres_server import PostgresServer

_TABLES: Final = """
    select format('%I.%I', schemaname, tablename) from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') order by 1
"""
_COLUMNS: Final = """
    select table_schema, table_name, column_name, data_type from information_schema.columns
    where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2, 3
"""
_WITHOUT_TRIGGERS: Final = "set session_replication_role = replica"
"""Else the audit's own would keep it from being emptied."""


class EmptiedDatabases:
    """Copies of a template, each used again and again.

    After each use the tables are emptied that are empty in the template. One in which anything else has changed is not
    used again: tables, or the rows of the other tables.
    """

    def __init__(self, cluster: PostgresServer, template: str) -> None:
        self._cluster = cluster
        self._template = template
        self._idle: list[str] = []
        self._emptied: list[str] = []
        self._kept: list[str] = []
        self._rest: object = None

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of one that nobody else uses meanwhile."""
        url = self._idle.pop() if self._idle else self._create()
        yield url
        self._cluster.disconnect_clients(url)
        if self._read_rest(url) == self._rest:
            names = ", ".join(self._emptied)
            self._cluster.execute(f"{_WITHOUT_TRIGGERS}; truncate {names} restart identity", url)
            self._idle.append(url)
        else:
            self._cluster.drop_database(url)

    def _create(self) -> str:
        url = self._cluster.create_database(self._template)
        if self._rest is None:
            for [name] in self._cluster.execute(_TABLES, url):
                (self._kept if self._read_rows(name, url) else self._emptied).append(name)
            self._rest = self._read_rest(url)
        return url

    def _read_rest(self, url: str) -> object:
        """What is not emptied."""
        return self._cluster.execute(_COLUMNS, url), [self._read_rows(name, url) for name in self._kept]

    def _read_rows(self, table: str, url: str) -> list[object]:
        return self._cluster.execute(f"select each::text from {table} each order by 1", url)  # noqa: S608
