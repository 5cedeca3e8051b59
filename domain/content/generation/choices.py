"""Keyed choices: bytes that depend on a seed and on what they are drawn for, and on nothing that was drawn before.

A record needs no record before it, and a change of one text moves no other choice, as it would in a running random
stream. A choice becomes text by one look-up in a table that has an entry for each number that can be drawn.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b, shake_128
from typing import TYPE_CHECKING, Final, TypeVar

from domain.content.generation.calendar import CLOCK, MINUTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

DRAWN: Final = 64
"""How many bytes are drawn at once."""
SPAN: Final = 1 << 8
"""A number of one byte is from 0 up to this, not included."""

DIGITS: Final = "z"
"""The slot of 56 hexadecimal digits, which need no table."""
_MOST: Final = 4096
_DAY: Final = 60 * MINUTES


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


@cache
def figure_tables() -> Mapping[str, Sequence[Sequence[str]]]:
    """The tables of each figure by the name of its slot: as many as its texts fill, each with a text for every byte.

    They are small, so that a processor keeps them at hand. A slot always has the same one of them.
    """
    seconds = [divmod(number * _DAY // _MOST, 60) for number in range(_MOST)]
    texts = {
        "a": [f"{number:,}" for number in range(1000, 1000 + 17 * _MOST, 17)],
        "b": [str(number) for number in range(3, 99)],
        "c": [str(number) for number in range(100, 980)],
        "d": [f"{1000 + 17 * number:,} {100 + 61 * number % 880}" for number in range(_MOST)],
        "p": [f"{number // 10}.{number % 10}" for number in range(1, 400)],
        "q": [f"{CLOCK[minute]}:{second:02d}" for minute, second in seconds],
        "x": [f"T{number}" for number in range(10_000, 10_000 + 17 * _MOST, 17)],
        "hex": [f"{number * 2_654_435_761 >> 8 & 0xFFFFFF:06x}" for number in range(_MOST)],
        "s": [f"{number:02d}" for number in range(60)],
        "stars": [str(number) for number in range(90)],
        "open": [str(number) for number in range(40)],
    }
    return {name: _cut(entries) for name, entries in texts.items()}


def _cut(texts: Sequence[str]) -> list[list[str]]:
    tables = -(-len(texts) // SPAN)
    return [make_table(texts[first::tables]) for first in range(tables)]
