"""How a straight line of named steps is run, and taken back in reverse when one fails.

A step's effect never lets an error out: it answers with what happened, as plain JSON that the engine records. So a saga
that is resumed by another process sees the same answers and takes the same way.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from domain.errors import InternalError, LifecycleError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.ports import Json, StepRunner

J = TypeVar("J")


_log: Final = logging.getLogger(__name__)


class SupersededError(Exception):
    """This saga no longer owns its dataset: another one was started since. It stops where it is, touching nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[J]):
    """One named step. `undo` takes back what `do` may have done, wholly, partly or not at all."""

    name: str
    action: Callable[[J], Awaitable[None]]
    compensation: Callable[[J], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """Which step failed, and with what error (`LifecycleError.as_dict`)."""

    step: str
    error: Json

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.error["code"])


async def run_steps(
    steps: Sequence[Step[J]], job: J, perform: StepRunner
) -> tuple[list[Step[J]], StepFailure | None]:
    """Run the steps in order: those that were begun, and what stopped them, if anything did.

    Raises SupersededError when the dataset has another saga by now.
    """
    begun: list[Step[J]] = []
    for step in steps:
        begun.append(step)
        answer = await perform(step.name, partial(run_step, step.name, partial(step.action, job)))
        if stumble := parse_step_failure(step.name, answer):
            return begun, stumble
    return begun, None


async def compensate(
    begun: Sequence[Step[J]],
    job: J,
    perform: StepRunner,
    record_failure: Callable[[str, Json], Awaitable[None]],
) -> None:
    """Undo the steps that were begun, in reverse; what cannot be undone now goes to `keep`, by name and error."""
    for step in reversed(begun):
        if step.compensation is None:
            continue
        await perform(
            f"undo {step.name}",
            partial(run_step, step.name, partial(_compensate_step, step, job, record_failure)),
        )


async def _compensate_step(
    step: Step[J], job: J, record_failure: Callable[[str, Json], Awaitable[None]]
) -> None:
    assert step.compensation is not None  # noqa: S101 - `backward` passes only steps that have one
    answer = await run_step(step.name, partial(step.compensation, job))
    if stumble := parse_step_failure(step.name, answer):
        await record_failure(step.name, stumble.error)


async def finalize(perform: StepRunner, effect: Callable[[], Awaitable[Json]]) -> None:
    """Do what comes last, for which there is nothing to be captured but that the dataset has another saga by now.

    That, too, is an answer: raised, it would come back from the engine's record as another exception.
    """
    await perform("settle", partial(_run_unless_superseded, effect))


async def _run_unless_superseded(effect: Callable[[], Awaitable[Json]]) -> Json:
    try:
        return await effect()
    except SupersededError:
        return {"superseded": True}


def parse_step_failure(step: str, answer: Json) -> StepFailure | None:
    """What a recorded answer says: None when the step was done. Raises SupersededError."""
    if answer.get("superseded"):
        raise SupersededError(step)
    return StepFailure(step=step, error=answer["error"]) if "error" in answer else None


async def run_step(step: str, effect: Callable[[], Awaitable[Any]]) -> Json:
    """Run an effect and tell how it went. An exception that is no refusal of ours is a bug: logged, and told as one.

    Raises StoreAwayError, which is no outcome: the step is to be run again (`domain.lifecycle.sagas.store_retry`).
    """
    try:
        await effect()
    except StoreUnavailableError:
        raise
    except LifecycleError as error:
        return {"error": error.as_dict()}
    except SupersededError:
        return {"superseded": True}
    except Exception:  # noqa: BLE001 - a bug in one step must end in a truthful state, not in a stranded saga
        _log.exception("step %s failed by a bug", step)
        return {"error": InternalError(f"The step {step!r} failed by a fault of this program.").as_dict()}
    return {}
