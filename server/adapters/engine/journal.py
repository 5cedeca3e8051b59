"""What the engine's database says, read with plain SQL: no engine needs to be imported to look.

The tables `workflow_status` and `operation_outputs` are DBOS's own (3.4); `adoption` is ours and counts how often a
saga was taken over from a dead process without finishing a step since.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from domain.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_BUSY_S: Final = 30.0

_ADOPTION: Final = """
CREATE TABLE IF NOT EXISTS adoption (saga_id TEXT PRIMARY KEY, times INTEGER NOT NULL, steps INTEGER NOT NULL)
"""
_KNOWN: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'workflow_status'"
_STATUS: Final = "SELECT status FROM workflow_status WHERE workflow_uuid = ?"
_UNFINISHED: Final = """
SELECT workflow_uuid, name, status, executor_id,
       CASE WHEN adoption.steps = (SELECT count(*) FROM operation_outputs AS step
                                   WHERE step.workflow_uuid = saga.workflow_uuid)
            THEN adoption.times ELSE 0 END
FROM workflow_status AS saga LEFT JOIN adoption ON adoption.saga_id = saga.workflow_uuid
WHERE status IN ('PENDING', 'ENQUEUED') ORDER BY saga.created_at
"""
_ADOPTED: Final = """
INSERT INTO adoption (saga_id, times, steps)
VALUES (:saga_id, 1, (SELECT count(*) FROM operation_outputs WHERE workflow_uuid = :saga_id))
ON CONFLICT (saga_id) DO UPDATE
SET times = CASE WHEN steps = excluded.steps THEN times + 1 ELSE 1 END, steps = excluded.steps
"""
_FORGIVEN: Final = "UPDATE adoption SET times = times - 1 WHERE saga_id = ? AND times > 0"
_FINISHED_BEFORE: Final = """
SELECT workflow_uuid FROM workflow_status
WHERE status NOT IN ('PENDING', 'ENQUEUED', 'DELAYED') AND updated_at < ? LIMIT ?
"""
_FORGET_ADOPTIONS: Final = (
    "DELETE FROM adoption WHERE saga_id NOT IN (SELECT workflow_uuid FROM workflow_status)"
)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A saga that has not ended. `owner` is the process that has it, or had it; `queued` means that nobody has.

    `fruitless` counts the adoptions since a step of it was last finished.
    """

    saga_id: str
    kind: str
    queued: bool
    owner: str
    fruitless: int


class Journal:
    """The engine's SQLite file. Each method blocks shortly, and may raise InternalError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the file what several processes can share (write-ahead log), before the engine opens it."""
        with self._connected() as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_ADOPTION)

    def unfinished(self) -> Sequence[Unfinished]:
        """Every saga that has not ended, oldest first."""
        return [
            Unfinished(saga_id, kind, status == "ENQUEUED", owner or "", fruitless)
            for saga_id, kind, status, owner, fruitless in self._look(_UNFINISHED)
        ]

    def ended(self, saga_id: str) -> bool:
        """Whether that saga has ended, well or not; False for one that nobody started."""
        return any(
            status not in {"PENDING", "ENQUEUED", "DELAYED"} for (status,) in self._look(_STATUS, saga_id)
        )

    def finished_before(self, epoch_ms: int, limit: int) -> Sequence[str]:
        """Sagas that ended before that instant, at most so many."""
        return [saga_id for (saga_id,) in self._look(_FINISHED_BEFORE, epoch_ms, limit)]

    def adopted(self, saga_id: str) -> None:
        """Count one adoption; the count starts anew when a step was finished since the last."""
        with self._connected() as connection, connection:
            connection.execute(_ADOPTED, {"saga_id": saga_id})

    def forgive(self, saga_ids: Iterable[str]) -> None:
        """Take one adoption of each back: this process leaves them in good order, they did not kill it."""
        with self._connected() as connection, connection:
            connection.executemany(_FORGIVEN, [(each,) for each in saga_ids])

    def forget(self) -> None:
        """Drop the counts of sagas that are no more."""
        with self._connected() as connection, connection:
            connection.execute(_FORGET_ADOPTIONS)

    def _look(self, question: str, *given: str | int) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with self._connected() as connection:
            # Another process may have made the file a moment ago, and not yet its tables.
            return (
                connection.execute(question, given).fetchall()
                if connection.execute(_KNOWN).fetchone()
                else []
            )

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise InternalError(f"The saga engine's database failed: {self.path}: {error}.") from error
