"""Timestamps in the notations that exports and spreadsheets use."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from domain.model import convert_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_MILLISECONDS_FROM: Final = 100_000_000_000
"""Numbers from here on are milliseconds: seconds reach this in the year 5138, milliseconds in 1973."""
_SECONDS_FROM: Final = 100_000_000
"""Numbers below are no seconds: those would be before 1973. A spreadsheet counts days, now some 46,000."""
_SERIALS: Final = range(10_000, 100_000)
_DAY_DIGITS: Final = 8

_TIME: Final = (
    r"(?:(?:\s*,\s*|\s+|T)(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?(?:\s*(?P<zone>Z|UTC|UT|GMT|[+-]\d{2}:?\d{2}))?)?(?:\s*\([A-Za-z ]+\))?"
)
_NUMERIC: Final = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second_part>\d{1,2})(?P=mark)(?P<year>\d{4}|(?<!-)\d{2})" + _TIME
)
_YEAR_FIRST: Final = re.compile(r"(?P<year>\d{4})[/.](?P<month>\d{1,2})[/.](?P<day>\d{1,2})" + _TIME)
_WEEKDAY: Final = r"(?:[A-Za-z]{3,9}\.?,?\s+)?"
_DAY_MONTH: Final = re.compile(
    _WEEKDAY + r"(?P<day>\d{1,2})[-/.\s]+(?P<name>[A-Za-z]{3,9})\.?[-/,\s]+(?P<year>\d{4}|\d{2})" + _TIME
)
_MONTH_DAY: Final = re.compile(
    _WEEKDAY + r"(?P<name>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})" + _TIME
)
_SPACED_OFFSET: Final = re.compile(r"\s+(?=[+-]\d{2}:?\d{2}$)")
_ZONE_WORD: Final = re.compile(r"\s*(?:UTC|GMT)$")
_ZONE_NAME: Final = re.compile(r"\d\s*(?!UTC|GMT|AM|PM)[A-Z]{2,5}$|[A-Z][a-z]+/[A-Z][a-z]+", re.ASCII)
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_CENTURY: Final = 2000
_MONTHS_OF_YEAR: Final = 12
_HOURS: Final = 12


class DateOrder(Enum):
    """Order of a numeric date: which of its first two numbers is the day."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


DateOrders: TypeAlias = "Mapping[str, DateOrder]"
"""The order of numeric dates, by field. A field without one has no date that proves it, or dates that contradict."""


class NumericDate(NamedTuple):
    """Numeric date, such as `3/12/2024`: its instant when the day comes first, and when the month does."""

    day_first: datetime | None
    month_first: datetime | None

    @property
    def order(self) -> DateOrder | None:
        """The order that the date proves by itself; None when it may be both."""
        if self.is_ambiguous or self.day_first == self.month_first:
            return None
        return DateOrder.DAY_FIRST if self.day_first else DateOrder.MONTH_FIRST

    @property
    def is_ambiguous(self) -> bool:
        """Whether only its column can tell the day from the month."""
        return bool(self.day_first and self.month_first and self.day_first != self.month_first)

    def resolve(self, order: DateOrder | None) -> datetime | None:
        """The instant: what the date proves by itself, or else what it is in that order."""
        if self.is_ambiguous:
            return {DateOrder.DAY_FIRST: self.day_first, DateOrder.MONTH_FIRST: self.month_first}.get(order)  # type: ignore[arg-type]
        return self.day_first or self.month_first


def parse_timestamp(given: object, order: DateOrder | None = None) -> datetime | None:
    """The instant that a value means, without a zone where it names none; None when it is no timestamp.

    Read are RFC 3339 and other ISO 8601 forms, a day, epoch (milli)seconds as number or text, RFC 2822, dates with an
    English month, as Jira writes them, and numeric dates, whose `order` is that of their column.
    """
    if isinstance(given, str):
        text = given.strip()
        numeric = parse_numeric_date(text)
        if numeric:
            return numeric.resolve(order)
        return _parse_iso(text) or _parse_named_month(text) or _parse_epoch_text(text)
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return _datetime_from_epoch(float(given))
    return None


def parse_numeric_date(given: object) -> NumericDate | None:
    """The numeric date that a text is; None for anything else."""
    found = _NUMERIC.fullmatch(given.strip()) if isinstance(given, str) else None
    if not found:
        return None
    first, second = int(found["first"]), int(found["second_part"])
    date = NumericDate(_build(found, second, first), _build(found, first, second))
    return date if any(date) else None


def timestamp_problem(given: object) -> str:
    """What is wrong with a value that is no timestamp, as the end of a sentence about it."""
    numeric = parse_numeric_date(given)
    if numeric and numeric.is_ambiguous:
        return "may have the day or the month first, and its column does not tell"
    if isinstance(given, (int, float)) and int(given) in _SERIALS:
        return "is a spreadsheet's number of days"
    if isinstance(given, str) and _ZONE_NAME.search(given.strip()):
        return "names a time zone by letters"
    return "is no instant"


def _parse_iso(text: str) -> datetime | None:
    try:
        return convert_plain(text, datetime)
    except msgspec.ValidationError:
        pass
    plain = _ZONE_WORD.sub("Z", _SPACED_OFFSET.sub("", text))
    year_first = _YEAR_FIRST.fullmatch(plain)
    if year_first:
        return _build(year_first, int(year_first["month"]), int(year_first["day"]))
    dated = "-" in plain or "T" in plain or (plain.isdecimal() and len(plain) == _DAY_DIGITS)
    try:
        return datetime.fromisoformat(plain) if dated else None
    except ValueError:
        return None


def _parse_named_month(text: str) -> datetime | None:
    found = _DAY_MONTH.fullmatch(text) or _MONTH_DAY.fullmatch(text)
    if not found:
        return None
    name = found["name"].casefold()
    month = next(
        (n for n, each in enumerate(_MONTHS, 1) if each.startswith(name) or name == "sept" == each[:4]), None
    )
    return _build(found, month, int(found["day"])) if month else None


def _build(found: re.Match[str], month: int, day: int) -> datetime | None:
    """The instant of a match, with that month and day; None when there is no such instant."""
    year = int(found["year"])
    hour = int(found["hour"] or 0)
    if found["half"]:
        if not 1 <= hour <= _HOURS:
            return None
        hour = hour % _HOURS + _HOURS * (found["half"] in "pP")
    try:
        return datetime(
            year if len(found["year"]) > len("24") else _CENTURY + year,
            month,
            day,
            hour,
            int(found["minute"] or 0),
            int(found["second"] or 0),
            tzinfo=_parse_zone(found["zone"]),
        )
    except ValueError:
        return None


def _parse_zone(zone: str | None) -> timezone | None:
    if zone is None:
        return None
    if zone[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return timezone(-offset if zone[0] == "-" else offset)


def _parse_epoch_text(text: str) -> datetime | None:
    try:
        return _datetime_from_epoch(float(text)) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _datetime_from_epoch(seconds: float) -> datetime | None:
    if not abs(seconds) >= _SECONDS_FROM:
        return None
    if abs(seconds) >= _MILLISECONDS_FROM:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
