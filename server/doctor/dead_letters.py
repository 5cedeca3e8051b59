"""Finding about dead letters: sagas that were stopped for good after too many attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import SagaDeadLetterError
from domain.model import DatasetStatus
from domain.ports import DatasetQuery, paginate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.model import Dataset
    from domain.ports import UnitOfWork

_PAGE: Final = 500
_SHOWN: Final = 20
_STATUSES: Final = (DatasetStatus.FAILED, DatasetStatus.VALIDATING, DatasetStatus.TEARDOWN)


def list_dead_letters(uow: UnitOfWork) -> list[str]:
    """Describe each dataset whose saga is a dead letter, and each compensation that is no longer tried."""
    datasets = paginate(
        lambda after: uow.datasets.find(DatasetQuery(statuses=_STATUSES, limit=_PAGE, after=after)),
        lambda last: last.dataset_id,
    )
    found = [line for each in datasets for line in _dataset_dead_letters(each)]
    found += [
        f"{each.dataset_id}, undoing the step {each.what!r}"
        for each in uow.compensations.find()
        if each.stopped
    ]
    return found


def require_no_dead_letters(of_datasets: Sequence[str], of_the_engine: Sequence[str]) -> str:
    """Say that there is no dead letter. Raises SagaDeadLetterError, which names those that there are."""
    found = [*of_datasets, *of_the_engine]
    if not found:
        return "none was stopped"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise SagaDeadLetterError(
        f"{len(found)} stopped for good: {'; '.join(found[:_SHOWN])}{more}.",
        suggested_action="See the failure with `dataset-lifecycle datasets show ID`, and in the log what ended the "
        "processes; then provision the dataset with retry, or call its teardown again.",
    )


def _dataset_dead_letters(dataset: Dataset) -> Iterator[str]:
    failures = (dataset.failure, dataset.teardown.failure if dataset.teardown else None)
    for each in failures:
        if dataset.run is None and each is not None and each.code == SagaDeadLetterError.code:
            yield f"{dataset.dataset_id} at the step {each.step!r}"
