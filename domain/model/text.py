"""Text of others: made printable at every edge, and shown as data where it does not read like a name of ours.

Terminals obey control characters, and people and models read what direction marks and invisible characters make of a
text. So each edge (answers, tables, logs, pages, the audit log) passes everything through `printable` once.
"""

from __future__ import annotations

import re
from typing import Any, Final
from unicodedata import category

MAX_TEXT_LENGTH: Final = 4000
"""How many characters of one text an edge shows. No sentence of ours is so long."""
MAX_FOREIGN_LENGTH: Final = 80
"""How many characters of somebody else's name a sentence of ours shows."""
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_OUR_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_VISIBLE_FORMATS: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Number and verse signs of Arabic, Syriac and Kaithi: visible, although Unicode counts them as format characters."""
_FILLERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0")
"""Letters without a shape."""
_JOINERS: Final = frozenset("\u200c\u200d\u034f")
_SELECTORS: Final = frozenset(
    chr(each)
    for first, last in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180D), (0x180F, 0x180F))
    for each in range(first, last + 1)
)
_KEYCAPS: Final = frozenset("0123456789#*")


def printable(text: str, longest: int = MAX_TEXT_LENGTH, *, lines: bool = False) -> str:
    """The text with a visible mark in place of each character that is not printable text, and cut when it is too long.

    Names in any script stay as they are: a joiner or variation selector is kept where it shapes the character before
    it. `lines` keeps line feeds and tabs.
    """
    shown = text if text.isascii() and text.isprintable() else _replace_unprintable(text, lines=lines)
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


# It takes and returns any plain JSON.
def printable_json(value: Any) -> Any:  # noqa: ANN401
    """A JSON value with all its texts and names made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable_json(name): printable_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [printable_json(each) for each in value]
    return value


def quote_foreign(name: str) -> str:
    """A name that others gave: as it stands where it reads like one of ours, else short and in quotation marks."""
    if _OUR_NAME.fullmatch(name):
        return name
    inner = printable(name, MAX_FOREIGN_LENGTH).replace('"', "'")
    return f'"{inner}"'


def is_printable_character(character: str, before: str) -> bool:
    """Whether a character is printable text after the one `before` it ("" at the beginning)."""
    if character in _SELECTORS:
        return _has_shape(before) and (not before.isascii() or before in _KEYCAPS)
    if character in _JOINERS:
        return not before.isascii() and (_has_shape(before) or before in _SELECTORS)
    return character in _VISIBLE_FORMATS or not (character in _FILLERS or category(character) in _HIDDEN)


def _replace_unprintable(text: str, *, lines: bool) -> str:
    return "".join(
        each if is_printable_character(each, before) or (lines and each in "\n\t") else REPLACEMENT
        for before, each in zip(("", *text), text, strict=False)
    )


def _has_shape(character: str) -> bool:
    hidden = character in _JOINERS or character in _SELECTORS or character in _FILLERS
    return not hidden and category(character or " ")[0] in "LMNSP"
