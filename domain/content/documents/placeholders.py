"""Placeholders: `{{site:TYPE}}` in a record stands for the address of the client's own copies of that type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACEHOLDER_NOTATION: Final = "{{site:TYPE}} with " + ", ".join(each.value for each in DatasetType)

_TYPES: Final = "|".join(each.value for each in DatasetType)
_BRACE: Final = re.compile(rb'\{[^"\s}]')
"""A brace that does not begin a JSON object or is not alone: one character is found far faster than any word."""
_LIKE: Final = re.compile(
    (
        r"\{\{\s*sites?\s*:\s*[\w-]*\s*\}{0,2}"  # whatever it names, and however it ends
        rf"|\{{\s*sites?\s*:\s*(?:{_TYPES})\s*\}}"  # with one brace
        rf"|\{{\{{\s*(?:sites?|{_TYPES})\s*\}}\}}"  # half of it
    ).encode(),
    re.IGNORECASE,
)
_EXACT: Final = re.compile(rf"\{{\{{site:(?:{_TYPES})\}}\}}".encode())
_GLUED: Final = re.compile(rb"[\w-]{1,20}")
"""Text at the end of an address without a slash between them, which makes it another address."""


_PREFIX: Final = b"{{site:"
_TEXT_BEHIND: Final = re.compile(rb"\}\}[\w-]")


class Placeholder(NamedTuple):
    """Placeholder as it is written, and whether it leads anywhere."""

    text: bytes
    valid: bool


def has_placeholder(data: bytes) -> bool:
    """Whether JSON contains a placeholder, or what looks like a misspelt one."""
    return _BRACE.search(data) is not None and _LIKE.search(data) is not None


def have_placeholder(data: bytes, count: int) -> bool:
    """Whether JSON of so many objects contains a placeholder, or what looks like a misspelt one.

    Without another brace than those with which the objects begin, nothing more is searched.
    """
    braces = len(data) - len(data.replace(b"{", b""))  # `count` takes four times as long
    return braces > count and has_placeholder(data)


def count_exact_placeholders(data: bytes) -> int | None:
    """The number of placeholders, when all of them seem to be exact; None when they have to be looked at."""
    return None if _TEXT_BEHIND.search(data) else data.count(_PREFIX) or None


def find_placeholders(data: bytes) -> Iterator[Placeholder]:
    """Every placeholder in a text or in JSON, in order."""
    for found in _LIKE.finditer(data):
        glued = _GLUED.match(data, found.end())
        yield Placeholder(
            found[0] + (glued[0] if glued else b""), bool(_EXACT.fullmatch(found[0])) and not glued
        )
