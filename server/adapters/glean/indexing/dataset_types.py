"""Dataset types in the Indexing dialect: what Glean is to take their datasources, documents and containers for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from domain.model import DatasetType


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDefinition:
    """Object definition: what documents or containers are called, and their category."""

    name: str
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingType:
    """Indexing type: the category of a type's datasource, its documents and, where Glean has some, its containers.

    The categories are those of https://developers.glean.com/api-info/indexing/datasource/category; a `preset` shows
    results like those of that product.
    """

    category: str
    document: ObjectDefinition
    container: ObjectDefinition | None = None
    preset: str | None = None


def _indexing_type(dataset_type: DatasetType) -> IndexingType:
    match dataset_type:
        case DatasetType.CONFLUENCE_PAGES:
            return _with_containers("KNOWLEDGE_HUB", "Page", "Space")
        case DatasetType.GITHUB_REPOS:
            return IndexingType(
                category="CODE_REPOSITORY",
                document=ObjectDefinition(name="Repository", category="CODE_REPOSITORY"),
            )
        case DatasetType.SLACK_MESSAGES:
            return _with_containers("MESSAGING", "Message", "Channel")
        case DatasetType.JIRA_ISSUES:
            return _with_containers("TICKETS", "Issue", "Project", preset="jira")
    assert_never(dataset_type)


def _with_containers(category: str, document: str, container: str, preset: str | None = None) -> IndexingType:
    """A type whose datasource, documents and containers are of one category."""
    return IndexingType(
        category=category,
        document=ObjectDefinition(name=document, category=category),
        container=ObjectDefinition(name=container, category=category),
        preset=preset,
    )


INDEXING_TYPES: Final = {each.value: _indexing_type(each) for each in DatasetType}
"""By the type of a neutral document."""
INDEXING_KINDS: Final = {each.connector_kind: INDEXING_TYPES[each.value] for each in DatasetType}
"""By the kind of a connector."""
OBJECT_TYPES: Final = tuple(each.document.name for each in INDEXING_TYPES.values())
"""What documents are called, whatever their type."""
