"""TODO describe domain.ports.clock.templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from domain.model import Template


class RecordStream(Protocol):
    """The records of one template, in order, in bounded memory. Iterated in a worker thread."""

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        """Batches of records, each one JSON object as it stands in the source (CSV rows are made into one).

        Raises TemplateInvalidError naming file and position.
        """
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What a person should know; complete once the iteration has ended."""
        ...


class Templates(Protocol):
    """The mock-data repository."""

    async def list(self) -> Sequence[Template]:
        """Every template, in the order of its id. Raises MockDataMissingError."""
        ...

    def open_records(self, template: Template) -> AbstractContextManager[RecordStream]:
        """Open a template's records; to be entered in a worker thread."""
        ...
