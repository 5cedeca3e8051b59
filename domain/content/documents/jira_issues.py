"""Jira issues: an issue in a project."""

from __future__ import annotations

import re
from typing import Any, Final

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
    encode_path,
)
from domain.content.documents.neutral import EVERYONE, Body, Document
from domain.content.documents.repair.people import parse_person
from domain.content.markup import clean_issue_description
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, UrlForm, authentication_forms


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


def _build_document(record: JiraIssue, site: ClientSite) -> Document:
    assignee = record.assignee
    if assignee and "@" not in assignee and assignee.strip().casefold() in {"", _UNASSIGNED}:
        assignee = None
    # Glean accepts no document without an author.
    author = person = parse_person(assignee or _UNASSIGNED.capitalize())
    if record.reporter:
        author = parse_person(record.reporter)
    properties: dict[str, Any] = {"status": record.status}
    if record.priority:
        properties["priority"] = record.priority
    if assignee:
        properties["assignee"] = person.email
    if record.issue_type:
        properties["issue_type"] = record.issue_type
    if record.labels:
        properties["labels"] = record.labels
    return Document(
        "jira_issues",
        record.key,
        record.summary or record.key,
        Body("text/plain", clean_issue_description(record.description or "")),
        record.project or record.key.rpartition("-")[0] or UNKNOWN,
        author,
        record.url or f"{site.url}/{encode_path('browse', record.key)}",
        EVERYONE,
        record.updated,
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
