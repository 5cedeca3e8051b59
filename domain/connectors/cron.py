"""Cron expression: five fields as crontab(5) has them, checked by `cronsim`, with the wrong field named.

Extensions of `cronsim` (a sixth field, `L`, `#`) are refused, because Glean must parse the schedule too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from cronsim import CronSim, CronSimError

_FIELDS: Final = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_CRONTAB: Final = re.compile(r"(?:[0-9]+|[A-Z]{3}|[*,/-])+")
_STEP: Final = re.compile(r"/([0-9]+)")
_ANY_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)


def cron_problem(expression: str) -> str | None:
    """What is wrong with a schedule, in words that follow the setting's name; None when it is valid."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"must have five fields (minute, hour, day of month, month, day of week), not {len(fields)}"
    for position, (name, low, high) in enumerate(_FIELDS):
        if not _is_valid_field(fields[position].upper(), position, high):
            return f"has a wrong {name}: it must be made of {low} to {high}, '*', ranges, lists and steps"
    if not _comes_due(fields):
        return "never comes due: no such day is in those months"
    return None


def _is_valid_field(text: str, position: int, high: int) -> bool:
    alone = ["*"] * len(_FIELDS)
    alone[position] = text
    in_range = all(int(step) <= high for step in _STEP.findall(text))
    return _CRONTAB.fullmatch(text) is not None and in_range and _comes_due(alone)


def _comes_due(fields: list[str]) -> bool:
    try:
        CronSim(" ".join(fields), _ANY_DAY)
    except CronSimError:
        return False
    return True
