"""Object types: what a document of each type is called in a custom datasource, when it is pushed and when it is found."""

from __future__ import annotations

from typing import Final

from domain.model import DatasetType

OBJECT_TYPES: Final = {
    DatasetType.CONFLUENCE_PAGES.value: "Page",
    DatasetType.GITHUB_REPOS.value: "Repository",
    DatasetType.SLACK_MESSAGES.value: "Message",
    DatasetType.JIRA_ISSUES.value: "Issue",
}
