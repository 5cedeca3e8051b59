"""TODO describe domain.ports.clock.staging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from typing import TypeVar

    T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What staging holds of one content: lines, bytes (uncompressed) and their SHA-256 in hexadecimal."""

    lines: int
    size_bytes: int
    checksum: str


class Staging(Protocol):
    """Where populated documents wait, one neutral document a line, by dataset and attempt."""

    async def write(self, dataset_id: str, attempt: int, produce: Callable[[], Iterator[bytes]]) -> Staged:
        """Write what `produce` yields (chunks of whole lines), all or nothing; `produce` runs in a worker thread."""
        ...

    def iterate_pages(
        self, dataset_id: str, attempt: int, *, max_count: int, max_bytes: int
    ) -> AsyncIterator[Sequence[bytes]]:
        """The lines, without their newline, in pages bounded by count and bytes."""
        ...

    async def examine(
        self,
        dataset_id: str,
        attempt: int,
        look: Callable[[Iterator[Sequence[bytes]]], T],
        *,
        max_count: int,
        max_bytes: int,
    ) -> T:
        """Run `look` over the pages in a worker thread, and give its answer."""
        ...

    async def measure(self, dataset_id: str, attempt: int) -> Staged | None:
        """What is there, read and hashed again; None when it is not there."""
        ...

    async def delete(self, dataset_id: str, attempt: int | None = None) -> None:
        """Delete one attempt, or all of a dataset; absent is fine."""
        ...

    async def list_attempts(self, dataset_id: str) -> Sequence[int]:
        """What is staged for a dataset."""
        ...
