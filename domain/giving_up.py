"""Giving a dataset's run back when nobody will finish it, so that the dataset says why and can be taken up anew.

It ends as its saga would have ended it: a provision FAILED or back at its former content, with what it may have made
left to be undone; a teardown where it stands; the removal of leftovers and a snapshot given up. The saga is superseded
with that: were it to run again, it would find that the dataset is no longer its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain import archives, provisioning, teardown, undoing
from domain.errors import SagaStrandedError
from domain.model import Undo
from domain.saga import Stumble

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Dataset
    from domain.records import Records
    from domain.stranding import Stranded


def give_up(stranded: Stranded, now: datetime, records: Records) -> None:
    """End that saga's hold on its dataset, when it still is the dataset's run; else do nothing."""
    dataset = records.dataset(stranded.dataset_id)
    if dataset is None or dataset.run is None or dataset.run.saga_id != stranded.saga_id:
        return
    stumble = Stumble(step=stranded.step or "end", error=_error(stranded).as_dict())
    if stranded.kind == "teardown":
        teardown.fail(stumble, now, records, dataset)
    elif stranded.kind == "snapshot":
        archives.snapshot_ended(stumble.error, records, dataset)
    elif stranded.kind == "undo":
        _stop(stranded, stumble, records, dataset)
    else:
        _leave(stranded, stumble, now, records, dataset)
        provisioning.fail(stumble, now, records, dataset)


def _error(stranded: Stranded) -> SagaStrandedError:
    again = {
        "teardown": "call the teardown again",
        "snapshot": "take the snapshot again",
        "undo": "call with retry, or have the dataset taken down",
    }.get(stranded.kind, "call again with retry")
    action = f"Have a person find out in the log what went wrong there; then {again}."
    times = f"{stranded.attempts} times"
    if stranded.step:
        what = f"The process that was at the step {stranded.step!r} died, {times} in a row; it was stopped there."
    else:
        what = f"It came to no end that could be kept, {times}, by a fault of this program or its store."
    return SagaStrandedError(what, suggested_action=action)


def _leave(stranded: Stranded, stumble: Stumble, now: datetime, records: Records, dataset: Dataset) -> None:
    """Leave to be undone whatever the attempt may have made; what was tried in vain already is on record."""
    attempt = dataset.attempt
    there = {each.what for each in records.undos(dataset.dataset_id) if each.attempt == attempt}
    met = {*stranded.done, stranded.step}
    for what in undoing.UNDOS:
        begun = what in met or not stranded.step
        if begun and what not in there and f"undo {what}" not in stranded.done:
            cause = str(stumble.error["message"])
            records.put_undo(
                Undo(dataset_id=dataset.dataset_id, attempt=attempt, what=what, cause=cause, since=now)
            )


def _stop(stranded: Stranded, stumble: Stumble, records: Records, dataset: Dataset) -> None:
    """Try no more by itself to take back what ended the processes; all that is left, when it is not known what."""
    left = records.undos(dataset.dataset_id)
    named = [each for each in left if undoing.step_of(each) == stranded.step]
    for each in named or left:
        records.put_undo(replace(each, stopped=True, cause=str(stumble.error["message"])))
    undoing.let_go(records, dataset)
