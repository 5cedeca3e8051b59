"""Identifiers: which names are allowed, and the known names closest to a mistyped one."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHOWN: Final = 5


def require_identifier(value: str, field: str) -> str:
    """The value itself, when it is a valid id of a client or journey.

    Such an id is safe in a path: archives and staging use it as a folder name. Raises InvalidArgumentError, which names
    the field.
    """
    if IDENTIFIER.fullmatch(value):
        return value
    msg = f"{field} must be 1 to 64 characters of letters, digits, '.', '_' and '-', beginning with a letter or digit"
    raise InvalidArgumentError(msg, field=field)


def closest_names(value: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to five known names, the closest to the value first, compared without case.

    When none is close, the first five in order.
    """
    names = {name.casefold(): name for name in sorted(known)}
    close = get_close_matches(value.casefold(), names, n=_SHOWN, cutoff=0.5)
    return tuple(names[each] for each in close) or tuple(names.values())[:_SHOWN]
