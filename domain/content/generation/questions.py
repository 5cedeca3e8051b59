"""Golden questions about a made-up company: derived from the facts of its stories, so that their answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content.generation.story import KINDS, SLOTS
from domain.content.generation.telling import message_id, repository_name
from domain.model import DatasetType, GoldenQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content.generation.company import Company
    from domain.content.generation.story import Story

_EACH: Final = 2
"""How many stories of each kind are asked about."""
_SEARCHED: Final = 300
"""How many stories are searched for them."""


class _Question(NamedTuple):
    """A question about stories of one kind.

    `asks` is what kind of question it is, and `answers` are the places of the records that answer it among the four of
    a type; `SYSTEM` is the repository of the story's system.
    """

    asks: str
    about: str
    text: str
    answers: tuple[int, ...]


_SYSTEM: Final = -1
_ALL: Final = (0, 1, 2, 3)
_QUESTIONS: Final = {
    DatasetType.CONFLUENCE_PAGES: (
        _Question(
            "why",
            "incident",
            "Why did %(sys)s show %(symptom)s to %(party)s in %(place)s on %(date)s?",
            (0, 2),
        ),
        _Question(
            "several", "incident", "What do review and runbook of %(key0)s say about %(symptom)s?", (0, 1)
        ),
        _Question("look-up", "release", "How do %(party)s use %(goal)s in %(sys)s %(ver)s?", (0, 1, 3)),
        _Question(
            "newer", "decision", "For how many days does the %(comp)s of %(sys)s keep %(data)s now?", (1,)
        ),
        _Question("why", "decision", "Why does %(sys)s use %(option)s and not %(option2)s?", (0, 2)),
        _Question(
            "when", "migration", "By when does the plan of %(key0)s move %(sys)s to %(option)s?", (0, 3)
        ),
        _Question(
            "look-up", "question", "What are the %(topic)s in %(sys)s for %(party)s in %(place)s?", (0, 1, 3)
        ),
        _Question(
            "limit",
            "question",
            "Which limit do %(topic)s of %(sys)s have for %(party)s in %(place)s, and which in %(place2)s?",
            (0, 3),
        ),
        _Question(
            "who", "incident", "Whom do we ask about %(symptom)s and the %(comp)s since %(key0)s?", _ALL
        ),
    ),
    DatasetType.JIRA_ISSUES: (
        _Question(
            "look-up",
            "incident",
            "Which issue is about %(symptom)s of %(party)s in %(place)s in %(sys)s?",
            (0, 3),
        ),
        _Question("several", "incident", "Which tasks follow from %(key0)s?", (1, 2, 3)),
        _Question(
            "why", "incident", "Why did %(symptom)s reach %(party)s in %(place)s with %(sys)s?", (0, 3)
        ),
        _Question(
            "who", "release", "Who wanted %(goal)s for %(party)s in %(place)s with %(sys)s %(ver)s?", (0, 1)
        ),
        _Question(
            "who", "decision", "Who decides between %(option)s and %(option2)s for %(sys)s?", (0, 1, 2)
        ),
        _Question(
            "newer", "decision", "For how many days does the %(comp)s of %(sys)s keep %(data)s now?", (3,)
        ),
        _Question(
            "when", "migration", "When does %(key0)s move the %(data)s of %(sys)s to %(option)s?", (0, 1)
        ),
        _Question(
            "limit",
            "question",
            "Which limit do %(topic)s of %(sys)s have for %(party)s in %(place)s?",
            (0, 1),
        ),
    ),
    DatasetType.SLACK_MESSAGES: (
        _Question(
            "when", "incident", "Since when does %(sys)s show %(symptom)s to %(party)s in %(place)s?", (0,)
        ),
        _Question("why", "incident", "What is the cause of %(key0)s?", (2,)),
        _Question("several", "incident", "What was said about %(key0)s?", _ALL),
        _Question("when", "release", "When did %(sys)s %(ver)s bring %(goal)s to %(party)s?", (0,)),
        _Question("who", "decision", "Who proposed %(option)s instead of %(option2)s for %(sys)s?", (0, 2)),
        _Question("look-up", "migration", "What moves %(sys)s from %(option2)s to %(option)s?", (0,)),
        _Question(
            "who", "question", "Who asked about %(topic)s in %(sys)s for %(party)s in %(place)s?", (0, 2)
        ),
        _Question(
            "limit", "question", "Which limit do %(topic)s have for %(party)s since %(sys)s %(ver)s?", (2,)
        ),
    ),
    DatasetType.GITHUB_REPOS: (
        _Question("several", "incident", "Which repositories came from %(key0)s?", _ALL),
        _Question("who", "release", "Who keeps what was begun for %(key0)s?", _ALL),
        _Question("look-up", "decision", "Which service of %(team)s %(purpose)s?", (_SYSTEM,)),
        _Question("look-up", "migration", "Which tools came from %(key0)s?", _ALL),
        _Question("why", "question", "Why was a repository begun for %(key0)s?", _ALL),
    ),
}
_NOT_THERE: Final = (
    "Why did %(nowhere)s show %(symptom)s to %(party)s in %(place)s?",
    "Who decided between %(nowhere)s and %(option)s for %(sys)s?",
)
"""Questions about a system that the company does not have; nothing answers them."""


def derive_questions(company: Company, dataset_type: DatasetType) -> Sequence[GoldenQuestion]:
    """The questions about the latest stories of each kind that records of a type answer, and some that none does."""
    found: dict[str, list[Story]] = {kind: [] for kind in KINDS}
    for story, _ in zip(company.latest_stories(), range(_SEARCHED), strict=False):
        if len(found[story.kind]) < _EACH:
            found[story.kind].append(story)
    # Two stories may be of one system, about which nothing is asked twice.
    asked = {
        question.text % _facts(story): _answers(company, story, dataset_type, question)
        for kind in KINDS
        for story in found[kind]
        for question in _QUESTIONS[dataset_type]
        if question.about == kind
    }
    latest = next((story for kind in KINDS for story in found[kind]), None)
    return [
        *(
            GoldenQuestion(position=position, text=text, documents=documents)
            for position, (text, documents) in enumerate(asked.items(), 1)
        ),
        *(_ask_for_nothing(company, latest, len(asked) + 1) if latest else ()),
    ]


def _ask_for_nothing(company: Company, story: Story, first: int) -> Iterator[GoldenQuestion]:
    for position, (text, name) in enumerate(zip(_NOT_THERE, company.absent_names, strict=False), first):
        facts = _facts(story) | {"nowhere": name}
        yield GoldenQuestion(position=position, text=text % facts, documents=(), absent=name)


def _facts(story: Story) -> dict[str, str]:
    return dict(zip(SLOTS, story.facts, strict=True))


def _answers(
    company: Company, story: Story, dataset_type: DatasetType, question: _Question
) -> tuple[str, ...]:
    ids, places = _IDS[dataset_type], question.answers
    # What is copied is answered by the copy as well, and a search may find that first.
    copied = company.copied_place(dataset_type, story) if 0 in places else None
    if copied is not None and copied not in places:
        places = (*places, copied)
    return tuple(ids(company, story, each) for each in places)


def _page_id(_: Company, story: Story, place: int) -> str:
    return story.facts[SLOTS.index("page0") + place]


def _issue_key(_: Company, story: Story, place: int) -> str:
    return story.facts[SLOTS.index("key0") + place]


def _message_id(_: Company, story: Story, place: int) -> str:
    return message_id(story, place)


def _repository_id(company: Company, story: Story, place: int) -> str:
    name = story.facts[SLOTS.index("slug")] if place == _SYSTEM else repository_name(story, place)
    return f"{company.stories.organization}/{name}"


_IDS: Final = {
    DatasetType.CONFLUENCE_PAGES: _page_id,
    DatasetType.JIRA_ISSUES: _issue_key,
    DatasetType.SLACK_MESSAGES: _message_id,
    DatasetType.GITHUB_REPOS: _repository_id,
}
