"""PostgreSQL databases for one test after another: to empty one takes far less than to make another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stores.postgres_server import PostgresServer

_TABLES: Final = (
    "select format('%I.%I', schemaname, tablename) from pg_tables "
    "where schemaname not in ('pg_catalog', 'information_schema')"
)
_WITHOUT_TRIGGERS: Final = "set session_replication_role = replica"
"""Else the audit's own would keep it from being emptied."""
_DISCONNECT: Final = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)


class EmptiedDatabases:
    """Copies of a template, each used again and again; what has no row in the template is emptied after each use.

    They are for tests that change rows only, not tables.
    """

    def __init__(self, cluster: PostgresServer, template: str) -> None:
        self._cluster = cluster
        self._template = template
        self._idle: list[str] = []
        self._empty_tables: list[str] = []

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of one that nobody else uses meanwhile."""
        url = self._idle.pop() if self._idle else self._create()
        yield url
        names = ", ".join(self._empty_tables)
        self._cluster.execute(_DISCONNECT, url)
        self._cluster.execute(f"{_WITHOUT_TRIGGERS}; truncate {names} restart identity", url)
        self._idle.append(url)

    def _create(self) -> str:
        url = self._cluster.create_database(self._template)
        if not self._empty_tables:
            self._empty_tables = [
                name
                for [name] in self._cluster.execute(_TABLES, url)
                if not self._cluster.execute(f"select 1 from {name} limit 1", url)  # noqa: S608
            ]
        return url
