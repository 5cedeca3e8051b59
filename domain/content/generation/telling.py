"""Telling: a record of each type as a function of the facts of a story, and of figures of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from operator import getitem
from typing import TYPE_CHECKING, Final

from domain.content.generation.calendar import HISTORY_WEEKS, MINUTES, clock, day_forms
from domain.content.generation.choices import SPAN, make_table
from domain.content.generation.phrases import (
    QUIET_SYSTEM_FORM,
    STORY_FORMS,
    STORY_REPOSITORIES,
    SYSTEM_FORM,
)
from domain.content.generation.phrases.common import (
    ANNEXES,
    BELONGS,
    FILES,
    LOGGED,
    LOGS,
    RELEASES,
    TRACED,
)
from domain.content.generation.phrases.wording import VARIANTS, Wording
from domain.content.generation.story import SLOTS, TOLD
from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from domain.content.generation.choices import Chooser
    from domain.content.generation.phrases import Family, PageForm
    from domain.content.generation.story import Stories, Story

_UNIX_DAYS: Final = 10_959
"""From the first day of Unix time to the first Monday of the calendar."""
_STATUSES: Final = ("To Do", "In Progress", "In Review", "Done")
_PRIORITIES: Final = ("Highest", "High", "High", "Medium", "Medium", "Medium", "Low")
_DAYS_BEFORE: Final = 7 * HISTORY_WEEKS + 80
_DAYS_AFTER: Final = 60
"""Days that texts may name: some before the oldest story, and some after today."""
_TWO: Final = [f"{number:02d}" for number in range(60)]


@cache
def _tables() -> list[list[str]]:
    """The tables of figures, in the order of `_FIGURES`. They are large, so they are made when they are needed."""
    thousands = make_table([f"{number:,}" for number in range(1000, 1000 + SPAN)])
    tens = make_table([str(number) for number in range(3, 99)])
    hundreds = make_table([str(number) for number in range(100, 980)])
    percent = make_table([f"{number // 10}.{number % 10}" for number in range(1, 400)])
    seconds = [divmod(number * MINUTES * 60 // SPAN, 60) for number in range(SPAN)]
    times = make_table([f"{clock(minute)}:{_TWO[second]}" for minute, second in seconds])
    tickets = make_table([f"T{10_000 + number}" for number in range(SPAN)])
    return [*5 * [thousands], *5 * [tens], *5 * [hundreds], *2 * [percent], *2 * [times], tickets]


_FIGURES: Final = (
    *("a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3", "b4", "c0", "c1", "c2", "c3", "c4"),
    *("p0", "p1", "q0", "q1", "x", "w0", "w1", "e0", "e1", "f0", "f1", "h", "r0", "r1"),
    *("z0", "z1", "z2", "z3", "z4", "z5", "z6", "z7"),
)
_SLUG: Final = SLOTS.index("slug")
_CHANNEL: Final = SLOTS.index("channel")
_KEY: Final = SLOTS.index("key0")
_PAGE_ID: Final = SLOTS.index("page0")
_MESSAGE: Final = ["id", "thread", "room", "mail", "name", "stamp"]
_ISSUE: Final = ["key", "status", "mail", "reporter", "priority", "created", "updated"]
_PAGE: Final = ["page", "mail", "name", "created", "updated"]
_REPOSITORY: Final = ["name", "owner", "stars", "issues", "mail", "updated"]


class Teller(ABC):
    """Tells the stories of a company, in records of one type.

    Args:
        stories: the stories.
        chooser: the choices of the company.
        today: the day on which the company is shown; what would happen later has not happened yet.
    """

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        self._stories = stories
        self._chooser = chooser
        self._yesterday = today - 1
        self._tables = _tables()
        self._first_day = today - _DAYS_BEFORE
        days = [day_forms(day) for day in range(self._first_day, today + _DAYS_AFTER)]
        self._dates = [each.long for each in days]
        self._iso_dates = [each.iso for each in days]

    thing: bytes

    def tell(self, story: Story) -> list[str]:
        """The four records that tell of a story, each as a line of JSON."""
        drawn = self._chooser.draw(self.thing % story.number, TOLD)
        return [self._tell(story, slot, *each) for slot, each in enumerate(drawn)]

    @abstractmethod
    def _tell(self, story: Story, slot: int, draw: tuple[int, ...], digits: str) -> str:
        """The record in that place, with the numbers and digits that were drawn for it."""

    def _figures(self, story: Story, draw: tuple[int, ...], digits: str) -> tuple[str, ...]:
        """A record's own facts, in the order of `_FIGURES`."""
        day, team, person = story.day, story.team, self._stories.person
        lead, helper, _ = story.seats
        others = self._stories.others - 1  # neither who leads nor who helps: they write, and name others
        first = draw[20] % others
        second = (first + 1 + draw[21] % (others - 1)) % others
        first, second = (lead + each + (1 if lead + each + 1 < helper else 2) for each in (first, second))
        dates, at = self._dates, day - self._first_day
        return (
            *map(getitem, self._tables, draw),
            person(team, first, day).name,
            person(team, second, day).name,
            dates[at - 2 - draw[22] % 60],
            dates[at - 2 - draw[23] % 60],
            dates[at + 1 + draw[24] % 40],
            dates[at + 1 + draw[25] % 40],
            f"{story.facts[_SLUG]}-{digits[2:8]}",
            digits[8:18],
            digits[24:34],
            digits[:16],
            digits[16:32],
            digits[32:48],
            digits[48:64],
            digits[64:80],
            digits[80:96],
            digits[96:112],
            digits[112:],
        )

    def _stamp(self, day: int, minute: int, second: int) -> str:
        return f"{self._iso_dates[day - self._first_day]}T{clock(minute)}:{_TWO[second % 60]}Z"


