"""What the engine's database says, read with plain SQL: no engine needs to be imported to look.

The tables `workflow_status` and `operation_outputs` are DBOS's own (3.4); `adoption` is ours and counts how often a
saga was taken over from a dead process without finishing a step since.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Values = Mapping[str, str | int]

ADOPTION: Final = """
CREATE TABLE IF NOT EXISTS adoption (saga_id TEXT PRIMARY KEY, times INTEGER NOT NULL, steps INTEGER NOT NULL)
"""
_STATUS: Final = "SELECT status FROM workflow_status WHERE workflow_uuid = :saga_id"
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
SET times = CASE WHEN adoption.steps = excluded.steps THEN adoption.times + 1 ELSE 1 END, steps = excluded.steps
"""
_FORGIVEN: Final = "UPDATE adoption SET times = times - 1 WHERE saga_id = :saga_id AND times > 0"
_FINISHED_BEFORE: Final = """
SELECT workflow_uuid FROM workflow_status
WHERE status NOT IN ('PENDING', 'ENQUEUED', 'DELAYED') AND updated_at < :before
  AND substr(workflow_uuid, 1, length(:prefix)) = :prefix LIMIT :limit
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


class Journal(ABC):
    """The engine's database. Each method blocks shortly, and may raise InternalError or StoreFailedError."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the database what several processes can share, before the engine opens it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; another look opens it again."""

    def unfinished(self) -> Sequence[Unfinished]:
        """Every saga that has not ended, oldest first."""
        return [
            Unfinished(saga_id, kind, status == "ENQUEUED", owner or "", fruitless)
            for saga_id, kind, status, owner, fruitless in self._look(_UNFINISHED, {})
        ]

    def ended(self, saga_id: str) -> bool:
        """Whether that saga has ended, well or not; False for one that nobody started."""
        found = self._look(_STATUS, {"saga_id": saga_id})
        return any(status not in {"PENDING", "ENQUEUED", "DELAYED"} for (status,) in found)

    def finished_before(self, epoch_ms: int, limit: int, prefix: str = "") -> Sequence[str]:
        """Sagas that ended before that instant and whose ids begin so, at most so many."""
        found = self._look(_FINISHED_BEFORE, {"before": epoch_ms, "limit": limit, "prefix": prefix})
        return [saga_id for (saga_id,) in found]

    def adopted(self, saga_id: str) -> None:
        """Count one adoption; the count starts anew when a step was finished since the last."""
        self._change(_ADOPTED, {"saga_id": saga_id})

    def forgive(self, saga_ids: Iterable[str]) -> None:
        """Take one adoption of each back: this process leaves them in good order, they did not kill it."""
        self._change(_FORGIVEN, *({"saga_id": each} for each in saga_ids))

    def forget(self) -> None:
        """Drop the counts of sagas that are no more."""
        self._change(_FORGET_ADOPTIONS, {})

    @abstractmethod
    def _look(self, question: str, values: Values) -> list[tuple[Any, ...]]:
        """The rows found; none as long as the engine has made no tables."""

    @abstractmethod
    def _change(self, statement: str, *values: Values) -> None:
        """Run it once for each of the values."""
