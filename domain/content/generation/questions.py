"""Golden questions about a made-up company: derived from the facts of its stories, so that their answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content.generation.story import KINDS, SLOTS
from domain.content.generation.telling import message_id, repository_name
from domain.model import DatasetType, GoldenQuestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.content.generation.company import Company
    from domain.content.generation.story import Story

_EACH: Final = 2
"""How many stories of each kind are asked about."""
_SEARCHED: Final = 300
"""How many stories are searched for them."""


class _Question(NamedTuple):
    """A question about stories of one kind, and which of the four records of a type answer it."""

    text: str
    answers: tuple[int, ...]


_QUESTIONS: Final = {
    DatasetType.CONFLUENCE_PAGES: {
        "incident": _Question(
            "Why did %(sys)s show %(symptom)s to %(party)s in %(place)s on %(date)s?", (0, 2)
        ),
        "release": _Question("How do %(party)s use %(goal)s in %(sys)s %(ver)s?", (0, 1, 3)),
        "decision": _Question("For how many days does the %(comp)s of %(sys)s keep %(data)s now?", (1,)),
        "migration": _Question("When does %(sys)s leave %(option2)s for %(option)s?", (0, 3)),
        "question": _Question("What are the %(topic)s in %(sys)s for %(party)s in %(place)s?", (0, 1, 3)),
    },
    DatasetType.JIRA_ISSUES: {
        "incident": _Question(
            "Which issue is about %(symptom)s of %(party)s in %(place)s in %(sys)s?", (0, 3)
        ),
        "release": _Question("Who wanted %(goal)s for %(party)s in %(place)s with %(sys)s %(ver)s?", (0, 1)),
        "decision": _Question("Who decides between %(option)s and %(option2)s for %(sys)s?", (0, 1, 2)),
        "migration": _Question("What moves %(sys)s from %(option2)s to %(option)s?", (0, 1)),
        "question": _Question("How do %(topic)s of %(sys)s differ for %(party)s in %(place)s?", (0, 1)),
    },
    DatasetType.SLACK_MESSAGES: {
        "incident": _Question("Since when does %(sys)s show %(symptom)s to %(party)s in %(place)s?", (0,)),
        "release": _Question("When did %(sys)s %(ver)s bring %(goal)s to %(party)s?", (0,)),
        "decision": _Question("Who proposed %(option)s instead of %(option2)s for %(sys)s?", (0, 2)),
        "migration": _Question("What moves %(sys)s from %(option2)s to %(option)s?", (0,)),
        "question": _Question("Who asked about %(topic)s in %(sys)s for %(party)s in %(place)s?", (0, 2)),
    },
    DatasetType.GITHUB_REPOS: {
        "incident": _Question("Which repository came from %(key0)s?", (0, 1, 2, 3)),
        "release": _Question("Which repositories came from %(key0)s?", (0, 1, 2, 3)),
        "decision": _Question("Which repository came from %(key0)s?", (0, 1, 2, 3)),
        "migration": _Question("Which tools came from %(key0)s?", (0, 1, 2, 3)),
        "question": _Question("Which repository was begun for %(key0)s?", (0, 1, 2, 3)),
    },
}


def derive_questions(company: Company, dataset_type: DatasetType) -> Sequence[GoldenQuestion]:
    """The questions that the records of a type answer, about the latest stories of each kind."""
    found: dict[str, list[Story]] = {kind: [] for kind in KINDS}
    for story, _ in zip(company.latest_stories(), range(_SEARCHED), strict=False):
        if len(found[story.kind]) < _EACH:
            found[story.kind].append(story)
    asked = [story for kind in KINDS for story in found[kind]]
    return [
        GoldenQuestion(
            position=position,
            text=_ask(story, dataset_type),
            documents=_answers(company, story, dataset_type),
        )
        for position, story in enumerate(asked, 1)
    ]


def _ask(story: Story, dataset_type: DatasetType) -> str:
    return _QUESTIONS[dataset_type][story.kind].text % dict(zip(SLOTS, story.facts, strict=True))


def _answers(company: Company, story: Story, dataset_type: DatasetType) -> tuple[str, ...]:
    ids = _IDS[dataset_type]
    return tuple(ids(company, story, each) for each in _QUESTIONS[dataset_type][story.kind].answers)


def _page_id(_: Company, story: Story, place: int) -> str:
    return story.facts[SLOTS.index("page0") + place]


def _issue_key(_: Company, story: Story, place: int) -> str:
    return story.facts[SLOTS.index("key0") + place]


def _message_id(_: Company, story: Story, place: int) -> str:
    return message_id(story, place)


def _repository_id(company: Company, story: Story, place: int) -> str:
    return f"{company.stories.organization}/{repository_name(story, place)}"


_IDS: Final = {
    DatasetType.CONFLUENCE_PAGES: _page_id,
    DatasetType.JIRA_ISSUES: _issue_key,
    DatasetType.SLACK_MESSAGES: _message_id,
    DatasetType.GITHUB_REPOS: _repository_id,
}
