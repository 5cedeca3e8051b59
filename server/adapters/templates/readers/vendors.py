"""Vendors' own notations, recognised by the first record, the header or the first bytes of a file. No I/O.

The notations are those of the vendors' public references:
Jira's search (https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/),
Confluence's content (https://developer.atlassian.com/cloud/confluence/rest/v1/ and /v2/),
Slack's export (https://slack.com/help/articles/220556107), GitHub's GraphQL (https://docs.github.com/en/graphql).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Vendor(NamedTuple):
    """A vendor's notation: the kind by which it is imported, and what it is, in words."""

    kind: str
    what: str


JIRA_CSV: Final = Vendor("jira-csv", "Jira's CSV export")
JIRA_REST: Final = Vendor("jira-rest", "an answer of Jira's REST API")
SLACK_EXPORT: Final = Vendor("slack-export", "a Slack export")
SLACK_EXPORT_PART: Final = Vendor("slack-export", "a part of a Slack export")
CONFLUENCE_REST: Final = Vendor("confluence-rest", "an answer of Confluence's REST API")
CONFLUENCE_XML: Final = Vendor("confluence-xml", "a space exported from Confluence as XML")
GITHUB: Final = Vendor("github", "an answer of GitHub's API, or of `gh repo list --json`")

_BODY_FORMATS: Final = frozenset(
    {"storage", "view", "export_view", "styled_view", "editor", "anonymous_export_view", "atlas_doc_format"}
)
_GRAPHQL_ROOTS: Final = frozenset({"organization", "repositoryOwner", "search", "user", "viewer", "nodes"})
_XML_BEGIN: Final = b"<hibernate-generic"


def recognize_record(record: Mapping[str, Any]) -> Vendor | None:
    """The vendor in whose notation a record, or an object around records, is written; None when it is none of them."""
    return next((vendor for vendor, is_of in _RECORDS if is_of(record)), None)


def recognize_header(names: Iterable[str]) -> Vendor | None:
    """The vendor whose export has a header of these names."""
    known = {each.strip().casefold() for each in names}
    is_jira = "issue key" in known and (
        "issue id" in known or any(each.startswith("custom field (") for each in known)
    )
    return JIRA_CSV if is_jira else None


def recognize_text(begin: bytes) -> Vendor | None:
    """The vendor whose export, which is neither JSON nor CSV, begins with these bytes."""
    return CONFLUENCE_XML if _XML_BEGIN in begin else None


def import_action(vendor: Vendor) -> str:
    """What to do with a file in a vendor's notation."""
    what = "the whole folder or zip of it" if vendor is SLACK_EXPORT_PART else "it"
    return f"Import {what} with `dataset-lifecycle templates import {vendor.kind} SOURCE --to INDUSTRY/USE_CASE`."


def vendor_notation_error(name: str, vendor: Vendor) -> TemplateInvalidError:
    """The error for a template's file in a vendor's notation."""
    return TemplateInvalidError(
        f"{quote_foreign(name)} is {vendor.what}, which is not read as it is.",
        file=quote_foreign(name),
        suggested_action=import_action(vendor),
    )


def _is_jira_issue(record: Mapping[str, Any]) -> bool:
    if (
        isinstance(record.get("issues"), list)
        and {"startAt", "nextPageToken", "isLast", "expand"} & record.keys()
    ):
        return True
    return "key" in record and isinstance(record.get("fields"), dict)


def _is_confluence_page(record: Mapping[str, Any]) -> bool:
    body = record.get("body")
    if isinstance(body, dict) and _BODY_FORMATS.intersection(body):
        return True
    return "title" in record and "_links" in record and "status" in record


def _is_slack_message(record: Mapping[str, Any]) -> bool:
    # In an export the folder names the channel, so no message of one does.
    return "ts" in record and record.get("type") == "message" and "channel" not in record


def _is_github_node(record: Mapping[str, Any]) -> bool:
    data = record.get("data")
    if isinstance(data, dict) and _GRAPHQL_ROOTS.intersection(data):
        return True
    node = record.get("node")
    return bool({"nameWithOwner", "stargazerCount"}.intersection(node if isinstance(node, dict) else record))


_RECORDS: Final[tuple[tuple[Vendor, Callable[[Mapping[str, Any]], bool]], ...]] = (
    (JIRA_REST, _is_jira_issue),
    (CONFLUENCE_REST, _is_confluence_page),
    (SLACK_EXPORT_PART, _is_slack_message),
    (GITHUB, _is_github_node),
)
