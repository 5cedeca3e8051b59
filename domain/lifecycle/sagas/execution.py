"""Saga execution: the steps in order, and after a failure their compensations in reverse.

A step never raises an error. It returns its outcome, which the engine records, so a saga that another process resumes
sees the same outcomes and takes the same path.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from domain.errors import InternalError, LifecycleError, StoreUnavailableError
from domain.lifecycle.sagas.context import SupersededError, load_saga_context
from domain.lifecycle.sagas.definition import (
    FINAL_STEP,
    Done,
    Failed,
    Step,
    StepFailure,
    StepOutcome,
    Superseded,
    compensation_step_name,
    decode_outcome,
    encode_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from domain.lifecycle.sagas.context import Dependencies, SagaContext
    from domain.lifecycle.sagas.definition import SagaDefinition
    from domain.model import Dataset
    from domain.ports import Json, StepRunner, UnitOfWork

_log: Final = logging.getLogger(__name__)


async def run_saga(
    definition: SagaDefinition, deps: Dependencies, perform: StepRunner, dataset_id: str, saga_id: str
) -> None:
    """Run a saga to its end; stop silently when its dataset has another saga by now.

    Raises StoreUnavailableError, which is no outcome: the step is to be run again (`store_retry`).
    """
    try:
        context = await load_saga_context(deps, dataset_id, saga_id)
        steps = definition.steps if definition.plan is None else await definition.plan(context, perform)
        begun, failure = await run_steps(steps, context, perform)
        if failure is not None:
            await compensate(begun, context, perform, definition)
            await finalize(perform, context, partial(definition.on_failure, failure))
        elif definition.on_success is not None:
            await finalize(perform, context, definition.on_success)
    except SupersededError:
        return


async def run_steps(
    steps: Sequence[Step], context: SagaContext, perform: StepRunner
) -> tuple[list[Step], StepFailure | None]:
    """Run the steps in order; return the steps that were begun, and the failure that stopped them, if any.

    Raises SupersededError.
    """
    begun: list[Step] = []
    for step in steps:
        begun.append(step)
        effect = partial(run_step, step.name, partial(step.action, context))
        outcome = await _perform(perform, step.name, effect)
        if (error := outcome_error(step.name, outcome)) is not None:
            return begun, StepFailure(step=step.name, error=error)
    return begun, None


async def compensate(
    begun: Sequence[Step], context: SagaContext, perform: StepRunner, definition: SagaDefinition
) -> None:
    """Compensate the steps that were begun, in reverse order. A failure is recorded, and the others still run.

    Raises SupersededError.
    """
    for step in reversed(begun):
        if step.compensation is None:
            continue
        effect = partial(_compensate_step, step.name, step.compensation, context, definition)
        name = compensation_step_name(step)
        # An error of the record itself is left to the step's own outcome: the other compensations still run.
        outcome_error(name, await _perform(perform, name, partial(run_step, step.name, effect)))


async def _compensate_step(
    name: str,
    compensation: Callable[[SagaContext], Awaitable[None]],
    context: SagaContext,
    definition: SagaDefinition,
) -> None:
    error = outcome_error(name, await run_step(name, partial(compensation, context)))
    if error is not None and definition.record_failed_compensation is not None:
        await definition.record_failed_compensation(context, name, error)


async def finalize(
    perform: StepRunner, context: SagaContext, ending: Callable[[datetime, UnitOfWork, Dataset], None]
) -> None:
    """Release the dataset, as the last step that the engine records.

    Unlike in steps, errors are raised: when the store cannot save the ending, the run stays in place and is restarted.
    `Superseded` is returned and not raised, because an engine would replay a recorded error as another exception.
    """

    async def end() -> StepOutcome:
        try:
            await context.transact(partial(ending, context.deps.clock.now()))
        except SupersededError:
            return Superseded()
        context.deps.store.report(context.dataset_id, None)
        return Done()

    await _perform(perform, FINAL_STEP, end)


async def run_step(step: str, action: Callable[[], Awaitable[Any]]) -> StepOutcome:
    """Run one action and return its outcome. An exception that is no LifecycleError is a bug: logged, and a failure.

    Raises StoreUnavailableError.
    """
    try:
        await action()
    except StoreUnavailableError:
        raise
    except LifecycleError as error:
        return Failed(error.as_dict())
    except SupersededError:
        return Superseded()
    except Exception:  # noqa: BLE001
        # A bug in one step must leave the dataset in a truthful state, not in a saga that never ends.
        _log.exception("step %s failed by a bug", step)
        return Failed(InternalError(f"The step {step!r} failed by a fault of this program.").as_dict())
    return Done()


def outcome_error(step: str, outcome: StepOutcome) -> Json | None:
    """The error of a step that failed, None of a step that is done. Raises SupersededError."""
    if isinstance(outcome, Superseded):
        raise SupersededError(step)
    return outcome.error if isinstance(outcome, Failed) else None


async def _perform(
    perform: StepRunner, name: str, effect: Callable[[], Awaitable[StepOutcome]]
) -> StepOutcome:
    async def run_and_encode() -> Json:
        return encode_outcome(await effect())

    return decode_outcome(await perform(name, run_and_encode))
