"""What every operation is given: the state and the clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.clock import Clock
    from server.sandbox.state.database import Database


@dataclass(frozen=True, slots=True)
class SandboxState:
    """One Glean: its file, and the clock by which its syncs advance."""

    database: Database
    clock: Clock

    def now(self) -> float:
        """The present instant in seconds since 1970."""
        return self.clock().timestamp()

    def record_effect(
        self,
        connection: sqlite3.Connection,
        operation: str,
        *,
        datasource: str | None = None,
        run: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Write an effect to the ledger, in the transaction that has it."""
        connection.execute(
            "INSERT INTO ledger (at, operation, datasource, run, detail) VALUES (?, ?, ?, ?, ?)",
            (self.now(), operation, datasource, run, json.dumps(detail or {}, sort_keys=True)),
        )


# A setting is any JSON value, here and below.
def load_setting(connection: sqlite3.Connection, name: str, default: Any) -> Any:  # noqa: ANN401
    """A stored setting, or the default."""
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return default if row is None else json.loads(row["value"])


def store_setting(connection: sqlite3.Connection, name: str, value: Any) -> None:  # noqa: ANN401
    """Keep a setting in the file, where every process on it sees it."""
    connection.execute(
        "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, json.dumps(value))
    )
