"""Strict decoding of request bodies: the first invalid field is refused by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from server.sandbox.state.refusals import invalid_field_error

if TYPE_CHECKING:
    from collections.abc import Mapping

Decoded = TypeVar("Decoded")
_NAMED_FIELD: Final = re.compile(r"(?:missing required field|contains unknown field) `([^`]*)`")


def decode_json(
    decoder: msgspec.json.Decoder[Decoded], raw: bytes | msgspec.Raw, prefix: str = ""
) -> Decoded:
    """Decode JSON strictly.

    Args:
        decoder: decoder of the expected type.
        raw: the JSON.
        prefix: path of `raw` within the body, such as `config` or `documents[3]`.

    Raises:
        RefusedError: `invalid`, with the field and the problem.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        named = _NAMED_FIELD.search(problem)
        parts = [prefix, path.removesuffix("`").lstrip("."), named.group(1) if named else ""]
        raise invalid_field_error(".".join(part for part in parts if part) or "body", problem) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid_field_error(prefix or "body", f"is not JSON: {error}") from error


def parse_integer(query: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    """Parse a whole number of the query string.

    Raises:
        RefusedError: `invalid` when it is not a whole number, or out of range.
    """
    text = query.get(name)
    if text is None:
        return default
    # Cut to ten digits: Python refuses to convert strings of thousands.
    if not (text.isascii() and text.isdigit() and least <= int(text[:10]) <= most):
        raise invalid_field_error(name, f"must be a whole number from {least} to {most}")
    return int(text)


def require_match(text: str, pattern: re.Pattern[str], name: str, rule: str) -> str:
    """Return the text when it matches the pattern.

    Raises:
        RefusedError: `invalid`, with the rule in words, when it does not match.
    """
    if pattern.fullmatch(text) is None:
        raise invalid_field_error(name, rule)
    return text
