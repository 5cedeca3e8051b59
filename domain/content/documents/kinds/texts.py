"""Texts of records that are of the right type, and still may not be what their field wants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN: Final = r"https?+://[\w.-]++(?::[0-9]{1,5}+)?+(?:[/?#][!-\[\]-~]*+)?+"
"""Nearly every address there is. It is tried first, because its parts can be told apart without going back."""
_IS_PLAIN: Final = re.compile(_PLAIN, re.ASCII).fullmatch
_ARE_PLAIN: Final = re.compile(rf"(?:{_PLAIN}\n)*+{_PLAIN}", re.ASCII).fullmatch
_IS_ADDRESS: Final = re.compile(
    r"https?://(?:[^\s\x00-\x1f\x7f/?#\\@]*@)?"
    r"(?:\[[0-9a-f:.]+\]|[^\s\x00-\x1f\x7f/?#\\@:\[\]]+)(?::[0-9]{1,5})?"
    r"(?:[/?#][^\s\x00-\x1f\x7f\\]*)?",
    re.IGNORECASE,
).fullmatch
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_SEVERAL_LINES: Final = re.compile(_CONTROL)
_RUN: Final = re.compile(f"{_CONTROL}+")
_ENDS: Final = re.compile(rf"\A{_CONTROL}+|{_CONTROL}+\Z")


def is_web_address(text: str) -> bool:
    """Whether a text is an address on the web: http or https, and a host, without blanks and backslashes."""
    return (_IS_PLAIN(text) or _IS_ADDRESS(text)) is not None


def are_web_addresses(texts: Sequence[str]) -> bool:
    """Whether all these texts are web addresses. One test for many is faster than one for each."""
    lines = "\n".join(texts)
    if _ARE_PLAIN(lines) and lines.count("\n") == len(texts) - 1:
        return True
    return all(map(is_web_address, texts))


def are_filled_lines(texts: Sequence[str]) -> bool:
    """Whether each of these texts is one line and none is blank. One test for many is faster than one for each."""
    joined = "".join(texts)
    if joined.isprintable() and " " not in joined:  # any other white space is not printable
        return True
    return is_one_line(joined) and not any(map(str.isspace, texts))


def is_one_line(text: str) -> bool:
    """Whether a text, or several joined ones, has neither a line end nor another control character."""
    return text.isprintable() or _SEVERAL_LINES.search(text) is None


def join_to_one_line(text: str) -> str:
    """A name or id on one line: control characters within it become `_`, those at its ends are left out."""
    return text if is_one_line(text) else _RUN.sub("_", _ENDS.sub("", text))
