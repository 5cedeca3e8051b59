"""Stories: what happens at a made-up company, with every fact that its records tell."""

from __future__ import annotations

from itertools import permutations, product
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content.generation.calendar import CLOCK, HISTORY_WEEKS, day_forms
from domain.content.generation.people import Staff
from domain.content.generation.phrases.wording import VARIANTS
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
_OF_VOCABULARY: Final = (
    *("option", "Option", "option2", "comp", "Comp", "symptom", "Symptom", "party", "Party", "goal", "Goal"),
    *("topic", "Topic", "cause", "fix", "rule", "limit", "limit2", "comp2"),
)
_OF_STORY: Final = (
    *("place", "place2", "lead", "leadmail", "second", "secondmail", "writer", "writermail", "guest"),
    *("w0", "w1", "w2", "w3", "e0", "e1", "e2", "e3", "f0", "f1", "f2"),
    *("took", "v0", "v1", "n", "ver", "ver0", "commit"),
    *("iso", "date", "weekday", "later", "t0", "t1", "between", "t2", "number"),
    *("key0", "key1", "key2", "key3", "page0", "page1", "page2", "page3"),
)
SLOTS: Final = (
    *_OF_SYSTEM,
    *_OF_PEER,
    *_OF_VOCABULARY,
    *_OF_STORY,
)
"""The names of a story's facts, in their order."""
_PROJECT: Final = SLOTS.index("project")
_NUMBERS: Final = Struct("<26H12B")
"""What is drawn for a story: 26 numbers of two bytes, and 12 of one."""
_DAYS_BEFORE: Final = 7 * HISTORY_WEEKS + 80
_DAYS_AFTER: Final = 60
"""Days that texts may name: some before the oldest story, and some after today."""


