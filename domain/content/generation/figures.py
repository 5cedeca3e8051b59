"""Figures: what is a record's own, and makes its sentences differ from those of all others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from domain.content.generation.calendar import CLOCK, MINUTES
from domain.content.generation.choices import SPAN, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIGITS: Final = "z"
"""The slot of 48 hexadecimal digits, which need no table."""
_MOST: Final = 4096
_DAY: Final = 60 * MINUTES


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
