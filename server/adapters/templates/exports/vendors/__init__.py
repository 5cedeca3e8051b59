"""Vendors: one module for each kind of export, which makes a template's records of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.model import DatasetType
from server.adapters.templates.exports.vendors.confluence_rest import read_confluence_rest
from server.adapters.templates.exports.vendors.confluence_xml import read_confluence_xml
from server.adapters.templates.exports.vendors.github import read_github
from server.adapters.templates.exports.vendors.jira_csv import read_jira_csv
from server.adapters.templates.exports.vendors.jira_rest import read_jira_rest
from server.adapters.templates.exports.vendors.slack import read_slack_export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from server.adapters.templates.exports.vendors.export import Export, Record

PASSES: Final = 2
"""How often each importer reads its export: first what has to be known of all records, then the records."""


class Vendor(NamedTuple):
    """One kind of export: the type of its records, and the function that makes them."""

    dataset_type: DatasetType
    read: Callable[[Export], Iterator[Record]]


VENDORS: Final = MappingProxyType(
    {
        "jira-csv": Vendor(DatasetType.JIRA_ISSUES, read_jira_csv),
        "jira-rest": Vendor(DatasetType.JIRA_ISSUES, read_jira_rest),
        "slack-export": Vendor(DatasetType.SLACK_MESSAGES, read_slack_export),
        "confluence-rest": Vendor(DatasetType.CONFLUENCE_PAGES, read_confluence_rest),
        "confluence-xml": Vendor(DatasetType.CONFLUENCE_PAGES, read_confluence_xml),
        "github": Vendor(DatasetType.GITHUB_REPOS, read_github),
    }
)
"""The kinds of export by the names that the command takes."""
