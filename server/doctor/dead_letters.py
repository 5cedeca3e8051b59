"""What `doctor` says of work that was stopped for good, because it ended too many processes or never came to an end."""

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
_MAY_BE: Final = (DatasetStatus.FAILED, DatasetStatus.VALIDATING, DatasetStatus.TEARDOWN)


def list_dead_letters(uow: UnitOfWork) -> list[str]:
    """Each dataset whose work was stopped for good and not taken up since, and what is tried no more to be undone."""
    datasets = paginate(
        lambda after: uow.datasets.find(DatasetQuery(statuses=_MAY_BE, limit=_PAGE, after=after)),
        lambda last: last.dataset_id,
    )
    found = [line for each in datasets for line in _dataset_dead_letters(each)]
    found += [
        f"{each.dataset_id}, taking back the step {each.what!r}"
        for each in uow.compensations.find()
        if each.stopped
    ]
    return found


def require_no_dead_letters(of_datasets: Sequence[str], of_the_engine: Sequence[str]) -> str:
    """That there is none. Raises SagaStrandedError, which names them."""
    found = [*of_datasets, *of_the_engine]
    if not found:
        return "none was stopped"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise SagaDeadLetterError(
        f"{len(found)} stopped for good: {'; '.join(found[:_SHOWN])}{more}.",
        suggested_action="See a dataset's failure with `dataset-lifecycle datasets show` and what ended the processes "
        "in their log; then provision it with retry, or call its teardown again.",
    )


def _dataset_dead_letters(dataset: Dataset) -> Iterator[str]:
    failures = (dataset.failure, dataset.teardown.failure if dataset.teardown else None)
    for each in failures:
        if dataset.run is None and each is not None and each.code == SagaDeadLetterError.code:
            yield f"{dataset.dataset_id} at the step {each.step!r}"
