"""Giving a dataset's run back when nobody will finish it, so that the dataset says why and can be taken up anew.

It ends as its saga would have ended it: a provision FAILED or back at its former content, with what it may have made
left to be undone; a teardown where it stands; the removal of leftovers and a snapshot given up. The saga is superseded
with that: were it to run again, it would find that the dataset is no longer its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.errors import SagaDeadLetterError
from domain.lifecycle.archives import finish_snapshot
from domain.lifecycle.provision import COMPENSATIONS, compensation_step_name, fail_provision, release_dataset
from domain.lifecycle.sagas.definition import StepFailure
from domain.lifecycle.teardown import fail_teardown
from domain.model import PendingCompensation

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Dataset
    from domain.ports import DeadLetter, UnitOfWork


def fail_dead_letter(dead_letter: DeadLetter, now: datetime, uow: UnitOfWork) -> None:
    """End that saga's hold on its dataset, when it still is the dataset's run; else do nothing."""
    dataset = uow.datasets.get(dead_letter.dataset_id)
    if dataset is None or dataset.run is None or dataset.run.saga_id != dead_letter.saga_id:
        return
    stumble = StepFailure(step=dead_letter.step or "end", error=_dead_letter_error(dead_letter).as_dict())
    if dead_letter.kind == "teardown":
        fail_teardown(stumble, now, uow, dataset)
    elif dead_letter.kind == "snapshot":
        finish_snapshot(stumble.error, uow, dataset)
    elif dead_letter.kind == "undo":
        _stop_compensation(dead_letter, stumble, uow, dataset)
    else:
        _record_pending_compensations(dead_letter, stumble, now, uow, dataset)
        fail_provision(stumble, now, uow, dataset)


def _dead_letter_error(dead_letter: DeadLetter) -> SagaDeadLetterError:
    again = {
        "teardown": "call the teardown again",
        "snapshot": "take the snapshot again",
        "undo": "call with retry, or have the dataset taken down",
    }.get(dead_letter.kind, "call again with retry")
    action = f"Have a person find out in the log what went wrong there; then {again}."
    times = f"{dead_letter.attempts} times"
    if dead_letter.step:
        what = f"The process that was at the step {dead_letter.step!r} died, {times} in a row; it was stopped there."
    else:
        what = f"It came to no end that could be kept, {times}, by a fault of this program or its store."
    return SagaDeadLetterError(what, suggested_action=action)


def _record_pending_compensations(
    dead_letter: DeadLetter, step_failure: StepFailure, now: datetime, uow: UnitOfWork, dataset: Dataset
) -> None:
    """Leave to be undone whatever the attempt may have made; what was tried in vain already is on record."""
    attempt = dataset.attempt
    there = {each.what for each in uow.compensations.find(dataset.dataset_id) if each.attempt == attempt}
    met = {*dead_letter.done, dead_letter.step}
    for what in COMPENSATIONS:
        begun = what in met or not dead_letter.step
        if begun and what not in there and f"undo {what}" not in dead_letter.done:
            cause = str(step_failure.error["message"])
            uow.compensations.put(
                PendingCompensation(
                    dataset_id=dataset.dataset_id, attempt=attempt, what=what, cause=cause, since=now
                )
            )


def _stop_compensation(
    dead_letter: DeadLetter, step_failure: StepFailure, uow: UnitOfWork, dataset: Dataset
) -> None:
    """Try no more by itself to take back what ended the processes; all that is left, when it is not known what."""
    left = uow.compensations.find(dataset.dataset_id)
    named = [each for each in left if compensation_step_name(each) == dead_letter.step]
    for each in named or left:
        uow.compensations.put(replace(each, stopped=True, cause=str(step_failure.error["message"])))
    release_dataset(uow, dataset)
