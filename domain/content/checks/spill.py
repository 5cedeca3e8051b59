"""Spill: temporary storage for what a pass over many records cannot hold in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Spill(Protocol):
    """Spill: named heaps of bytes, written in pieces and read back in the same pieces and order.

    Its creator deletes it.
    """

    def add(self, heap: str, piece: bytes) -> None: ...

    def read_pieces(self, heap: str) -> Iterator[bytes]:
        """The pieces of a heap, in order; none when nothing was added."""
        ...


class MemorySpill:
    """Spill of a small pass, in memory."""

    def __init__(self) -> None:
        self._heaps: defaultdict[str, list[bytes]] = defaultdict(list)

    def add(self, heap: str, piece: bytes) -> None:
        self._heaps[heap].append(piece)

    def read_pieces(self, heap: str) -> Iterator[bytes]:
        yield from self._heaps.get(heap, ())
