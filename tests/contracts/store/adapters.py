"""Every adapter of the `Store` port: how one is made, and how its rows are broken behind its back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from server.adapters.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class SqlitePlace:
    """A folder in which any number of SQLite stores share one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "store.sqlite"

    def store(self) -> SqliteStore:
        return SqliteStore(self.path, progress_every_s=0)

    def break_journey(self, journey_id: str, state: str) -> None:
        self._change("update journeys set state = ? where journey_id = ?", state, journey_id)

    def break_dataset(self, dataset_id: str, document: str) -> None:
        self._change("update datasets set document = ? where dataset_id = ?", document, dataset_id)

    def break_connector(self, connector_id: str, document: str) -> None:
        self._change("update connectors set document = ? where connector_id = ?", document, connector_id)

    def break_approval(self, approval_id: str, document: str) -> None:
        self._change("update approvals set document = ? where approval_id = ?", document, approval_id)

    def change(self, *statements: str) -> None:
        """Do to the file what somebody with a shell can."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for each in statements:
                connection.execute(each)

    def _change(self, sql: str, *values: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            assert connection.execute(sql, values).rowcount == 1


PLACES: Final[dict[str, Callable[[Path], SqlitePlace]]] = {"sqlite": SqlitePlace}
