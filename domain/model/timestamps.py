"""Timestamps and durations: parsed from text, and converted to UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.errors import InvalidArgumentError

_SPAN: Final = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_timestamp(text: str, field: str) -> datetime:
    """Parse an RFC 3339 timestamp, and convert it to UTC.

    Raises InvalidArgumentError, which names the field, also for a timestamp without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid_timestamp_error(field) from error
    return to_utc(moment, field)


def to_utc(moment: datetime, field: str) -> datetime:
    """The instant in UTC. Raises InvalidArgumentError without a zone: it could mean any of 24 hours."""
    if moment.utcoffset() is None:
        raise InvalidArgumentError(
            f"{field} has no time zone; write it with Z or an offset, such as 2026-03-05T18:00:00Z.",
            field=field,
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        # An offset can push the first or last instants of the calendar beyond what a datetime holds.
        raise _invalid_timestamp_error(field) from error


def parse_duration(text: str, field: str) -> timedelta:
    """Parse a duration in minutes, hours or days: 30m, 12h, 7d. Raises InvalidArgumentError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(
            f"{field} must be a number of minutes, hours or days, such as 30m, 12h or 7d.", field=field
        )
    return int(match[1]) * _UNITS[match[2]]


def _invalid_timestamp_error(field: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{field} must be an instant with its zone (RFC 3339), such as 2026-03-05T18:00:00Z.", field=field
    )
