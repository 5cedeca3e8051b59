"""Port of the saga engine, which runs sagas so that they outlive callers and processes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from domain.model import SagaId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Dead letter: a saga that is no longer tried, because `attempts` processes died one after another in `step`.

    `done` are its finished steps, in order. An empty `step` means that the saga ended that often without recording an
    outcome.
    """

    saga_id: str
    step: str
    attempts: int
    done: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the saga."""
        return SagaId.parse(self.saga_id).kind

    @property
    def dataset_id(self) -> str:
        """The dataset that the saga works on."""
        return SagaId.parse(self.saga_id).dataset_id


Json = dict[str, Any]


class StepRunner(Protocol):
    """Run one step of a saga: the effect's result is recorded, and a finished step never runs again.

    A step whose process died inside it runs again, so every effect is idempotent. Step names are unique within a saga.
    """

    async def __call__(self, step: str, effect: Callable[[], Awaitable[Json]]) -> Json: ...


class Saga(Protocol):
    """Saga: a sequence of steps for one dataset."""

    async def __call__(self, perform: StepRunner, dataset_id: str, saga_id: str) -> None: ...


class Worker(StrEnum):
    """Worker of a saga: the living process that runs it, if there is one."""

    THIS_PROCESS = "this_process"
    OTHER_PROCESS = "other_process"
    NOBODY = "nobody"


class Engine(Protocol):
    """Saga engine: runs sagas so that they outlive callers and processes."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start a saga of that kind under that id. Do nothing when it was started before, in any process."""
        ...

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the saga to end, at most that many seconds; return whether it ended.

        Cancelling the wait does not affect the saga.
        """
        ...

    async def find_worker(self, saga_id: str) -> Worker:
        """Find out who runs the saga; nobody, where it was never started, has ended, or its process died."""
        ...

    async def probe(self) -> None:
        """Check that a saga could be started now. Raises StoreFailedError."""
        ...

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """The sagas that are no longer tried, because one process after another died in the same step."""
        ...

    async def discard_saga(self, saga_id: str) -> None:
        """Mark a dead letter as ended, so that it never runs again."""
        ...
