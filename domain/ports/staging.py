"""Port of staging: where populated documents are kept before and while they are served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from typing import TypeVar

    T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Staged content: number of lines, size in bytes (uncompressed), and SHA-256 in hexadecimal."""

    lines: int
    size_bytes: int
    checksum: str


class Staging(Protocol):
    """Staging: populated documents by dataset and attempt, one neutral document a line."""

    async def write(self, dataset_id: str, attempt: int, produce: Callable[[], Iterator[bytes]]) -> Staged:
        """Write what `produce` yields (chunks of whole lines), all or nothing. `produce` runs in a worker thread."""
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
        work: Callable[[Iterator[Sequence[bytes]]], T],
        *,
        max_count: int,
        max_bytes: int,
    ) -> T:
        """Run `work` over the pages in a worker thread, and return its result."""
        ...

    async def measure(self, dataset_id: str, attempt: int) -> Staged | None:
        """Read and hash the staged content again; None when there is none."""
        ...

    async def delete(self, dataset_id: str, attempt: int | None = None) -> None:
        """Delete one attempt, or all attempts of a dataset; do nothing when they are absent."""
        ...

    async def list_attempts(self, dataset_id: str) -> Sequence[int]:
        """The attempts that are staged for a dataset."""
        ...
