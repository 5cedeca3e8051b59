"""Keyed choices: numbers that depend on a seed and on what they are drawn for, and on nothing that was drawn before.

A record needs no record before it, and a change of one text moves no other choice, as it would in a running random
stream. A choice becomes text by one look-up in a table that has an entry for each number that can be drawn.
"""

from __future__ import annotations

import struct
from hashlib import blake2b, shake_128
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

NUMBERS: Final = 32
"""How many numbers are drawn for one thing."""
SPAN: Final = 1 << 16
"""A number is from 0 up to this, not included."""
_BYTES: Final = 2 * NUMBERS
_unpack: Final = struct.Struct(f"<{NUMBERS}H").iter_unpack


class Chooser:
    """Draws numbers for things. Its key is made of the seed and of the name of the company."""

    def __init__(self, seed: int, name: str) -> None:
        self._key = blake2b(f"{seed}/{name}".encode(), digest_size=32).digest()

    def draw(self, thing: bytes, count: int = 1) -> list[tuple[tuple[int, ...], str]]:
        """For each of `count` parts of a thing, `NUMBERS` numbers and 128 hexadecimal digits (of the same bits).

        The digits are what commits and traces are made of. Shake, https://doi.org/10.6028/NIST.FIPS.202, gives as many
        bits as are wanted, and those of the first parts do not depend on how many there are.
        """
        drawn = shake_128(self._key + thing).digest(count * _BYTES)
        digits = drawn.hex()
        return [
            (numbers, digits[at : at + 2 * _BYTES])
            for numbers, at in zip(_unpack(drawn), range(0, len(digits), 2 * _BYTES), strict=True)
        ]


def make_table(entries: Sequence[T]) -> list[T]:
    """A table with one of the entries for each number that can be drawn, all about equally often."""
    return list(islice(cycle(entries), SPAN))
