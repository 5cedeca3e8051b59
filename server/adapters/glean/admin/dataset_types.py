"""Dataset types in the Admin dialect: what their documents are called, and how their connectors sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, assert_never

from domain.model import DatasetType

ObjectType: TypeAlias = Literal["CONFLUENCE_PAGE", "GITHUB_REPOSITORY", "SLACK_MESSAGE", "JIRA_ISSUE"]
"""What the API calls a document."""


@dataclass(frozen=True, slots=True)
class AdminType:
    """Admin type: the object type of a type's documents, and the kind of credential of its connector."""

    object_type: ObjectType
    authentication: str


def _admin_type(dataset_type: DatasetType) -> AdminType:
    match dataset_type:
        case DatasetType.CONFLUENCE_PAGES:
            return AdminType("CONFLUENCE_PAGE", "API_TOKEN")
        case DatasetType.GITHUB_REPOS:
            return AdminType("GITHUB_REPOSITORY", "PAT")
        case DatasetType.SLACK_MESSAGES:
            return AdminType("SLACK_MESSAGE", "OAUTH")
        case DatasetType.JIRA_ISSUES:
            return AdminType("JIRA_ISSUE", "API_TOKEN")
    assert_never(dataset_type)


ADMIN_TYPES: Final = {each.value: _admin_type(each) for each in DatasetType}
"""By the type of a neutral document."""
AUTHENTICATION: Final = {each.connector_kind: ADMIN_TYPES[each.value].authentication for each in DatasetType}
"""How each connector signs in, by its kind."""
