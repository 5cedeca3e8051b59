"""Object types of a custom datasource, by dataset type; used to push documents and to read search results."""

from __future__ import annotations

from typing import Final

from domain.model import DatasetType

OBJECT_TYPES: Final = {
    DatasetType.CONFLUENCE_PAGES.value: "Page",
    DatasetType.GITHUB_REPOS.value: "Repository",
    DatasetType.SLACK_MESSAGES.value: "Message",
    DatasetType.JIRA_ISSUES.value: "Issue",
}
