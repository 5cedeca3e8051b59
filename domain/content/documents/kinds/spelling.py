"""Spelling of names: which field of a record a name in a file means.

Case, spaces, `_`, `-` and camelCase make no difference: `lastModified`, `Last Modified` and `LAST-MODIFIED` are the
same. A field has readings in order of preference, and each reading is one or more names of the same meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from domain.model import closest_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Readings = tuple[tuple[str, ...], ...]
"""The names that a field is read from: the first reading with a value is taken. Names in a reading mean the same."""

_SEPARATORS: Final = re.compile(r"[\s_\-\ufeff]+")


@lru_cache(maxsize=4096)
def normalize_name(text: str) -> str:
    """The name without case and separators: what two spellings of one name have in common."""
    return _SEPARATORS.sub("", text).casefold()


class CollectedField(NamedTuple):
    """What a record has for one field: the value, and another one that differs under a name of the same meaning."""

    value: Any
    rival: Any = None


@dataclass(frozen=True, slots=True)
class NamePlan:
    """Plan for records that have the same names: where each field is read, and the names that nothing reads."""

    sources: Mapping[str, Readings]
    unread: tuple[str, ...]
    only: tuple[tuple[str, str], ...] | None
    """The name that each field is read from, where there is no more than one for any of them."""

    @property
    def is_exact(self) -> bool:
        """Whether each field is read from its own name."""
        return self.only is not None and all(field == name for field, name in self.only)

    def collect_fields(self, given: Mapping[str, Any]) -> dict[str, CollectedField]:
        """The fields that the record has. A blank value gives way to the next reading, if one has a value."""
        return {field: _collect_field(readings, given) for field, readings in self.sources.items()}

    def rename(self, names: Sequence[str]) -> tuple[list[str], bool]:
        """The columns of a table by the fields that they are read for, and whether each field has only one column.

        A column that no field reads, or that more than one reads, keeps its name.
        """
        first = {field: readings[0][0] for field, readings in self.sources.items()}
        uses = [name for readings in self.sources.values() for reading in readings for name in reading]
        renamed = {name: field for field, name in first.items() if uses.count(name) == 1}
        return [renamed.get(name, name) for name in names], self.only is not None and len(renamed) == len(
            first
        )

    def suggest(self, name: str, fields: Sequence[str]) -> str | None:
        """The field, of those that these records lack, that an unread name may be meant for."""
        near = closest_names(name, [each for each in fields if each not in self.sources])
        return near[0] if near else None


def plan_names(names: Sequence[str], readings: Mapping[str, Readings]) -> NamePlan:
    """Plan how records with these names are read. The exact name of a field comes before its other spellings."""
    by_spelling: dict[str, list[str]] = {}
    for name in names:
        by_spelling.setdefault(normalize_name(name), []).append(name)
    sources: dict[str, Readings] = {}
    for field, levels in readings.items():
        found = tuple(
            tuple(sorted(spelt, key=lambda name: name != field))
            for level in levels
            if (spelt := [each for known in level for each in by_spelling.get(normalize_name(known), ())])
        )
        if found:
            sources[field] = found
    pairs = [(field, name) for field, found in sources.items() for reading in found for name in reading]
    read = {name for _, name in pairs}
    unread = tuple(name for name in names if name not in read)
    return NamePlan(sources, unread, tuple(pairs) if len(pairs) == len(sources) else None)


def is_blank(value: object) -> bool:
    """Whether a value says nothing: null, or a text of spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


def _collect_field(readings: Readings, given: Mapping[str, Any]) -> CollectedField:
    for reading in readings:
        filled = [name for name in reading if not is_blank(given[name])]
        if filled:
            value = given[filled[0]]
            return CollectedField(value, next((given[name] for name in filled if given[name] != value), None))
    return CollectedField(given[readings[0][0]])
