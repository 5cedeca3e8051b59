"""Telling: the records of each type that tell of a story, as a function of its facts and of figures of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

from domain.content.generation.calendar import CLOCK, MINUTES
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
from domain.content.generation.phrases.wording import Wording, lay_out
from domain.content.generation.story import SLOTS, TOLD
from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from domain.content.generation.choices import Chooser
    from domain.content.generation.phrases import Family, IssueForm, PageForm, RepositoryForm
    from domain.content.generation.phrases.wording import Layout
    from domain.content.generation.story import Stories, Story

_UNIX_DAYS: Final = 10_959
"""From the first day of Unix time to the first Monday of the calendar."""
_STATUSES: Final = ("To Do", "In Progress", "In Review", "Done")
_PRIORITIES: Final = ("Highest", "High", "High", "Medium", "Medium", "Medium", "Low")
_TIMES: Final = ("t0", "t1", "between", "t2")
"""When the records of a story are written, one after the other."""
_SLUG: Final = SLOTS.index("slug")
_UPDATES: Final = ("updated0", "updated1", "updated2", "updated3")
_REPOSITORY_FACTS: Final = (*SLOTS, *_UPDATES, "owner", "maintainer")


class Teller(ABC):
    """Tells the stories of a company, in records of one type.

    Args:
        stories: the stories.
        chooser: the choices of the company.
        today: the day on which the company is shown; what would happen later has not happened yet.
    """

    thing: ClassVar[bytes]

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        self._stories = stories
        self._chooser = chooser
        self._yesterday = today - 1

    def tell(self, story: Story) -> str:
        """The four records that tell of a story, as lines of JSON."""
        variant = self._wording(story).variant(story.variant)
        drawn = self._chooser.draw_many(self.thing % story.number, variant.size)
        return variant.fill(story.facts, self._find_facts(story, drawn), drawn)

    @abstractmethod
    def _wording(self, story: Story) -> Wording:
        """In which words a story is told."""

    @abstractmethod
    def _find_facts(self, story: Story, drawn: bytes) -> Sequence[str]:
        """What the records of this type tell beside the facts of the story, with the bytes that were drawn for it."""

    def _find_updates(self, story: Story, drawn: bytes, within: int) -> list[str]:
        """When each record of a story was updated: on its day, or within so many days of it."""
        begun, yesterday, dates = story.day, self._yesterday, self._stories.iso_dates
        updates = []
        for created, later, minute in zip(story.minutes, drawn, drawn[TOLD:], strict=False):
            day = begun + later % within
            if begun < day <= yesterday:
                updates.append(f"{dates[day]}T{CLOCK[9 * 60 + 2 * minute]}")
            else:
                updates.append(f"{dates[begun]}T{CLOCK[created + 5]}")
        return updates


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

    def _wording(self, story: Story) -> Wording:
        return _messages(story.kind)

    def _find_facts(self, story: Story, drawn: bytes) -> Sequence[str]:  # noqa: ARG002 - nothing is left to chance
        asks = self._stories.person(story.team, story.lead + 4, story.day)
        return *_message_ids(story), *asks, f"{story.number % 60:02d}"


@cache
def _messages(kind: str) -> Wording:
    messages = STORY_FORMS[kind].messages
    layouts = [_message(kind, families, place) for place, families in enumerate(messages)]
    return Wording(layouts, [*SLOTS, "id0", "id1", "id2", "id3", "asker", "askermail", "seconds"])


def _message(kind: str, families: Sequence[Family], place: int) -> Layout:
    room = "incidents" if kind == "incident" else "%(channel)s"
    author = "asker" if kind == "question" and place in {0, 3} else ("lead", "second")[place % 2]
    thread = ',"thread":"%(id0)s"}' if place else "}"
    return lay_out(
        f'{{"message_id":"%(id{place})s","text":"%(TEXT)s","channel":"{room}","author":"%({author}mail)s",'
        f'"author_name":"%({author})s","timestamp":"%(iso)sT%({_TIMES[place]})s:%(seconds)sZ"{thread}',
        {"TEXT": [*_sentences(families), " ", LOGGED if place in {1, 2} else TRACED]},
    )


def _message_ids(story: Story) -> list[str]:
    """The id of each message: the second in which it is written, and six digits that count them."""
    number = story.number
    first = ((_UNIX_DAYS + story.day) * MINUTES * 60 + number % 60) * 1_000_000 + number * TOLD % 1_000_000
    return [f"p{first + minute * 60_000_000 + place}" for place, minute in enumerate(story.minutes)]


def message_id(story: Story, place: int) -> str:
    """The id of one of the messages of a story."""
    return _message_ids(story)[place]


class IssueTeller(Teller):
    """The issues of a story: the first is its own, and the others follow from it."""

    thing = b"issue %d"

    def _wording(self, story: Story) -> Wording:
        return _issues(story.kind)

    def _find_facts(self, story: Story, drawn: bytes) -> Sequence[str]:
        facts: list[str] = []
        for place, form in enumerate(STORY_FORMS[story.kind].issues):
            facts += self._find_progress(story, form, place, drawn[place * 4 : place * 4 + 4])
        return facts

    def _find_progress(self, story: Story, form: IssueForm, place: int, drawn: bytes) -> tuple[str, ...]:
        """The status of an issue, when it changed, its assignee and its priority."""
        yesterday, choice = self._yesterday, drawn[1]
        begun = story.day + form.begun_after
        done = begun + drawn[0] % (form.done_after - form.begun_after + 1)
        if done <= yesterday:
            status, updated = _STATUSES[3], done
        elif begun < yesterday:
            status, updated = _STATUSES[1 + choice % 2], begun + choice % (yesterday - begun)
        else:
            status, updated = _STATUSES[0], story.day
        minute = story.minutes[place] + 3 if updated == story.day else 8 * 60 + drawn[2] * 2
        assignee = self._stories.person(story.team, drawn[3], min(done, yesterday))
        moment = f"{self._stories.iso_dates[updated]}T{CLOCK[minute]}"
        return status, moment, assignee.mail, _PRIORITIES[choice % 7]


@cache
def _issues(kind: str) -> Wording:
    own = [
        f"{name}{place}" for place in range(TOLD) for name in ("status", "updated", "assignee", "priority")
    ]
    layouts = [_issue(kind, form, place) for place, form in enumerate(STORY_FORMS[kind].issues)]
    return Wording(layouts, [*SLOTS, *own])


def _issue(kind: str, form: IssueForm, place: int) -> Layout:
    follows = ',"references":["%(key0)s"]}' if place else "}"
    return lay_out(
        f'{{"key":"%(key{place})s","summary":"%(TITLE)s","description":"%(TEXT)s","status":"%(status{place})s",'
        f'"assignee":"%(assignee{place})s","reporter":"%(leadmail)s","priority":"%(priority{place})s",'
        f'"issue_type":"{form.issue_type}","created":"%(iso)sT%({_TIMES[place]})s:%(s)sZ",'
        f'"updated":"%(updated{place})s:%(s)sZ","labels":["{kind}","%(slug)s"]{follows}',
        {
            "TITLE": [form.summary],
            "TEXT": [
                *_sentences([_name_another(family, place) for family in form.description]),
                "\\n\\n",
                LOGS if form.issue_type in {"Bug", "Incident"} else FILES,
                "\\n\\n",
                "Follows from %(key0)s: %(issue0)s" if place else "Page: %(link0)s",
            ],
        },
    )


class PageTeller(Teller):
    """The pages of a story: the first is its own, and the others follow from it."""

    thing = b"page %d"

    def _wording(self, story: Story) -> Wording:
        return _pages(story.kind)

    def _find_facts(self, story: Story, drawn: bytes) -> Sequence[str]:
        return self._find_updates(story, drawn, 30)


@cache
def _pages(kind: str) -> Wording:
    layouts = [_page(form, place) for place, form in enumerate(STORY_FORMS[kind].pages)]
    return Wording(layouts, [*SLOTS, *_UPDATES])


def _page(form: PageForm, place: int) -> Layout:
    author = ("lead", "second", "writer")[place % 3]
    parent = '"parent_id":"%(page0)s",' if place else ""
    about = (
        f'{parent}"author_email":"%({author}mail)s","author_name":"%({author})s",'
        f'"created":"%(iso)sT%({_TIMES[place]})s:%(s)sZ","last_modified":"%(updated{place})s:%(s)sZ"'
    )
    return lay_out_page(form, place, about, (ANNEXES, BELONGS))


def lay_out_page(form: PageForm, place: int, about: str, end: Sequence[Family]) -> Layout:
    """The page at that place of a story: its sections, and what stands at its end.

    `about` are the members of its JSON that tell who wrote it, and when.
    """
    text: list[Family | str] = []
    for heading, families in form.sections:
        text += [f"<h2>{heading}</h2><p>" if heading else "<p>", *_sentences(families), "</p>"]
    text += [tuple(each.replace("%(page)s", f"%(page{place})s") for each in family) for family in end]
    return lay_out(
        f'{{"page_id":"%(page{place})s","title":"%(TITLE)s","body":"%(TEXT)s","space_key":"%(project)s",'
        f'{about},"labels":["{form.label}","%(slug)s"]}}',
        {"TITLE": [form.title], "TEXT": text},
    )


class RepositoryTeller(Teller):
    """The repositories that were begun for a story."""

    thing = b"repository %d"

    def tell_system(self, latest: Story) -> str:
        """The repository of a system, with the latest story of it."""
        return self._tell_system(latest, SYSTEM_FORM)

    def tell_quiet_system(self, story: Story) -> str:
        """The repository of a system of which no story is told; `story` has its facts."""
        return self._tell_system(story, QUIET_SYSTEM_FORM)

    def _tell_system(self, story: Story, form: RepositoryForm) -> str:
        variant = _system(form).variant(story.variant)
        drawn = self._chooser.draw_many(b"system %s" % story.facts[_SLUG].encode(), variant.size)
        return variant.fill(story.facts, self._find_facts(story, drawn), drawn)

    def _wording(self, story: Story) -> Wording:  # noqa: ARG002 - those of all stories are alike
        return _repositories()

    def _find_facts(self, story: Story, drawn: bytes) -> Sequence[str]:
        maintainer = self._stories.person(story.team, story.lead, self._yesterday)
        return *self._find_updates(story, drawn, 60), self._stories.organization, maintainer.mail


@cache
def _repositories() -> Wording:
    layouts = [
        _repository(form, f"%(slug)s-{form.ending}-%(number)s", place)
        for place, form in enumerate(STORY_REPOSITORIES)
    ]
    return Wording(layouts, _REPOSITORY_FACTS)


@cache
def _system(form: RepositoryForm) -> Wording:
    return Wording([_repository(form, "%(slug)s", 0)], _REPOSITORY_FACTS)


def _repository(form: RepositoryForm, name: str, place: int) -> Layout:
    return lay_out(
        f'{{"name":"{name}","owner":"%(owner)s","description":"%(TITLE)s","language":"%(language)s",'
        f'"stars":%(stars)s,"issues":%(open)s,"readme":"# {name}\\n\\n%(TEXT)s",'
        f'"updated_at":"%(updated{place})s:%(s)sZ","maintainer_email":"%(maintainer)s",'
        '"topics":["%(channel)s","%(slug)s"]}',
        {"TITLE": [form.description], "TEXT": [*_sentences(form.readme), "\\n\\n", RELEASES]},
    )


def repository_name(story: Story, place: int) -> str:
    """The name of one of the repositories that were begun for a story."""
    return f"{story.facts[_SLUG]}-{STORY_REPOSITORIES[place].ending}-{story.number}"


TELLERS: Final[Mapping[DatasetType, Callable[[Stories, Chooser, int], Teller]]] = {
    DatasetType.SLACK_MESSAGES: MessageTeller,
    DatasetType.JIRA_ISSUES: IssueTeller,
    DatasetType.CONFLUENCE_PAGES: PageTeller,
    DatasetType.GITHUB_REPOS: RepositoryTeller,
}
