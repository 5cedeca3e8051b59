"""Sanitization report: what was replaced in an export, and what a person should look at; no value of it is in here."""

from __future__ import annotations

from typing import Final

import msgspec

SHORTEST_KEY: Final = 16
"""The fewest bytes of the key of a sanitizer."""


class ReplacedCount(msgspec.Struct, frozen=True, gc=False):
    """How often something of one kind was replaced in one field."""

    field: str
    kind: str
    count: int


class DroppedField(msgspec.Struct, frozen=True, gc=False):
    """A field that is not known and was kept out, and of how many records."""

    field: str
    count: int


class Suspect(msgspec.Struct, frozen=True, gc=False):
    """A place that a person should look at: the record, counted from 1, the field and the position in its text.

    `why` is `name_like` for two capitalised words behind the word of a role, and `person_in_id` for an id with a name
    in it, which was kept.
    """

    record: int
    field: str
    position: int
    why: str


class SanitizationReport(msgspec.Struct, frozen=True):
    """Report of one sanitization. `suspects` are the first of `suspect_count`."""

    records: int
    people: int
    replaced: tuple[ReplacedCount, ...] = ()
    dropped: tuple[DroppedField, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    suspect_count: int = 0


class Leak(msgspec.Struct, frozen=True, gc=False, order=True):
    """A value of a known kind that was left: where it is, counted from 1 and 0, and never what it is."""

    record: int
    field: str
    position: int
    kind: str