def _wordings(skeleton: str, own: Sequence[str], parts: Mapping[str, Sequence[Family | str]]) -> Wording:
    names = [*SLOTS, *_FIGURES, *own]
    return Wording(skeleton, parts, {name: position for position, name in enumerate(names)})


def _sentences(families: Sequence[Family]) -> list[Family | str]:
    """The families, with a space between their sentences."""
    pieces: list[Family | str] = []
    for family in families:
        pieces += [" ", family] if pieces else [family]
    return pieces


def _name_another(family: Family, place: int) -> Family:
    """The sentences for an issue that follows from a story's own; where they name that issue, they name another."""
    if place == 0:
        return family
    return tuple(each.replace(f"%(key{place})s", f"%(key{place % (TOLD - 1) + 1})s") for each in family)


class MessageTeller(Teller):
    """The messages of a story's thread, which the first one begins."""

    thing = b"message %d"

    _SKELETON: Final = (
        '{"message_id":"%(id)s","text":"%(TEXT)s","channel":"%(room)s","author":"%(mail)s",'
        '"author_name":"%(name)s","timestamp":"%(stamp)s"'
    )

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        super().__init__(stories, chooser, today)
        self._wordings = {
            kind: [
                _wordings(
                    self._SKELETON + (',"thread":"%(thread)s"}' if slot else "}"),
                    _MESSAGE,
                    {"TEXT": [*_sentences(families), " ", LOGGED if slot in {1, 2} else TRACED]},
                )
                for slot, families in enumerate(forms.messages)
            ]
            for kind, forms in STORY_FORMS.items()
        }

    def _tell(self, story: Story, slot: int, draw: tuple[int, ...], digits: str) -> str:
        """The message."""
        figures = self._figures(story, draw, digits)
        day = story.day
        asks = story.kind == "question" and slot in {0, 3}
        author = self._stories.person(story.team, story.seats[slot % 2] + 4 * asks, day)
        own = (
            message_id(story, slot),
            message_id(story, 0),
            "incidents" if story.kind == "incident" else story.facts[_CHANNEL],
            author.mail,
            author.name,
            self._stamp(day, story.minutes[slot], story.number),
        )
        return self._wordings[story.kind][slot].fill(draw[28] % VARIANTS, story.facts + figures + own)


