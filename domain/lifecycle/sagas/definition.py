"""Saga definition: named steps for one dataset, their compensations, and how the saga ends.

A definition is data. `execution` runs it under an engine, `runner` starts, resumes and cancels sagas, and neither knows
which sagas there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from domain.errors import ERRORS_BY_CODE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from domain.errors import LifecycleError
    from domain.lifecycle.sagas.context import SagaContext
    from domain.model import Dataset
    from domain.ports import DeadLetter, Json, StepRunner, UnitOfWork

    Action = Callable[[SagaContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Done:
    """Step outcome: the step succeeded."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Step outcome: the step failed with this error (`LifecycleError.as_dict`)."""

    error: Json


@dataclass(frozen=True, slots=True)
class Superseded:
    """Step outcome: the dataset has another saga by now."""


StepOutcome: TypeAlias = Done | Failed | Superseded


def encode_outcome(outcome: StepOutcome) -> Json:
    """A step's outcome as the engine records it: `{}`, `{"error": …}` or `{"superseded": true}`."""
    if isinstance(outcome, Failed):
        return {"error": outcome.error}
    return {"superseded": True} if isinstance(outcome, Superseded) else {}


def decode_outcome(recorded: Json) -> StepOutcome:
    """The outcome that the engine recorded, in this process or another."""
    if recorded.get("superseded"):
        return Superseded()
    return Failed(recorded["error"]) if "error" in recorded else Done()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """Which step failed, and with which error (`LifecycleError.as_dict`)."""

    step: str
    error: Json

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.error["code"])

    def is_a(self, *kinds: type[LifecycleError]) -> bool:
        """Whether the error is of one of these classes."""
        return is_code_of(self.code, *kinds)


def is_code_of(code: str, *kinds: type[LifecycleError]) -> bool:
    """Whether an error code that was recorded earlier belongs to one of these classes of errors."""
    return issubclass(ERRORS_BY_CODE.get(code, object), kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Step of a saga.

    Both callables are idempotent, because a process that dies in one leaves it to be run again. `compensation` reverses
    `action`, whether it was done wholly, partly or not at all. The engine stores the names, so they never change.
    """

    name: str
    action: Action
    compensation: Action | None = None


def compensation_step_name(step: Step) -> str:
    """The name under which the engine records the compensation of a step."""
    return f"undo {step.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaDefinition:
    """Saga definition: the steps of a kind of saga, and how it releases its dataset.

    Every ending is a pure change of the dataset that the saga holds, in one transaction.

    Attributes:
        kind: what its ids begin with; stored, so it never changes.
        steps: the steps, in order; empty for a saga whose steps come from `plan`.
        plan: finds out the steps, in a step of its own that the engine records.
        on_failure: ends the saga after a step failed and what was begun was compensated.
        on_success: ends the saga after its last step; None where that step does it.
        record_failed_compensation: stores a compensation that failed, by step name and error.
        on_dead_letter: ends a saga that is no longer tried; `on_failure` unless given.
        retry_advice: how to try again, in words that follow "then".
        cancellable: whether a caller may ask it to stop.
        resume: gives a dataset on which such a saga stopped its next run; returns any other dataset unchanged.
    """

    kind: str
    on_failure: Callable[[StepFailure, datetime, UnitOfWork, Dataset], None]
    steps: Sequence[Step] = ()
    plan: Callable[[SagaContext, StepRunner], Awaitable[Sequence[Step]]] | None = None
    on_success: Callable[[datetime, UnitOfWork, Dataset], None] | None = None
    record_failed_compensation: Callable[[SagaContext, str, Json], Awaitable[None]] | None = None
    on_dead_letter: Callable[[DeadLetter, StepFailure, datetime, UnitOfWork, Dataset], None] | None = None
    retry_advice: str = "call again with retry"
    cancellable: bool = False
    resume: Callable[[Dataset, datetime], Dataset] | None = None


FINAL_STEP: Final = "settle"
"""The name under which the engine records a saga's ending."""
