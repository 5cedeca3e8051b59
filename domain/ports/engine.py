"""The saga engine: runs sagas so that they outlive callers and processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from domain.model import SagaId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A saga that is left alone: in `step`, not finished, so many processes died one after another.

    `done` are the steps that it has finished, in order. Without a step it is one that ended so often, and never told
    how.
    """

    saga_id: str
    step: str
    attempts: int
    done: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Which saga it is."""
        return SagaId.parse(self.saga_id).kind

    @property
    def dataset_id(self) -> str:
        """The dataset that it works on, or worked on."""
        return SagaId.parse(self.saga_id).dataset_id


Json = dict[str, Any]


class StepRunner(Protocol):
    """How a saga does one step: the effect's answer is recorded, and a finished step never runs again.

    A step whose process died inside it runs again, so every effect is idempotent. Names are unique within one saga.
    """

    async def __call__(self, step: str, effect: Callable[[], Awaitable[Json]]) -> Json: ...


class Saga(Protocol):
    """A straight line of steps for one dataset."""

    async def __call__(self, perform: StepRunner, dataset_id: str, saga_id: str) -> None: ...


class Engine(Protocol):
    """Runs sagas so that they outlive callers and processes."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start the saga of that kind under that id, once: whoever started it before, in any process, wins."""
        ...

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end, at most that long: True when it ended. Cancelling the wait never touches the saga."""
        ...

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """Sagas that are tried no more, because one process after another died in the same step of them."""
        ...

    async def discard_saga(self, saga_id: str) -> None:
        """Have such a saga never run again, and count as ended."""
        ...
