"""Values that an export does not have: what a record says instead, so that it fits its type."""

from __future__ import annotations

import html
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from domain.content import made_up_address
from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from server.adapters.templates.exports.vendors.export import Record

    Derive: TypeAlias = Callable[[Record], Any]

REQUIRED: Final = MappingProxyType(
    {
        DatasetType.CONFLUENCE_PAGES: (
            "page_id",
            "title",
            "body",
            "space_key",
            "author_email",
            "last_modified",
        ),
        DatasetType.GITHUB_REPOS: ("name", "description", "language", "stars", "issues"),
        DatasetType.SLACK_MESSAGES: ("message_id", "text", "channel", "author", "timestamp"),
        DatasetType.JIRA_ISSUES: ("key", "summary", "description", "status", "assignee"),
    }
)
"""The fields that every record has, with null where there is no value."""

STAND_INS: Final[Mapping[DatasetType, Mapping[str, Derive]]] = MappingProxyType(
    {
        DatasetType.CONFLUENCE_PAGES: {
            "body": lambda record: f"<p>{html.escape(record['title'], quote=False)}</p>",
            "author_email": lambda _: made_up_address("unknown"),
        }
    }
)
"""What stands for a value that an export may not have and that its type does not take as null."""


def complete_record(dataset_type: DatasetType, record: Record) -> Record:
    """The record with its required fields and stand-ins, and without optional fields that have no value."""
    for name, derive in STAND_INS.get(dataset_type, {}).items():
        if record.get(name) is None:
            record[name] = derive(record)
    required = REQUIRED[dataset_type]
    return {name: value for name, value in record.items() if value is not None or name in required}
