"""Timestamps and durations: parsed from text, and converted to UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.errors import InvalidArgumentError, format_timestamp

_SPAN: Final = re.compile(r"([0-9]{1,6})([mhd])")
_WORDS: Final = re.compile(
    r"([0-9]{1,4}|\ban?|\bone|\bnext)[ t_-]*(m(?=in|\b)|h(?=our|r|\b)|d(?=ay|\b)|w(?=eek|\b))"
)
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?))?")
_RELATIVE: Final = {"tomorrow": timedelta(days=1), "tonight": timedelta(hours=12)}
_FARTHEST: Final = timedelta(days=3660)
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_timestamp(text: str, field: str, now: datetime | None = None) -> datetime:
    """Parse an RFC 3339 timestamp, and convert it to UTC.

    Raises InvalidArgumentError, which names the field, also for a timestamp without a zone. With `now` its candidates
    are the instants that the text may mean.
    """
    candidates = () if now is None else _suggest_instants(text, now)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid_timestamp_error(field, candidates) from error
    return to_utc(moment, field, candidates)


def to_utc(moment: datetime, field: str, candidates: tuple[str, ...] = ()) -> datetime:
    """The instant in UTC. Raises InvalidArgumentError without a zone: it could mean any of 24 hours."""
    if moment.utcoffset() is None:
        raise InvalidArgumentError(
            f"{field} has no time zone; write it with Z or an offset, such as 2026-03-05T18:00:00Z.",
            field=field,
            candidates=candidates,
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
            f"{field} must be a number of minutes, hours or days, such as 30m, 12h or 7d.",
            field=field,
            candidates=tuple(f"{count}{unit}" for count, unit in _spans(text)),
        )
    return int(match[1]) * _UNITS[match[2]]


def _invalid_timestamp_error(field: str, candidates: tuple[str, ...] = ()) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{field} must be an instant with its zone (RFC 3339), such as 2026-03-05T18:00:00Z.",
        field=field,
        candidates=candidates,
        suggested_action=f"Write {field} as an instant with its zone, such as one of the candidates."
        if candidates
        else None,
    )


def _spans(text: str) -> list[tuple[int, str]]:
    """The lengths of time in a text such as `2 hours`, `PT12H` or `a week`, each as a number of a unit."""
    found = [
        (int(match[1]) if match[1].isdecimal() else 1, match[2][0])
        for match in _WORDS.finditer(text.casefold())
    ]
    return [(count * 7, "d") if unit == "w" else (count, unit) for count, unit in found]


def _suggest_instants(text: str, now: datetime) -> tuple[str, ...]:
    """The instants that a text may mean which is none: a day ends with it, and a time without a zone is in UTC."""
    if match := _DAY.fullmatch(text.strip()):
        clock = match[2] or "23:59:59"
        return (f"{match[1]}T{clock if clock.count(':') > 1 else f'{clock}:00'}Z",)
    spans = [count * _UNITS[unit] for count, unit in _spans(text)]
    spans += [span for word, span in _RELATIVE.items() if word in text.casefold()]
    return tuple(format_timestamp(now + each) for each in spans if each < _FARTHEST)
