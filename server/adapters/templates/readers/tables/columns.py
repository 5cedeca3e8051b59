"""Columns of a table: which of them are repeated, and which have no name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Column(NamedTuple):
    """A column by its name; of repeated columns one, with the places of all of them in a row."""

    name: str
    places: tuple[int, ...]


def find_columns(header: Sequence[str]) -> list[Column]:
    """The columns of a header by their names as written, those without a name left out."""
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(header):
        if name := cell.strip():
            places.setdefault(name, []).append(place)
    return [Column(name, tuple(at)) for name, at in places.items()]
