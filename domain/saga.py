"""How a straight line of named steps is run, and taken back in reverse when one fails.

A step's effect never lets an error out: it answers with what happened, as plain JSON that the engine records. So a saga
that is resumed by another process sees the same answers and takes the same way.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from domain.errors import InternalError, LifecycleError, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.ports import Json, Perform

J = TypeVar("J")
_log: Final = logging.getLogger(__name__)


class SupersededError(Exception):
    """This saga no longer owns its dataset: another one was started since. It stops where it is, touching nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[J]):
    """One named step. `undo` takes back what `do` may have done, wholly, partly or not at all."""

    name: str
    do: Callable[[J], Awaitable[None]]
    undo: Callable[[J], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stumble:
    """Which step failed, and with what error (`LifecycleError.as_dict`)."""

    step: str
    error: Json

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.error["code"])


async def forward(steps: Sequence[Step[J]], job: J, perform: Perform) -> tuple[list[Step[J]], Stumble | None]:
    """Run the steps in order: those that were begun, and what stopped them, if anything did.

    Raises SupersededError when the dataset has another saga by now.
    """
    begun: list[Step[J]] = []
    for step in steps:
        begun.append(step)
        answer = await perform(step.name, partial(captured, step.name, partial(step.do, job)))
        if stumble := stumbled(step.name, answer):
            return begun, stumble
    return begun, None


async def backward(
    begun: Sequence[Step[J]], job: J, perform: Perform, keep: Callable[[str, Json], Awaitable[None]]
) -> None:
    """Undo the steps that were begun, in reverse; what cannot be undone now goes to `keep`, by name and error."""
    for step in reversed(begun):
        if step.undo is None:
            continue
        await perform(f"undo {step.name}", partial(captured, step.name, partial(_undone, step, job, keep)))


async def _undone(step: Step[J], job: J, keep: Callable[[str, Json], Awaitable[None]]) -> None:
    assert step.undo is not None  # noqa: S101 - `backward` passes only steps that have one
    answer = await captured(step.name, partial(step.undo, job))
    if stumble := stumbled(step.name, answer):
        await keep(step.name, stumble.error)


async def settle(perform: Perform, effect: Callable[[], Awaitable[Json]]) -> None:
    """Do what comes last, for which there is nothing to be captured but that the dataset has another saga by now.

    That, too, is an answer: raised, it would come back from the engine's record as another exception.
    """
    await perform("settle", partial(_yielding, effect))


async def _yielding(effect: Callable[[], Awaitable[Json]]) -> Json:
    try:
        return await effect()
    except SupersededError:
        return {"superseded": True}


def stumbled(step: str, answer: Json) -> Stumble | None:
    """What a recorded answer says: None when the step was done. Raises SupersededError."""
    if answer.get("superseded"):
        raise SupersededError(step)
    return Stumble(step=step, error=answer["error"]) if "error" in answer else None


async def captured(step: str, effect: Callable[[], Awaitable[Any]]) -> Json:
    """Run an effect and tell how it went. An exception that is no refusal of ours is a bug: logged, and told as one.

    Raises StoreAwayError, which is no outcome: the step is to be run again (`domain.patience`).
    """
    try:
        await effect()
    except StoreAwayError:
        raise
    except LifecycleError as error:
        return {"error": error.as_dict()}
    except SupersededError:
        return {"superseded": True}
    except Exception:  # noqa: BLE001 - a bug in one step must end in a truthful state, not in a stranded saga
        _log.exception("step %s failed by a bug", step)
        return {"error": InternalError(f"The step {step!r} failed by a fault of this program.").as_dict()}
    return {}
