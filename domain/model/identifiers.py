"""Identifiers: which names are allowed."""

from __future__ import annotations

import re
from typing import Final

from domain.errors import InvalidArgumentError

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def require_identifier(value: str, field: str) -> str:
    """The value itself, when it is a valid id of a client or journey.

    Such an id is safe in a path: archives and staging use it as a folder name. Raises InvalidArgumentError, which names
    the field.
    """
    if IDENTIFIER.fullmatch(value):
        return value
    msg = f"{field} must be 1 to 64 characters of letters, digits, '.', '_' and '-', beginning with a letter or digit"
    raise InvalidArgumentError(msg, field=field)
