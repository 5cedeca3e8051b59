"""Values in answers: as printable text, and coloured when they are a status."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.text import Text

from domain.model import printable

_GOOD: Final = frozenset({"active", "archived", "healthy", "ok", "ready", "valid"})
_BAD: Final = frozenset({"failed", "invalid", "unhealthy", "wrong"})
_IN_PROGRESS: Final = frozenset(
    {"creating", "disconnected", "paused", "provisioning", "syncing", "teardown", "validating", "warning"}
)


def format_value(value: object) -> str:
    """Format a value for a cell or sentence, as printable text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC")
    return printable(str(value))


def render_value(value: object) -> Text:
    """Render a value, coloured when it is a status."""
    words = format_value(value)
    style = (
        "green" if words in _GOOD else "red" if words in _BAD else "yellow" if words in _IN_PROGRESS else ""
    )
    return Text(words, style=style)


def format_duration(seconds: float) -> str:
    """Format a duration, rounded down, in the largest unit of which it has at least two."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} seconds"
