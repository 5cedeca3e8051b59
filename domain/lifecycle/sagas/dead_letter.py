"""Dead letter: a saga that is no longer tried. Its dataset is released with the failure, and can be worked on again.

The saga ends as its definition says. It is superseded with that: if it ever ran again, it would no longer own the
dataset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import SagaDeadLetterError
from domain.lifecycle.sagas.definition import StepFailure

if TYPE_CHECKING:
    from datetime import datetime

    from domain.lifecycle.sagas.definition import SagaDefinition
    from domain.ports import DeadLetter, UnitOfWork


def fail_dead_letter(
    definition: SagaDefinition, dead_letter: DeadLetter, now: datetime, uow: UnitOfWork
) -> None:
    """End a dead letter's run, if it still is the dataset's run; otherwise do nothing."""
    dataset = uow.datasets.get(dead_letter.dataset_id)
    if dataset is None or dataset.run is None or dataset.run.saga_id != dead_letter.saga_id:
        return
    error = _dead_letter_error(definition, dead_letter)
    failure = StepFailure(step=dead_letter.step or "end", error=error.as_dict())
    if definition.on_dead_letter is not None:
        definition.on_dead_letter(dead_letter, failure, now, uow, dataset)
    else:
        definition.on_failure(failure, now, uow, dataset)


def _dead_letter_error(definition: SagaDefinition, dead_letter: DeadLetter) -> SagaDeadLetterError:
    action = f"Ask a person to find out from the log what went wrong there; then {definition.retry_advice}."
    times = f"{dead_letter.attempts} times"
    if dead_letter.step:
        what = f"A process died at the step {dead_letter.step!r} {times} in a row, so the work was stopped there."
    else:
        what = f"The work ended {times} without a recorded outcome, by a fault of this program or its store."
    return SagaDeadLetterError(what, suggested_action=action)
