"""Five-field cron expressions: whether one is well-formed and can ever come due."""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS: Final = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_TERM: Final = re.compile(r"(\*|([0-9]{1,2}|[A-Z]{3})(?:-([0-9]{1,2}|[A-Z]{3}))?)(?:/([0-9]{1,2}))?")
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def cron_problem(expression: str) -> str | None:
    """What is wrong with a schedule, in words; None when it is a good one.

    Fields are minute, hour, day of month, month (or JAN-DEC) and day of week (0-7 or SUN-SAT), as crontab(5) has them.
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"must have five fields (minute, hour, day of month, month, day of week), not {len(fields)}"
    chosen: dict[str, set[int]] = {}
    for text, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        values = _parse_values(text.upper(), low, high, names)
        if values is None:
            return f"has a wrong {name}: it must be made of {low} to {high}, '*', ranges, lists and steps"
        chosen[name] = values
    # When the day of the week is restricted too, either of the two suffices, so it comes due every week.
    any_weekday = fields[4].startswith("*")
    if any_weekday and not any(
        min(chosen["day of month"]) <= _LENGTHS[month - 1] for month in chosen["month"]
    ):
        return "never comes due: no such day is in those months"
    return None


def _parse_values(text: str, low: int, high: int, names: dict[str, int]) -> set[int] | None:
    values: set[int] = set()
    for term in text.split(","):
        found = _TERM.fullmatch(term)
        if found is None:
            return None
        whole, first, last, step = found.groups()
        start = low if whole == "*" else _parse_number(first, names)
        end = high if whole == "*" or (step and not last) else _parse_number(last or first, names)
        stride = int(step) if step else 1
        if start is None or end is None or not low <= start <= end <= high or not 1 <= stride <= high:
            return None
        values.update(range(start, end + 1, stride))
    return values


def _parse_number(text: str, names: dict[str, int]) -> int | None:
    return int(text) if text.isdigit() else names.get(text)
