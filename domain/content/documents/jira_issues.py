"""Jira issues: an issue in a project."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from domain.content.documents.kinds import (
    UNKNOWN,
    ClientSite,
    DocumentFields,
    Id,
    Instant,
    RecordKind,
    Text,
    Texts,
    build_urls,
)
from domain.content.documents.neutral import EVERYONE, Body, Document, Properties
from domain.content.documents.repair.people import parse_person
from domain.content.markup import clean_issue_description
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, UrlForm, authentication_forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.content.documents.neutral import Author


class JiraIssue(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """An issue as exported; `assignee` and `reporter` are e-mail addresses or names, the project is in the key.

    `description` is plain text, wiki markup or HTML, or JSON text of a document in ADF.
    """

    key: Id
    summary: Text
    description: str | None
    status: Text
    assignee: str | None
    project: str | None = None
    priority: str | None = None
    updated: Instant | None = None
    reporter: str | None = None
    created: Instant | None = None
    url: str | None = None
    labels: Texts | None = None
    issue_type: str | None = None
    references: Texts | None = None


_UNASSIGNED: Final = "unassigned"
_UNASSIGNED_AUTHOR: Final = parse_person(_UNASSIGNED.capitalize())
"""Glean accepts no document without an author."""


class _Properties(Properties):
    status: str
    priority: str | None = None
    assignee: str | None = None
    issue_type: str | None = None
    labels: Texts | None = None


def _build_documents(records: Sequence[JiraIssue], site: ClientSite) -> list[Document]:
    assignees = [_parse_assignee(each.assignee) if each.assignee else None for each in records]
    urls = build_urls(records, site.url, "browse/{key}")
    return [
        Document(
            "jira_issues",
            record.key,
            record.summary or record.key,
            Body("text/plain", clean_issue_description(record.description or "")),
            record.project or record.key.rpartition("-")[0] or UNKNOWN,
            parse_person(record.reporter) if record.reporter else assignee or _UNASSIGNED_AUTHOR,
            url,
            EVERYONE,
            record.updated,
            record.created,
            _Properties(
                record.status,
                record.priority or None,
                assignee.email if assignee else None,
                record.issue_type or None,
                record.labels or None,
            ),
            record.references or (),
        )
        for record, assignee, url in zip(records, assignees, urls, strict=True)
    ]


@lru_cache(maxsize=8192)
def _parse_assignee(text: str) -> Author | None:
    """The person that a text means; None for nobody."""
    if "@" not in text and text.strip().casefold() in {"", _UNASSIGNED}:
        return None
    return parse_person(text)


KIND: Final = RecordKind(
    record=JiraIssue,
    identifiers=("key",),
    documents=_build_documents,
    connector=ConnectorSchema(
        label="Jira",
        config={
            "baseUrl": UrlForm(),
            "projectKeys": NameListForm(
                re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}"),
                "must be a project key: a letter, then letters, digits and '_'",
            ),
            "authentication": authentication_forms("API_TOKEN"),
            "syncSettings": SYNC_SCHEDULES,
        },
    ),
    shape=re.compile(r"[A-Z][A-Z0-9_]*-\d+"),
    also="assignee",
    document_fields=DocumentFields(
        title="summary",
        body="description",
        container="project or key",
        author="reporter or assignee",
        updated="updated",
        references="references",
    ),
    people=frozenset({"assignee", "reporter"}),
    readings={
        "key": (("key", "issue_key"), ("id", "issue_id")),
        "summary": (("summary", "issue_summary"), ("title",)),
        "description": (("description", "issue_description"),),
        "status": (("status", "issue_status"),),
        "assignee": (("assignee_email",), ("assignee", "assignee_name", "assigned_to")),
        "project": (("project_key",), ("project",)),
        "priority": (("priority", "issue_priority"),),
        "updated": (("updated", "updated_at", "last_updated", "updated_date"),),
        "reporter": (("reporter_email",), ("reporter", "reporter_name"), ("creator", "author")),
        "created": (("created", "created_at", "created_date"),),
        "url": (("url", "web_url", "link"),),
        "labels": (("labels", "label", "tags"),),
        "issue_type": (("issue_type", "type"),),
        "references": (("references", "linked_issues"),),
    },
    stand_ins={"status": UNKNOWN},
)
