"""Instants as vendors write them; whether a numeric date begins with its day is decided over the whole export."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from domain.errors import ExportInvalidError
from domain.model import quote_foreign

_TIME: Final = (
    r"(?:[ ,T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_NUMERIC: Final = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<mark>[/.-])(?P<b>\d{{1,2}})(?P=mark)(?P<c>\d{{1,4}}){_TIME}"
)
_NAMED: Final = re.compile(
    rf"(?P<day>\d{{1,2}})[/ .-]+(?P<month>[^\W\d_]{{3,10}})\.?[/ .-]+(?P<year>\d{{2,4}}){_TIME}"
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan ene",
            "feb fév",
            "mar mär mrz",
            "apr avr abr",
            "may mai",
            "jun juin",
            "jul juil",
            "aug aoû ago",
            "sep",
            "oct okt",
            "nov",
            "dec dez déc dic",
        ),
        start=1,
    )
    for name in names.split()
}
"""Beginnings of the names of months in English, German, French and Spanish, the languages of Jira's usual exports."""
_YEAR_LENGTH: Final = 4
_MONTHS_A_YEAR: Final = 12
_CENTURY: Final = 100
_PIVOT: Final = 70
"""Two digits from here on are of the last century."""


class DateOrder(StrEnum):
    """What a numeric date begins with."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


class DateNotation:
    """The notation of an export's dates: every value is observed first, then each is parsed in the same way.

    `given` is what the caller said; otherwise one date with a part above 12 decides.
    """

    def __init__(self, given: DateOrder | None = None) -> None:
        self._given = given
        self._proofs: dict[DateOrder, str] = {}
        self._open: str | None = None

    def observe(self, text: str) -> None:
        """Note what a value says about the order of day and month."""
        found = _NUMERIC.fullmatch(text.strip())
        if found is None or found["mark"] == "." or len(found["a"]) == _YEAR_LENGTH:
            return
        first, second = int(found["a"]), int(found["b"])
        if first > _MONTHS_A_YEAR:
            self._proofs.setdefault(DateOrder.DAY_FIRST, text)
        elif second > _MONTHS_A_YEAR:
            self._proofs.setdefault(DateOrder.MONTH_FIRST, text)
        elif first != second:
            self._open = self._open or text

    def decide(self) -> None:
        """Decide the order. Raises ExportInvalidError where the export leaves it open, or proves both."""
        if self._given is None and len(self._proofs) > 1:
            day, month = (quote_foreign(self._proofs[each]) for each in DateOrder)
            raise ExportInvalidError(
                f"Dates of two notations are mixed: {day} begins with the day, {month} with the month.",
                suggested_action="Export it again with one notation of dates, best YYYY-MM-DD.",
            )
        if self._given is None and self._open and not self._proofs:
            raise ExportInvalidError(
                f"Whether dates such as {quote_foreign(self._open)} begin with the day or the month cannot be seen "
                "from any date of the export.",
                field="dates",
                suggested_action="Say it with --dates day-first or --dates month-first.",
            )
        self._given = self._given or next(iter(self._proofs), DateOrder.DAY_FIRST)

    def parse(self, text: str) -> datetime | None:
        """The instant of a value, in UTC where it names no zone; None when it is none."""
        text = text.strip()
        if found := _NUMERIC.fullmatch(text):
            return self._from_numeric(found)
        if (found := _NAMED.fullmatch(text)) and (month := _month_number(found["month"])):
            return _build_instant(int(found["year"]), month, int(found["day"]), found)
        return parse_iso(text) or _parse_mail_date(text)

    def _from_numeric(self, found: re.Match[str]) -> datetime | None:
        a, b, c = int(found["a"]), int(found["b"]), int(found["c"])
        if len(found["a"]) == _YEAR_LENGTH:
            return _build_instant(a, b, c, found)
        day_first = found["mark"] == "." or self._given is DateOrder.DAY_FIRST
        return _build_instant(c, b, a, found) if day_first else _build_instant(c, a, b, found)


def parse_iso(text: str) -> datetime | None:
    """The instant of an ISO 8601 text, in UTC where it names no zone; None when it is none."""
    try:
        instant = datetime.fromisoformat(text.strip())
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_instant(instant: datetime | None) -> str | None:
    """The instant as RFC 3339 in UTC, with its fraction of a second where it has one; None for None."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_from_epoch(microseconds: int) -> datetime:
    """The instant of microseconds since 1970. Raises OverflowError beyond the year 9999."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _parse_mail_date(text: str) -> datetime | None:
    """The instant of a date as in mail (RFC 2822)."""
    try:
        instant = parsedate_to_datetime(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _month_number(name: str) -> int | None:
    beginning = name.casefold()
    return _MONTHS.get(beginning[:4]) or _MONTHS.get(beginning[:3])


def _build_instant(year: int, month: int, day: int, found: re.Match[str]) -> datetime | None:
    if year < _CENTURY:
        year += 1900 if year >= _PIVOT else 2000
    hour = int(found["hour"] or 0)
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    try:
        return datetime(
            year, month, day, hour, int(found["minute"] or 0), int(found["second"] or 0), tzinfo=UTC
        )
    except ValueError:
        return None