def message_id(story: Story, place: int) -> str:
    """The id of one of the messages of a story."""
    number = story.number
    seconds = ((_UNIX_DAYS + story.day) * MINUTES + story.minutes[place]) * 60 + number % 60
    return f"p{seconds}{(number * TOLD + place) % 1_000_000:06d}"


class IssueTeller(Teller):
    """The issues of a story: the first is its own, and the others follow from it."""

    thing = b"issue %d"

    _SKELETON: Final = (
        '{"key":"%(key)s","summary":"%(TITLE)s","description":"%(TEXT)s","status":"%(status)s",'
        '"assignee":"%(mail)s","reporter":"%(reporter)s","priority":"%(priority)s","issue_type":"TYPE",'
        '"created":"%(created)s","updated":"%(updated)s","labels":["KIND","%(slug)s"]'
    )

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        super().__init__(stories, chooser, today)
        self._forms = {
            kind: [
                (
                    form,
                    _wordings(
                        self._SKELETON.replace("TYPE", form.issue_type).replace("KIND", kind)
                        + (',"references":["%(key0)s"]}' if slot else "}"),
                        _ISSUE,
                        {
                            "TITLE": [form.summary],
                            "TEXT": [
                                *_sentences([_name_another(family, slot) for family in form.description]),
                                "\\n\\n",
                                LOGS if form.issue_type in {"Bug", "Incident"} else FILES,
                                "\\n\\n",
                                "Follows from %(key0)s: %(issue0)s" if slot else "Page: %(link0)s",
                            ],
                        },
                    ),
                )
                for slot, form in enumerate(forms.issues)
            ]
            for kind, forms in STORY_FORMS.items()
        }

    def _tell(self, story: Story, slot: int, draw: tuple[int, ...], digits: str) -> str:
        """The issue."""
        figures = self._figures(story, draw, digits)
        form, wording = self._forms[story.kind][slot]
        day, yesterday, person = story.day, self._yesterday, self._stories.person
        begun = day + form.begun_after
        done = begun + draw[29] % (form.done_after - form.begun_after + 1)
        if done <= yesterday:
            status, updated = _STATUSES[3], done
        elif begun < yesterday:
            status, updated = _STATUSES[1 + draw[30] % 2], begun + draw[30] % (yesterday - begun)
        else:
            status, updated = _STATUSES[0], day
        created = story.minutes[slot]
        changed = created + 3 if updated == day else 8 * 60 + draw[31] % 600
        own = (
            story.facts[_KEY + slot],
            status,
            person(story.team, draw[29], min(done, yesterday)).mail,
            person(story.team, story.seats[0], day).mail,
            _PRIORITIES[draw[30] % 7],
            self._stamp(day, created, draw[30]),
            self._stamp(updated, changed, draw[31]),
        )
        return wording.fill(draw[28] % VARIANTS, story.facts + figures + own)


_PAGE_SKELETON: Final = (
    '{"page_id":"%(page)s","title":"%(TITLE)s","body":"%(TEXT)s","space_key":"%(project)s",'
    '"author_email":"%(mail)s","author_name":"%(name)s","created":"%(created)s","last_modified":"%(updated)s",'
    '"labels":["LABEL","%(slug)s"]'
)


def page_wording(form: PageForm, end: Sequence[Family], *, has_parent: bool) -> Wording:
    """The wording of a page: its sections, and what stands at its end."""
    text: list[Family | str] = []
    for heading, families in form.sections:
        text += [f"<h2>{heading}</h2><p>" if heading else "<p>", *_sentences(families), "</p>"]
    skeleton = _PAGE_SKELETON.replace("LABEL", form.label) + (
        ',"parent_id":"%(page0)s"}' if has_parent else "}"
    )
    return _wordings(skeleton, _PAGE, {"TITLE": [form.title], "TEXT": [*text, *end]})


