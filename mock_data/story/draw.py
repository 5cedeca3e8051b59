"""Chance that is the same on every Python: only `random.Random.random()` is used, seeded by a string."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


STORY_BEGINS = datetime(2025, 7, 1, tzinfo=UTC)


STORY_ENDS = datetime(2026, 6, 30, 18, 0, tzinfo=UTC)


_SATURDAY = 5


class Draw:
    """A stream of choices named by what they are for, so that a change in one record leaves the others alone."""

    def __init__(self, *name: object) -> None:
        """Seed the stream with its name."""
        self._random = random.Random("/".join(str(part) for part in name))

    def below(self, limit: int) -> int:
        """Return an integer from 0 up to, but not including, `limit`."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def one(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in another order (Fisher-Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Return that many different items."""
        return self.shuffled(items)[:count]

    def working_time(self, begin: datetime = STORY_BEGINS, end: datetime = STORY_ENDS) -> datetime:
        """Return an instant in the working hours of a weekday from `begin` to `end`.

        A span without such an instant gives `end`.
        """
        day = begin + timedelta(days=self.below(max(1, (end - begin).days)))
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
        seconds = self.between(8 * 3600, 17 * 3600)
        instant = day.replace(hour=0, minute=0, second=0) + timedelta(seconds=seconds)
        return instant if begin <= instant <= end else end


def stamp(instant: datetime) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
