"""Engine journal: the state of sagas in the engine's database, read with plain SQL and without importing DBOS.

The tables `workflow_status` and `operation_outputs` belong to DBOS (3.4). `attempts` is ours: the step in which a saga
was when it was last adopted, and how often in a row it was adopted in that step.
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
_OWNER: Final = (
    "SELECT executor_id FROM workflow_status WHERE workflow_uuid = :saga_id AND status = 'PENDING'"
)
_STATUS: Final = "SELECT status FROM workflow_status WHERE workflow_uuid = :saga_id"
_UNFINISHED: Final = """
SELECT workflow_uuid, name, status, executor_id FROM workflow_status
WHERE status IN ('PENDING', 'ENQUEUED') ORDER BY created_at
"""


# A query of its own: the table does not exist before the first launch of a release that has it.
_FRUITLESS: Final = """
SELECT saga_id, step, times FROM attempts
WHERE NOT EXISTS (SELECT 1 FROM operation_outputs AS done
                  WHERE done.workflow_uuid = attempts.saga_id AND done.function_name = attempts.step)
"""
_FINISHED_STEPS: Final = (
    "SELECT function_name FROM operation_outputs WHERE workflow_uuid = :saga_id ORDER BY function_id"
)


# A saga that was started has no queue; an adopted one came through a queue.
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


_HAS_ATTEMPTS: Final = "SELECT count(*) FROM attempts"
_NO_SAGA: Final = "probe"
"""No id of a saga has this form."""


@dataclass(frozen=True, slots=True)
class UnfinishedSaga:
    """A saga that has not ended. `owner` is the process that runs or ran it; `queued` means that none runs it yet.

    `fruitless` counts the processes in a row that adopted it and did not finish `step`, which is empty when there are
    none.
    """

    saga_id: str
    kind: str
    queued: bool
    owner: str
    fruitless: int
    step: str


class Journal(ABC):
    """The engine's database. Each method blocks briefly, and may raise StoreFailedError."""

    @abstractmethod
    def prepare(self) -> None:
        """Prepare the database for several processes, before DBOS opens it."""

    @abstractmethod
    def close(self) -> None:
        """Close the database; the next query opens it again."""

    def list_unfinished(self) -> Sequence[UnfinishedSaga]:
        """Every saga that has not ended, oldest first."""
        rows = self._query(_UNFINISHED, {})
        attempts = (
            {saga_id: (times, step) for saga_id, step, times in self._query(_FRUITLESS, {})} if rows else {}
        )
        return [
            UnfinishedSaga(saga_id, kind, status == "ENQUEUED", owner or "", *attempts.get(saga_id, (0, "")))
            for saga_id, kind, status, owner in rows
        ]

    def find_owner(self, saga_id: str) -> str | None:
        """The process that runs or ran an unfinished saga; None when no process has it now."""
        rows = self._query(_OWNER, {"saga_id": saga_id})
        return next((str(owner) for (owner,) in rows if owner), None)

    def has_ended(self, saga_id: str) -> bool:
        """Whether a saga has ended, successfully or not; False for one that was never started."""
        rows = self._query(_STATUS, {"saga_id": saga_id})
        return any(status not in {"PENDING", "ENQUEUED", "DELAYED"} for (status,) in rows)

    def list_finished_before(self, epoch_ms: int, limit: int, prefix: str = "") -> Sequence[str]:
        """The ids of at most `limit` sagas that ended before that time and whose ids begin with `prefix`."""
        rows = self._query(_FINISHED_BEFORE, {"before": epoch_ms, "limit": limit, "prefix": prefix})
        return [saga_id for (saga_id,) in rows]

    def list_finished_steps(self, saga_id: str) -> Sequence[str]:
        """The finished steps of a saga, in order."""
        return [step for (step,) in self._query(_FINISHED_STEPS, {"saga_id": saga_id})]

    def is_adopted(self, saga_id: str) -> bool:
        """Whether a saga was adopted from a dead process."""
        return bool(self._query(_ADOPTED, {"saga_id": saga_id}))

    def record_attempt(self, saga_id: str, step: str) -> None:
        """Count one process that is about to try the step. Another step than before restarts the count at one."""
        self._execute(_RECORD_ATTEMPT, {"saga_id": saga_id, "step": step})

    def decrement_attempts(self, saga_ids: Iterable[str]) -> None:
        """Subtract one attempt of each saga: this process stops in good order, so they did not kill it."""
        self._execute(_DECREMENT_ATTEMPTS, *({"saga_id": each} for each in saga_ids))

    def probe(self) -> None:
        """Write something that means nothing, and that the next purge deletes; nothing before the first launch."""
        if self._query(_HAS_ATTEMPTS, {}):
            self._execute(_RECORD_ATTEMPT, {"saga_id": _NO_SAGA, "step": ""})

    def purge_attempts(self) -> None:
        """Delete the attempts of sagas whose records were deleted."""
        self._execute(_FORGET_ATTEMPTS, {})

    @abstractmethod
    def _query(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        """The rows of a query; none while the table does not exist."""

    @abstractmethod
    def _execute(self, statement: str, *values: Values) -> None:
        """Execute the statement once for each of the values."""
