"""Streams of records, and what those of a repository can do beside giving records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from domain.content.checks.spill import Spill
    from domain.content.documents import Fault


@runtime_checkable
class ExtendedRecordStream(Protocol):
    """Record stream that also names its file, can be read again, and offers a spill and a schema check."""

    @property
    def file(self) -> str:
        """The file that holds the records, as its repository names it."""
        ...

    @property
    def spill(self) -> Spill:
        """The spill of the pass, deleted when the stream is closed."""
        ...

    @property
    def find_misfit(self) -> Callable[[bytes], Fault | None] | None:
        """What keeps a record from fitting the template's own schema; None when the template has none."""
        ...

    def read_again(self) -> Iterator[Sequence[bytes]]:
        """The same records once more, from the first."""
        ...
