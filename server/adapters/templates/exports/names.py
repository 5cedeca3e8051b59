"""Names of an export's records: ids, containers and what refers to them, on one line, as a dataset needs them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.content import join_to_one_line
from domain.model import DatasetType

if TYPE_CHECKING:
    from server.adapters.templates.exports.report import ImportTally
    from server.adapters.templates.exports.vendors.export import Record

_NAMES: Final = MappingProxyType(
    {
        DatasetType.CONFLUENCE_PAGES: ("page_id", "space_key", "parent_id"),
        DatasetType.GITHUB_REPOS: ("name", "owner"),
        DatasetType.SLACK_MESSAGES: ("message_id", "channel", "thread"),
        DatasetType.JIRA_ISSUES: ("key", "project"),
    }
)
"""The fields of each type that name a record or what it is in."""


def clean_names(dataset_type: DatasetType, record: Record, tally: ImportTally) -> None:
    """Put the names of a record on one line, which is counted: a dataset takes none with a control character."""
    for field in _NAMES[dataset_type]:
        name = record[field]
        if name is not None and (cleaned := join_to_one_line(name)) is not name:
            record[field] = cleaned
            tally.notes[f"control character in {field}, taken out"] += 1
