"""Columns of a table: which field each of them is, which are repeated, and which have no name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.content import RecordKind

_SEPARATORS: Final = re.compile(r"[\s_-]+")


class Column(NamedTuple):
    """A column by its name; of repeated columns one, with the places of all of them in a row."""

    name: str
    places: tuple[int, ...]


def find_columns(header: Sequence[str], kind: RecordKind) -> list[Column]:
    """The columns of a header, those without a name left out.

    A name becomes that of its field. Where several names mean one field, each stays as it is written.
    """
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(header):
        if name := cell.strip():
            places.setdefault(name, []).append(place)
    known = field_names(kind)
    fields = {name: match_field(known, name) for name in places}
    meant = [each for each in fields.values() if each]
    return [
        Column(field if (field := fields[name]) and meant.count(field) == 1 else name, tuple(at))
        for name, at in places.items()
    ]


def field_names(kind: RecordKind) -> Mapping[str, str]:
    """The fields of a kind by their names and other spellings, normalized."""
    spellings = {_normalize(each): name for each, name in kind.spellings.items()}
    return spellings | {_normalize(each.name): each.name for each in kind.fields}


def match_field(names: Mapping[str, str], header: str) -> str | None:
    """The field that a header means, by the names of `field_names`; None when it means none."""
    return names.get(_normalize(header))


def _normalize(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()
