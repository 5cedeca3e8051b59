"""Stories: what happens at a made-up company, with every fact that its records tell."""

from __future__ import annotations

from itertools import permutations, product
from operator import getitem
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content.generation.calendar import clock, day_forms
from domain.content.generation.choices import make_table
from domain.content.generation.people import Staff
from domain.content.generation.phrases.words import CIRCLES, COURSES, PLACINGS, SITES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from domain.content.generation.calendar import Calendar
    from domain.content.generation.choices import Chooser
    from domain.content.generation.people import Person
    from domain.content.generation.specification import CompanySpecification

TOLD: Final = 4
"""How many records of each type tell of one story."""
KINDS: Final = ("incident", "release", "decision", "migration", "question")
PAGE_IDS: Final = 4_200_000
"""What the ids of pages count from."""
_SEATS_PER_TEAM: Final = 8
_MAX_SEATS_PER_TEAM: Final = 60
_RECORDS_PER_SEAT: Final = 60
_OPENS: Final = 8 * 60
_CLOSES: Final = 17 * 60
_PAIRED: Final = 60
"""So many options are compared with one another; of a longer list, its first."""

_OF_SYSTEM: Final = (
    *("sys", "slug", "data", "signal", "unit", "purpose", "language"),
    *("team", "project", "channel", "Signal", "Data"),
)
_OF_PEER: Final = ("psys", "pslug", "pdata", "pteam")
_BY_TABLE: Final = ("cause", "fix", "rule", "place", "limit", "limit2", "comp2")
_WITH_CAPITALS: Final = (
    "comp",
    "Comp",
    "symptom",
    "Symptom",
    "party",
    "Party",
    "goal",
    "Goal",
    "topic",
    "Topic",
)
_OPTIONS_AND_PLACE: Final = ("option", "Option", "option2", "place2")
_OF_STORY: Final = (
    *("lead", "second", "guest", "took", "v0", "v1", "n", "ver", "ver0", "commit"),
    *("date", "weekday", "iso", "later", "t0", "t1", "t2"),
    *("key0", "key1", "key2", "key3", "page0", "page1", "page2", "page3"),
)
SLOTS: Final = (
    *_OF_SYSTEM,
    *_OF_PEER,
    *_BY_TABLE,
    *_WITH_CAPITALS,
    *_OPTIONS_AND_PLACE,
    *_OF_STORY,
)
"""The names of a story's facts, in their order."""
_PLACE: Final = _BY_TABLE.index("place")


class Story(NamedTuple):
    """Story: `number` counts all stories since the first day, and `facts` are in the order of `SLOTS`.

    `day` counts days since the first Monday; `minutes` are those of its day in which its four records are written.
    `team` is its place in the company, `seats` are the places in it of those who lead, help, and write.
    """

    number: int
    kind: str
    day: int
    minutes: tuple[int, int, int, int]
    facts: tuple[str, ...]
    team: int
    seats: tuple[int, int, int]


