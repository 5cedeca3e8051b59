"""Jira issues: an issue in a project."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from domain.content.documents.kinds import NOBODY, UNKNOWN, Id, Instant, RecordKind, Text, Texts
from domain.content.documents.neutral import EVERYONE, Author, Body, Document
from domain.content.markup import clean_issue_description
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, UrlForm, authentication_forms


class JiraIssue(msgspec.Struct, gc=False):
    """An issue as exported; `assignee` and `reporter` are e-mail addresses.

    `description` is plain text, wiki markup or HTML, or a document in ADF, as an object or as JSON text.
    """

    key: Id
    summary: Text
    description: Text | dict[str, Any]
    status: Text
    assignee: Text
    project: Text
    priority: Text
    updated: Instant
    reporter: str | None = None
    created: Instant | None = None
    url: str | None = None
    labels: Texts | None = None
    issue_type: str | None = None
    references: Texts | None = None


def _build_document(record: JiraIssue, site: str) -> Document:
    properties: dict[str, Any] = {
        "status": record.status,
        "priority": record.priority,
        "assignee": record.assignee,
    }
    if record.issue_type:
        properties["issue_type"] = record.issue_type
    if record.labels:
        properties["labels"] = record.labels
    return Document(
        "jira_issues",
        record.key,
        record.summary or record.key,
        Body("text/plain", clean_issue_description(record.description)),
        record.project,
        Author(record.reporter or record.assignee),
        record.url or f"{site}/browse/{record.key}",
        record.updated,
        EVERYONE,
        record.created,
        properties,
        record.references or (),
    )


KIND: Final = RecordKind(
    record=JiraIssue,
    identifiers=("key",),
    document=_build_document,
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
    spellings={
        "issue key": "key",
        "issue_key": "key",
        "id": "key",
        "type": "issue_type",
        "updated_at": "updated",
        "created_at": "created",
        "project_key": "project",
    },
    stand_ins={"project": UNKNOWN, "assignee": NOBODY},
)
