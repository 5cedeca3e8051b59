"""People of a made-up company: each seat of a team is held by one person after another, for some years each.

Given and family names are drawn apart from each other, so nobody is meant by both together.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.content.generation.phrases.words import FAMILY_NAMES, GIVEN_NAMES

HISTORY_DAYS: Final = 900
_TENURE_STEP: Final = 97
_SHIFT: Final = 131
"""Seats change hands after 900 days and more, each after a span of its own and on another day."""
_NAMES: Final = len(GIVEN_NAMES) * len(FAMILY_NAMES)
_STRIDE: Final = 2741
"""Prime, so that its multiples pass through all names before one comes again."""


class Person(NamedTuple):
    """Somebody at the company."""

    name: str
    mail: str


class Seat(NamedTuple):
    """Seat of a team: since which day somebody holds it, who, and who did before."""

    joined: int
    now: Person
    before: Person

    def holder(self, day: int) -> Person:
        """Who holds it on a day."""
        return self[1] if day >= self[0] else self[2]


class Staff:
    """The seats of a company, over a span of some years at most.

    Args:
        teams: how many there are.
        per_team: how many seats each has.
        domain: of their addresses.
        offset: where in all names theirs begin.
        today: the day, as days since the first Monday; who holds a seat is known for `HISTORY_DAYS` before it.
    """

    def __init__(self, teams: int, per_team: int, domain: str, offset: int, today: int) -> None:
        self._domain = domain
        self._offset = offset
        self._seats = teams * per_team
        seats = [self._find_holders(seat, today) for seat in range(self._seats)]
        # Each team's seats twice, as they stand in a circle.
        self._circles = [2 * seats[first : first + per_team] for first in range(0, self._seats, per_team)]

    def circle(self, team: int) -> list[Seat]:
        """The seats of a team, twice in a row, so that after the last comes the first."""
        return self._circles[team]

    def _find_holders(self, seat: int, today: int) -> Seat:
        """Who holds a seat now and who did before: nobody leaves sooner than after `HISTORY_DAYS`."""
        tenure = HISTORY_DAYS + _TENURE_STEP * (seat % 11)
        turn = (today + _SHIFT * seat) // tenure
        return Seat(turn * tenure - _SHIFT * seat, self._holder(seat, turn), self._holder(seat, turn - 1))

    def _holder(self, seat: int, turn: int) -> Person:
        number = (self._offset + (seat + turn * self._seats) * _STRIDE) % _NAMES
        family, given = divmod(number, len(GIVEN_NAMES))
        name = f"{GIVEN_NAMES[given]} {FAMILY_NAMES[family]}"
        return Person(name, f"{name.lower().replace(' ', '.')}@{self._domain}")