class Stories:
    """The stories of a company.

    Args:
        specification: the company.
        chooser: its choices.
        calendar: when its stories begin.
        count: how many records of each type there are, by which it has more or fewer people.
        today: the day on which it is shown, as days since the first Monday.
    """

    def __init__(
        self,
        specification: CompanySpecification,
        chooser: Chooser,
        calendar: Calendar,
        count: int,
        today: int,
    ) -> None:
        self.organization = slugify(specification.company)
        """The owner of the company's repositories."""
        self._chooser = chooser
        self._calendar = calendar
        self._set_up_teams(specification, count)
        seats = self._per_team * len(specification.teams)
        first_name = chooser.draw(b"staff")[0][0][0]
        self._find_person = Staff(seats, specification.domain, first_name, today).find
        self._kinds = make_table([kind for kind in KINDS for _ in range(getattr(specification.shares, kind))])
        words = specification.words
        components = _join(PLACINGS, words.components)
        self._places = [f"{place}{site}" for place, site in product(words.places, SITES)]
        self._tables = [
            make_table(each)
            for each in (
                words.causes,
                words.fixes,
                words.rules,
                self._places,
                [str(number) for number in range(5, 90)],
                [str(number) for number in range(95, 215)],
                components,
            )
        ]
        self._with_capitals = [
            make_table([(text, _capitalize(text)) for text in each])
            for each in (
                components,
                [form.format(symptom) for form, symptom in product(COURSES, words.symptoms)],
                _join(CIRCLES, words.parties),
                words.goals,
                words.topics,
            )
        ]
        self._options = make_table(
            [(one, _capitalize(one), other) for one, other in permutations(words.options[:_PAIRED], 2)]
        )

    def _set_up_teams(self, specification: CompanySpecification, count: int) -> None:
        teams = specification.teams
        self._per_team = min(
            _MAX_SEATS_PER_TEAM, max(_SEATS_PER_TEAM, count // (_RECORDS_PER_SEAT * len(teams)))
        )
        self._projects = [each.key for each in teams]
        self._systems: list[tuple[tuple[str, ...], int]] = []
        for number, team in enumerate(teams):
            for slug in team.systems:
                own = specification.systems[slug]
                what = (own.title, slug, own.data, own.signal, own.unit, own.purpose, own.language)
                whose = (team.name, team.key, slugify(team.name))
                self._systems.append(
                    ((*what, *whose, _capitalize(own.signal), _capitalize(own.data)), number)
                )

    @property
    def others(self) -> int:
        """How many others a member of a team has beside them."""
        return self._per_team - 1

    @property
    def systems(self) -> int:
        """How many systems the company has."""
        return len(self._systems)

    def another_project(self, team: int, draw: int) -> str:
        """The key of another team's project, and space."""
        return self._projects[_another(self._projects, team, draw)]

    def person(self, team: int, seat: int, day: int) -> Person:
        """Who holds a seat of a team on a day."""
        return self._find_person(team * self._per_team + seat % self._per_team, day)

    def system_of(self, number: int) -> int:
        """The place of the system of a story."""
        return self._chooser.draw(b"story %d" % number)[0][0][2] % len(self._systems)

    def story(self, number: int, system: int | None = None) -> Story:
        """The story of that number. With `system` it is told of that one; then its issues and pages are no others'."""
        ((draw, digits),) = self._chooser.draw(b"story %d" % number)
        day, before = self._calendar.place(number)
        begin = _OPENS + int((_CLOSES - _OPENS) * before) + draw[0] % 7
        took = 12 + draw[1] % 220
        at = draw[2] % len(self._systems) if system is None else system
        own, team = self._systems[at]
        peer, peer_team = self._systems[_another(self._systems, at, draw[3])]
        seats = (draw[4], draw[4] + 1 + draw[5] % 3, draw[4] + 4 + draw[6] % 4)
        usual = 2 + draw[7] % 90
        release, patch = f"{1 + draw[8] % 12}.{draw[9] % 40}.", draw[10] % 15
        # A cause and what mends it stand in the same place of their lists, so one number chooses both.
        by_table = tuple(map(getitem, self._tables, (draw[18], *draw[18:24])))
        place = draw[17 + _PLACE] % len(self._places)
        key, page = number * TOLD, PAGE_IDS + number * TOLD
        project, today = own[8], day_forms(day)
        facts = (
            *own,
            peer[0],
            peer[1],
            peer[2],
            peer[7],
            *by_table,
            *self._with_capitals[0][draw[12]],
            *self._with_capitals[1][draw[13]],
            *self._with_capitals[2][draw[14]],
            *self._with_capitals[3][draw[15]],
            *self._with_capitals[4][draw[16]],
            *self._options[draw[11]],
            self._places[_another(self._places, place, draw[24])],
            self.person(team, seats[0], day).name,
            self.person(team, seats[1], day).name,
            self.person(peer_team, seats[2], day).name,
            str(took),
            str(usual),
            str(usual * (2 + draw[25] % 7) + draw[26] % 40),
            f"{1000 + draw[27] % 60_000:,}",
            f"{release}{patch + 1}",
            f"{release}{patch}",
            digits[:7],
            today.long,
            today.weekday,
            today.iso,
            day_forms(day + 7 + draw[28] % 20).long,
            clock(begin),
            clock(begin + took // 3),
            clock(begin + took),
            f"{project}-{key + 1}",
            f"{project}-{key + 2}",
            f"{project}-{key + 3}",
            f"{project}-{key + 4}",
            str(page),
            str(page + 1),
            str(page + 2),
            str(page + 3),
        )
        minutes = (begin, begin + took // 3, begin + took * 2 // 3, begin + took)
        return Story(number, self._kinds[draw[29]], day, minutes, facts, team, seats)


def _another(of: Sequence[object], than: int, draw: int) -> int:
    """The position of another one than that at a position."""
    return (than + 1 + draw % (len(of) - 1)) % len(of)


def _join(qualifiers: Iterable[str], words: Iterable[str]) -> list[str]:
    return [f"{qualifier} {word}" for qualifier, word in product(qualifiers, words)]


def _capitalize(text: str) -> str:
    """The text as it begins a sentence."""
    return text[0].upper() + text[1:]


def slugify(name: str) -> str:
    """The name in small letters, digits and hyphens."""
    return "-".join("".join(each if each.isalnum() else " " for each in name.lower()).split())
