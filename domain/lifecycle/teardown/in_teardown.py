"""Dataset in teardown: the view by which the steps of the saga read and change the dataset and its teardown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from domain.errors import require_present

if TYPE_CHECKING:
    from domain.model import Dataset, Teardown


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInTeardown:
    """Dataset in teardown, whose teardown is never None."""

    dataset: Dataset
    teardown: Teardown

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetInTeardown:
        """The view of a dataset that a teardown has claimed. Raises InvariantError for any other."""
        teardown = require_present(
            dataset.teardown, "a claim gives a dataset its teardown and its run at once"
        )
        return cls(dataset=dataset, teardown=teardown)

    def with_progress(self, **changes: Any) -> Dataset:
        """The dataset with these changes of its teardown."""
        return self.dataset.evolve(teardown=replace(self.teardown, **changes))
