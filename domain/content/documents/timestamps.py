"""Timestamps in the forms that exports use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

_MILLISECONDS_FROM: Final = 100_000_000_000
"""Numbers from here on are milliseconds: seconds reach this in the year 5138, milliseconds in 1973."""


def parse_timestamp(given: object) -> datetime | None:
    """Parse RFC 3339, other ISO 8601, a day, or epoch (milli)seconds; None when it is no timestamp."""
    if isinstance(given, str):
        text = given.strip()
        return _parse_date_text(text) or _parse_epoch_text(text)
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return _datetime_from_epoch(float(given))
    return None


def _parse_date_text(text: str) -> datetime | None:
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        pass
    try:
        return datetime.fromisoformat(text) if "-" in text else None
    except ValueError:
        return None


def _parse_epoch_text(text: str) -> datetime | None:
    try:
        return _datetime_from_epoch(float(text))
    except ValueError:
        return None


def _datetime_from_epoch(seconds: float) -> datetime | None:
    if abs(seconds) >= _MILLISECONDS_FROM:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
