"""Time in the sandbox: stored as seconds since 1970 in UTC, shown as RFC 3339 with `Z`, read from an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Answers the present instant, aware, in UTC."""


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def format_instant(seconds: float) -> str:
    """A stored instant as the API shows it, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
