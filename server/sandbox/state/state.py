"""The state and the clock, which every operation receives, and settings stored in the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from server.sandbox.state.clock import Clock, utc_now
from server.sandbox.state.database import Database
from server.sandbox.state.tenants import ensure_tenant

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


class StateHooks:
    """Hooks by which a test changes the state; the shipped sandbox uses none."""

    def adjust_new_job(self, connection: sqlite3.Connection, datasource: str, job_id: str) -> None:
        """Change a job that was just started for the named datasource, in the transaction that inserts it."""


NO_STATE_HOOKS: Final = StateHooks()
BATCH: Final = 1_000
"""How many documents one step indexes, serves or deletes: about a tenth of a second's work."""


class Background(Protocol):
    """What does the work that requests leave."""

    def is_busy(self) -> bool:
        """Whether it is at work now."""
        ...

    def start(self) -> None:
        """Begin, unless it is at work."""
        ...

    def close(self) -> None:
        """End, as soon as no step is half done."""
        ...


class NoBackground:
    """No background: what a request leaves is left to the next one."""

    def is_busy(self) -> bool:
        """Never."""
        return False

    def start(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


NO_BACKGROUND: Final = NoBackground()


@dataclass(frozen=True, slots=True)
class SandboxState:
    """State of one Glean: its file, the clock by which its syncs advance, and how much one step of them does."""

    database: Database
    clock: Clock
    hooks: StateHooks = NO_STATE_HOOKS
    batch: int = BATCH
    background: Background = NO_BACKGROUND

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        now: Clock = utc_now,
        hooks: StateHooks = NO_STATE_HOOKS,
        batch: int = BATCH,
    ) -> Self:
        """Open the file, or create it; other processes may have it open too.

        Raises:
            SandboxFileError: the file is not a sandbox's, or was made by a version that this one cannot read.
        """
        state = cls(Database(path), now, hooks, batch)
        with state.database.write() as connection:
            ensure_tenant(connection)
        return state

    def close(self) -> None:
        """End the background, and close the file."""
        self.background.close()
        self.database.close()

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
        """Record an effect in the ledger, in the transaction of that effect."""
        connection.execute(
            "INSERT INTO ledger (at, operation, datasource, run, detail) VALUES (?, ?, ?, ?, ?)",
            (self.now(), operation, datasource, run, json.dumps(detail or {}, sort_keys=True)),
        )


# A setting can be any JSON value, here and below.
def load_setting(connection: sqlite3.Connection, name: str, default: Any) -> Any:  # noqa: ANN401
    """Load a setting; `default` when it is not stored."""
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return default if row is None else json.loads(row["value"])


def store_setting(connection: sqlite3.Connection, name: str, value: Any) -> None:  # noqa: ANN401
    """Store a setting in the file, for every process on it."""
    connection.execute(
        "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, json.dumps(value))
    )
