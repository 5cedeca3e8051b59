"""Instants: stored as seconds since 1970, formatted as RFC 3339 in UTC, and read from an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""
SET_BACK_S: Final = 60.0
"""A stored instant that lies further in the future was stored before the clock was set back: nothing waits for it."""


def utc_now() -> datetime:
    """The present instant of the system's clock."""
    return datetime.now(UTC)


def format_instant(seconds: float) -> str:
    """Format a stored instant as RFC 3339 with milliseconds and `Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
