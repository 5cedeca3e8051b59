"""What the engine's database says, read with plain SQL: no engine needs to be imported to look.

The tables `workflow_status` and `operation_outputs` are DBOS's own (3.4); `attempts` is ours and says in which step a
saga was when it was last taken up from a dead process, and how often in a row it was that one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Values = Mapping[str, str | int]

CREATE_ATTEMPTS: Final = """
CREATE TABLE IF NOT EXISTS attempts (saga_id TEXT PRIMARY KEY, step TEXT NOT NULL, times INTEGER NOT NULL)
"""
_STATUS: Final = "SELECT status FROM workflow_status WHERE workflow_uuid = :saga_id"
_UNFINISHED: Final = """
SELECT workflow_uuid, name, status, executor_id FROM workflow_status
WHERE status IN ('PENDING', 'ENQUEUED') ORDER BY created_at
"""


# Apart from the sagas: before the first adoption of this release there is no such table.
_FRUITLESS: Final = """
SELECT saga_id, step, times FROM attempts
WHERE NOT EXISTS (SELECT 1 FROM operation_outputs AS done
                  WHERE done.workflow_uuid = attempts.saga_id AND done.function_name = attempts.step)
"""
_FINISHED_STEPS: Final = (
    "SELECT function_name FROM operation_outputs WHERE workflow_uuid = :saga_id ORDER BY function_id"
)


# What was started here has no queue; what was adopted came through one.
_ADOPTED: Final = "SELECT 1 FROM workflow_status WHERE workflow_uuid = :saga_id AND queue_name IS NOT NULL"
_RECORD_ATTEMPT: Final = """
INSERT INTO attempts (saga_id, step, times) VALUES (:saga_id, :step, 1)
ON CONFLICT (saga_id) DO UPDATE
SET times = CASE WHEN attempts.step = excluded.step THEN attempts.times + 1 ELSE 1 END, step = excluded.step
"""
_DECREMENT_ATTEMPTS: Final = "UPDATE attempts SET times = times - 1 WHERE saga_id = :saga_id AND times > 0"
_FINISHED_BEFORE: Final = """
SELECT workflow_uuid FROM workflow_status
WHERE status NOT IN ('PENDING', 'ENQUEUED', 'DELAYED') AND updated_at < :before
  AND substr(workflow_uuid, 1, length(:prefix)) = :prefix LIMIT :limit
"""
_FORGET_ATTEMPTS: Final = (
    "DELETE FROM attempts WHERE saga_id NOT IN (SELECT workflow_uuid FROM workflow_status)"
)


@dataclass(frozen=True, slots=True)
class UnfinishedSaga:
    """A saga that has not ended. `owner` is the process that has it, or had it; `queued` means that nobody has.

    `fruitless` counts the processes that took it up from a dead one and have not finished `step`, the one they found it
    in; empty when there is none such.
    """

    saga_id: str
    kind: str
    queued: bool
    owner: str
    fruitless: int
    step: str


class Journal(ABC):
    """The engine's database. Each method blocks shortly, and may raise InternalError or StoreFailedError."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the database what several processes can share, before the engine opens it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; another look opens it again."""

    def list_unfinished(self) -> Sequence[UnfinishedSaga]:
        """Every saga that has not ended, oldest first."""
        found = self._query(_UNFINISHED, {})
        tried = (
            {saga_id: (times, step) for saga_id, step, times in self._query(_FRUITLESS, {})} if found else {}
        )
        return [
            UnfinishedSaga(saga_id, kind, status == "ENQUEUED", owner or "", *tried.get(saga_id, (0, "")))
            for saga_id, kind, status, owner in found
        ]

    def has_ended(self, saga_id: str) -> bool:
        """Whether that saga has ended, well or not; False for one that nobody started."""
        found = self._query(_STATUS, {"saga_id": saga_id})
        return any(status not in {"PENDING", "ENQUEUED", "DELAYED"} for (status,) in found)

    def list_finished_before(self, epoch_ms: int, limit: int, prefix: str = "") -> Sequence[str]:
        """Sagas that ended before that instant and whose ids begin so, at most so many."""
        found = self._query(_FINISHED_BEFORE, {"before": epoch_ms, "limit": limit, "prefix": prefix})
        return [saga_id for (saga_id,) in found]

    def list_finished_steps(self, saga_id: str) -> Sequence[str]:
        """The steps that a saga has finished, in order."""
        return [step for (step,) in self._query(_FINISHED_STEPS, {"saga_id": saga_id})]

    def is_adopted(self, saga_id: str) -> bool:
        """Whether a saga was taken over from a dead process."""
        return bool(self._query(_ADOPTED, {"saga_id": saga_id}))

    def record_attempt(self, saga_id: str, step: str) -> None:
        """Count one process that is about to try that step; the count starts anew when it is another than before."""
        self._execute(_RECORD_ATTEMPT, {"saga_id": saga_id, "step": step})

    def decrement_attempts(self, saga_ids: Iterable[str]) -> None:
        """Take one attempt of each back: this process leaves them in good order, they did not kill it."""
        self._execute(_DECREMENT_ATTEMPTS, *({"saga_id": each} for each in saga_ids))

    def purge_attempts(self) -> None:
        """Drop the counts of sagas that are no more."""
        self._execute(_FORGET_ATTEMPTS, {})

    @abstractmethod
    def _query(self, question: str, values: Values) -> list[tuple[Any, ...]]:
        """The rows found; none as long as there is no such table."""

    @abstractmethod
    def _execute(self, statement: str, *values: Values) -> None:
        """Run it once for each of the values."""
