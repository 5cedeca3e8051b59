"""Dead letter: a saga that nobody will finish. Its dataset is given back, says why, and can be taken up anew.

It ends as the saga itself would have ended it, by its definition. The saga is superseded with that: were it to run
again, it would find that the dataset is no longer its own.
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
    """End that saga's hold on its dataset, when it still is the dataset's run; else do nothing."""
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
    action = f"Have a person find out in the log what went wrong there; then {definition.retry_advice}."
    times = f"{dead_letter.attempts} times"
    if dead_letter.step:
        what = f"The process that was at the step {dead_letter.step!r} died, {times} in a row; it was stopped there."
    else:
        what = f"It came to no end that could be kept, {times}, by a fault of this program or its store."
    return SagaDeadLetterError(what, suggested_action=action)
