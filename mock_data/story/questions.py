"""The golden questions, each with the records that hold the sentence which answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_data.story.formats import Records
    from mock_data.story.world import Question, World

# By type: what the document of a record is known by, and the record's text.
_FIELDS: Final = {
    "confluence_pages": ("{page_id}", "body"),
    "github_repos": ("{owner}/{name}", "readme"),
    "slack_messages": ("{message_id}", "text"),
    "jira_issues": ("{key}", "description"),
}


def golden_questions(world: World, records: Mapping[str, Records]) -> list[dict[str, object]]:
    """Return the questions of a world as they stand in `questions.json`."""
    return [
        {"question": question.text, "documents": _answers(world, question, records)}
        for subject in world.subjects
        for question in subject.questions
    ]


def _answers(world: World, question: Question, records: Mapping[str, Records]) -> dict[str, list[str]]:
    told = world.told(question.about)
    sentence = told.cause if question.answer == "cause" else told.mitigation
    return {
        dataset_type: [
            identifier.format_map(record) for record in records[dataset_type] if sentence in str(record[text])
        ]
        for dataset_type, (identifier, text) in _FIELDS.items()
    }
