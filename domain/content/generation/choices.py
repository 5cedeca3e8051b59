"""Keyed choices: bytes that depend on a seed and on what they are drawn for, and on nothing that was drawn before.

A record needs no record before it, and a change of one text moves no other choice, as it would in a running random
stream. A choice becomes text by one look-up in a table that has an entry for each number that can be drawn.
"""

from __future__ import annotations

from hashlib import blake2b, shake_128
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

DRAWN: Final = 64
"""How many bytes are drawn at once."""
SPAN: Final = 1 << 8
"""A number of one byte is from 0 up to this, not included."""


class Chooser:
    """Draws bytes for things. Its key is made of the seed and of the name of the company."""

    def __init__(self, seed: int, name: str) -> None:
        self._key = blake2b(f"{seed}/{name}".encode(), digest_size=32).digest()

    def draw(self, thing: bytes) -> bytes:
        """`DRAWN` bytes for a thing."""
        return blake2b(self._key + thing).digest()

    def draw_many(self, thing: bytes, size: int) -> bytes:
        """So many bytes for a thing; the first ones do not depend on how many there are."""
        return shake_128(self._key + thing).digest(size)


def make_table(entries: Sequence[T]) -> list[T]:
    """A table with one of the entries for each byte, all about equally often."""
    return (list(entries) * (-(-SPAN // len(entries))))[:SPAN]
