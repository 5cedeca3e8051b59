"""Phrases: the sentences in which records tell of stories, with slots for facts.

A module for each kind of story has the four messages, issues and pages that tell of one. A `Family` are sentences that
say the same in other words; a record takes one of each family in turn. Nearly every sentence has a slot for a fact of
its own, so that sentences seldom repeat; `tests/unit/domain/content/generation` measures it.
"""

from domain.content.generation.phrases import decision, incident, migration, question, release
from domain.content.generation.phrases.forms import Family, IssueForm, PageForm, StoryForms
from domain.content.generation.phrases.repositories import (
    QUIET_SYSTEM_FORM,
    STORY_REPOSITORIES,
    SYSTEM_FORM,
    RepositoryForm,
)

STORY_FORMS = {
    "incident": incident.FORMS,
    "release": release.FORMS,
    "decision": decision.FORMS,
    "migration": migration.FORMS,
    "question": question.FORMS,
}

__all__ = [
    "QUIET_SYSTEM_FORM",
    "STORY_FORMS",
    "STORY_REPOSITORIES",
    "SYSTEM_FORM",
    "Family",
    "IssueForm",
    "PageForm",
    "RepositoryForm",
    "StoryForms",
]
