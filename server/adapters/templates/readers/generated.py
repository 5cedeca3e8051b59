"""Generated records: those of a made-up company, of one type, as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.adapters.templates.readers.spill import DiskSpill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content import Company
    from domain.model import DatasetType


class GeneratedRecords:
    """The records of a company, of one type, as a stream."""

    find_misfit = None

    def __init__(self, company: Company, dataset_type: DatasetType, file: str) -> None:
        self._company = company
        self._dataset_type = dataset_type
        self.file = file
        self.warnings: list[str] = []
        self.spill = DiskSpill()

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        return self._company.records(self._dataset_type)

    def read_again(self) -> Iterator[Sequence[bytes]]:
        """The same records once more, from the first."""
        return iter(self)

    def close(self) -> None:
        """Delete the spill."""
        self.spill.close()
