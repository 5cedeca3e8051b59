"""Room for what a pass over many records must remember and cannot keep in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Spill(Protocol):
    """Named heaps of bytes: added in pieces, read back in the same pieces and order. Gone with whoever made it."""

    def add(self, heap: str, piece: bytes) -> None: ...

    def read_pieces(self, heap: str) -> Iterator[bytes]:
        """What was added to a heap; nothing when nothing was."""
        ...


class MemorySpill:
    """The spill of a small pass: it stays in memory after all."""

    def __init__(self) -> None:
        self._heaps: defaultdict[str, list[bytes]] = defaultdict(list)

    def add(self, heap: str, piece: bytes) -> None:
        self._heaps[heap].append(piece)

    def read_pieces(self, heap: str) -> Iterator[bytes]:
        yield from self._heaps.get(heap, ())
