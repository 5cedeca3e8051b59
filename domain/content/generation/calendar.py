"""Company calendar: on which day which stories begin.

Every week has the same number of stories, most of them on its working days and at least one on each other day. So the
day of a story follows from its number alone, and the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, Self

FIRST_MONDAY: Final = date(2000, 1, 3)
"""The day of story 0."""
HISTORY_WEEKS: Final = 52
"""How far back the stories reach, where there are enough of them."""
_WORKING_DAYS: Final = 5
_DAYS: Final = 7
_QUIET: Final = 20
"""On a day of the weekend this part of a working day's stories begins."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Calendar of a company in which `working` stories begin on a working day, and `resting` on any other."""

    working: int
    resting: int

    @classmethod
    def for_stories(cls, stories: int) -> Self:
        """The calendar by which that many stories reach back `HISTORY_WEEKS`, or less where they are few."""
        working = max(1, -(-stories // (HISTORY_WEEKS * _WORKING_DAYS)))
        return cls(working, max(1, working // _QUIET))

    @property
    def weekly(self) -> int:
        """How many stories a week has."""
        return _WORKING_DAYS * self.working + (_DAYS - _WORKING_DAYS) * self.resting

    def first_story(self, day: date) -> int:
        """The number of the first story of a day."""
        weeks, weekday = divmod((day - FIRST_MONDAY).days, _DAYS)
        before = min(weekday, _WORKING_DAYS) * self.working + max(0, weekday - _WORKING_DAYS) * self.resting
        return weeks * self.weekly + before

    def place(self, story: int) -> tuple[int, float]:
        """The day of a story, as days since `FIRST_MONDAY`, and which part of that day's stories is before it."""
        weeks, rest = divmod(story, self.weekly)
        on_working_days = _WORKING_DAYS * self.working
        if rest < on_working_days:
            weekday, number = divmod(rest, self.working)
            return weeks * _DAYS + weekday, number / self.working
        weekday, number = divmod(rest - on_working_days, self.resting)
        return weeks * _DAYS + _WORKING_DAYS + weekday, number / self.resting


MINUTES: Final = 24 * 60
CLOCK: Final = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(MINUTES)]
"""Each minute of a day, as `14:05`."""


class Day(NamedTuple):
    """A day in the forms in which texts name it: `2026-06-12`, `12 June 2026` and `Friday`."""

    iso: str
    long: str
    weekday: str


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@lru_cache(maxsize=4096)
def day_forms(days: int) -> Day:
    """The forms of the day that is so many days after `FIRST_MONDAY`."""
    day = FIRST_MONDAY + timedelta(days=days)
    return Day(day.isoformat(), f"{day.day} {_MONTHS[day.month - 1]} {day.year}", _WEEKDAYS[day.weekday()])