class Story(NamedTuple):
    """Story: `number` counts all stories since the first day, and `facts` are in the order of `SLOTS`.

    `day` counts days since the first Monday; `minutes` are those of its day in which its four records are written.
    `team` is its place in the company, and `lead` the place in the team of who leads. `variant` is in which words it is
    told.
    """

    number: int
    kind: str
    day: int
    minutes: tuple[int, int, int, int]
    facts: Sequence[str]
    team: int
    lead: int
    variant: int


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
        first_name = _NUMBERS.unpack(chooser.draw(b"staff"))[0]
        staff = Staff(len(specification.teams), self._per_team, specification.domain, first_name, today)
        self._circle = staff.circle
        days = range(today - _DAYS_BEFORE, today + _DAYS_AFTER)
        self._dates = {day: day_forms(day).long for day in days}
        self.iso_dates = {day: day_forms(day).iso for day in days}
        """The days that texts may name, as `2026-06-12`."""
        self._kinds = [kind for kind in KINDS for _ in range(getattr(specification.shares, kind))]
        words = specification.words
        components = _join(PLACINGS, words.components)
        self._places = [f"{place}{site}" for place, site in product(words.places, SITES)]
        # A cause and what mends it stand in the same place of their lists, so one number chooses both.
        self._vocabulary: list[Sequence[tuple[str, ...]]] = [
            [(one, _capitalize(one), other) for one, other in permutations(words.options[:_PAIRED], 2)],
            _with_capitals(components),
            _with_capitals(form.format(symptom) for form, symptom in product(COURSES, words.symptoms)),
            _with_capitals(_join(CIRCLES, words.parties)),
            _with_capitals(words.goals),
            _with_capitals(words.topics),
            list(zip(words.causes, words.fixes, strict=True)),
            [(each,) for each in words.rules],
            [(str(number),) for number in range(5, 90)],
            [(str(number),) for number in range(95, 215)],
            [(each,) for each in components],
        ]
        self._sizes = list(map(len, self._vocabulary))

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
    def systems(self) -> int:
        """How many systems the company has."""
        return len(self._systems)

    def another_project(self, team: int, draw: int) -> str:
        """The key of another team's project, and space."""
        return self._projects[_another(self._projects, team, draw)]

    def person(self, team: int, seat: int, day: int) -> Person:
        """Who holds a seat of a team on a day."""
        return self._circle(team)[seat % self._per_team].holder(day)

    def system_of(self, number: int) -> int:
        """The place of the system of a story."""
        return self._draw(number)[2] % len(self._systems)

    def _draw(self, number: int) -> tuple[int, ...]:
        return _NUMBERS.unpack(self._chooser.draw(b"story %d" % number))

    def story(self, number: int, system: int | None = None) -> Story:
        """The story of that number. With `system` it is told of that one; then its issues and pages are no others'."""
        draw = self._draw(number)
        day, before = self._calendar.place(number)
        begin = _OPENS + int((_CLOSES - _OPENS) * before) + draw[0] % 7
        took = 12 + draw[1] % 220
        minutes = (begin, begin + took // 3, begin + took * 2 // 3, begin + took)
        at = draw[2] % len(self._systems) if system is None else system
        own, team = self._systems[at]
        peer, peer_team = self._systems[_another(self._systems, at, draw[3])]
        circle, lead = self._circle(team), draw[4] % self._per_team
        others = lead + 4 + draw[29] % (self._per_team - 7)  # neither who leads nor who helps
        usual = 2 + draw[7] % 90
        release, patch = f"{1 + draw[8] % 12}.{draw[9] % 40}.", draw[10] % 15
        words: list[str] = []
        for entries, size, choice in zip(self._vocabulary, self._sizes, draw[11:], strict=False):
            words += entries[choice % size]
        place = draw[22] % len(self._places)
        project, key, page = own[_PROJECT], number * TOLD, PAGE_IDS + number * TOLD
        today, dates = day_forms(day), self._dates
        facts = [
            *own,
            peer[0],
            peer[1],
            peer[2],
            peer[7],
            *words,
            self._places[place],
            self._places[_another(self._places, place, draw[24])],
            *circle[lead].holder(day),
            *circle[lead + 1 + draw[5] % 3].holder(day),
            *circle[lead + 4 + draw[6] % 4].holder(day),
            self.person(peer_team, lead, day).name,
            *[(now if day >= joined else before).name for joined, now, before in circle[others : others + 4]],
            *[dates[day - 2 - choice % 60] for choice in draw[30:34]],
            *[dates[day + 1 + choice % 40] for choice in draw[34:37]],
            str(took),
            str(usual),
            str(usual * (2 + draw[27] % 7) + draw[26] % 40),
            f"{1000 + draw[25] % 60_000:,}",
            f"{release}{patch + 1}",
            f"{release}{patch}",
            f"{draw[0] << 16 | draw[1]:08x}",
            *today,
            dates[day + 7 + draw[28] % 20],
            *[CLOCK[minute] for minute in minutes],
            str(number),
            f"{project}-{key + 1}",
            f"{project}-{key + 2}",
            f"{project}-{key + 3}",
            f"{project}-{key + 4}",
            str(page),
            str(page + 1),
            str(page + 2),
            str(page + 3),
        ]
        kind = self._kinds[draw[23] % len(self._kinds)]
        return Story(number, kind, day, minutes, facts, team, lead, draw[37] % VARIANTS)


def _another(of: Sequence[object], than: int, draw: int) -> int:
    """The position of another one than that at a position."""
    return (than + 1 + draw % (len(of) - 1)) % len(of)


def _join(qualifiers: Iterable[str], words: Iterable[str]) -> list[str]:
    return [f"{qualifier} {word}" for qualifier, word in product(qualifiers, words)]


def _with_capitals(texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(text, _capitalize(text)) for text in texts]


def _capitalize(text: str) -> str:
    """The text as it begins a sentence."""
    return text[0].upper() + text[1:]


def slugify(name: str) -> str:
    """The name in small letters, digits and hyphens."""
    return "-".join("".join(each if each.isalnum() else " " for each in name.lower()).split())
