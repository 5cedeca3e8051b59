"""Encodings of tables: UTF-8 and marked UTF-16 are read; any other is named, with how to save it."""

from __future__ import annotations

import codecs
from typing import Final

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

_SAVE_AS_UTF8: Final = (
    'Save it as UTF-8: in Excel as "CSV UTF-8 (comma delimited)", in LibreOffice with the character set '
    '"Unicode (UTF-8)", in Google Sheets by downloading it as CSV; then call again.'
)
UTF8: Final = "utf-8-sig"
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def detect_encoding(begin: bytes, name: str) -> str:
    """The codec of a table, from its first bytes. Raises TemplateInvalidError for one that is not read."""
    if begin.startswith(_UTF32_MARKS):
        raise encoding_error(name, "is UTF-32; UTF-8 is expected")
    if begin.startswith(_UTF16_MARKS):
        return "utf-16"
    if b"\x00" in begin[:4]:
        raise encoding_error(name, "is UTF-16 without a byte order mark, or binary; UTF-8 is expected")
    return UTF8


def encoding_error(name: str, problem: str, position: int | None = None) -> TemplateInvalidError:
    """The error for a table of another encoding, with how to save it."""
    return TemplateInvalidError(
        f"{quote_foreign(name)} {problem}.",
        file=quote_foreign(name),
        position=position,
        suggested_action=_SAVE_AS_UTF8,
    )