class PageTeller(Teller):
    """The pages of a story: the first is its own, and the others follow from it."""

    thing = b"page %d"

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        super().__init__(stories, chooser, today)
        self._wordings = {
            kind: [
                page_wording(form, (ANNEXES, BELONGS), has_parent=slot > 0)
                for slot, form in enumerate(forms.pages)
            ]
            for kind, forms in STORY_FORMS.items()
        }

    def _tell(self, story: Story, slot: int, draw: tuple[int, ...], digits: str) -> str:
        """The page."""
        figures = self._figures(story, draw, digits)
        day = story.day
        author = self._stories.person(story.team, story.seats[slot % 3], day)
        created = story.minutes[slot]
        updated = min(day + draw[29] % 30, self._yesterday)
        edited = created + 5 if updated == day else 9 * 60 + draw[30] % 480
        own = (
            story.facts[_PAGE_ID + slot],
            author.mail,
            author.name,
            self._stamp(day, created, draw[30]),
            self._stamp(updated, edited, draw[31]),
        )
        return self._wordings[story.kind][slot].fill(draw[28] % VARIANTS, story.facts + figures + own)


class RepositoryTeller(Teller):
    """The repositories that were begun for a story."""

    thing = b"repository %d"

    _SKELETON: Final = (
        '{"name":"%(name)s","owner":"%(owner)s","description":"%(TITLE)s","language":"%(language)s",'
        '"stars":%(stars)s,"issues":%(issues)s,"readme":"# %(name)s\\n\\n%(TEXT)s","updated_at":"%(updated)s",'
        '"maintainer_email":"%(mail)s","topics":["%(channel)s","%(slug)s"]}'
    )

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        super().__init__(stories, chooser, today)
        self._system, self._quiet_system, *self._wordings = [
            _wordings(
                self._SKELETON,
                _REPOSITORY,
                {"TITLE": [form.description], "TEXT": [*_sentences(form.readme), "\\n\\n", RELEASES]},
            )
            for form in (SYSTEM_FORM, QUIET_SYSTEM_FORM, *STORY_REPOSITORIES)
        ]

    def tell_system(self, latest: Story) -> str:
        """The repository of a system, with the latest story of it."""
        ((draw, digits),) = self._chooser.draw(b"system %s" % latest.facts[_SLUG].encode())
        return self._fill(self._system, latest.facts[_SLUG], latest, draw, digits)

    def tell_quiet_system(self, story: Story) -> str:
        """The repository of a system of which no story is told; `story` has its facts."""
        ((draw, digits),) = self._chooser.draw(b"system %s" % story.facts[_SLUG].encode())
        return self._fill(self._quiet_system, story.facts[_SLUG], story, draw, digits)

    def _tell(self, story: Story, slot: int, draw: tuple[int, ...], digits: str) -> str:
        return self._fill(self._wordings[slot], repository_name(story, slot), story, draw, digits)

    def _fill(self, wording: Wording, name: str, story: Story, draw: tuple[int, ...], digits: str) -> str:
        figures = self._figures(story, draw, digits)
        updated = min(story.day + draw[29] % 60, self._yesterday)
        edited = story.minutes[3] if updated == story.day else 9 * 60 + draw[30] % 480
        own = (
            name,
            self._stories.organization,
            str(draw[30] % 90),
            str(draw[31] % 40),
            self._stories.person(story.team, story.seats[0], self._yesterday).mail,
            self._stamp(updated, edited, draw[31]),
        )
        return wording.fill(draw[28] % VARIANTS, story.facts + figures + own)


def repository_name(story: Story, place: int) -> str:
    """The name of one of the repositories that were begun for a story."""
    return f"{story.facts[_SLUG]}-{STORY_REPOSITORIES[place].ending}-{story.number}"


TELLERS: Final[Mapping[DatasetType, Callable[[Stories, Chooser, int], Teller]]] = {
    DatasetType.SLACK_MESSAGES: MessageTeller,
    DatasetType.JIRA_ISSUES: IssueTeller,
    DatasetType.CONFLUENCE_PAGES: PageTeller,
    DatasetType.GITHUB_REPOS: RepositoryTeller,
}
