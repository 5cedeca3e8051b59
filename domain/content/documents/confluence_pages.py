"""Confluence pages: a page in a space."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from domain.content.documents.kinds import (
    NOBODY,
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
from domain.content.markup import clean_page_body
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, UrlForm, authentication_forms


class ConfluencePage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A page as exported; `body` is HTML, or Confluence's storage format."""

    page_id: Id
    title: Text
    body: Text
    space_key: Text
    author_email: Text
    last_modified: Instant | None
    parent_id: str | None = None
    labels: Texts | None = None
    url: str | None = None
    created: Instant | None = None
    author_name: str | None = None
    references: Texts | None = None


def _build_document(record: ConfluencePage, site: ClientSite) -> Document:
    references = record.references or ()
    parent = record.parent_id
    return Document(
        "confluence_pages",
        record.page_id,
        record.title or record.page_id,
        Body("text/html", clean_page_body(record.body)),
        record.space_key,
        parse_person(record.author_email, record.author_name),
        record.url or f"{site.url}/{encode_path('spaces', record.space_key, 'pages', record.page_id)}",
        EVERYONE,
        record.last_modified,
        record.created,
        {"labels": record.labels} if record.labels else None,
        references if not parent or parent in references else (parent, *references),
    )


KIND: Final = RecordKind(
    record=ConfluencePage,
    identifiers=("page_id",),
    document=_build_document,
    connector=ConnectorSchema(
        label="Confluence",
        config={
            "baseUrl": UrlForm(),
            "spaceKeys": NameListForm(
                re.compile(r"~?[A-Za-z0-9._-]{1,255}"),
                "must be a space key: letters, digits, '.', '_' and '-'",
            ),
            "authentication": authentication_forms("API_TOKEN"),
            "syncSettings": SYNC_SCHEDULES,
        },
    ),
    shape=re.compile(r"\d+"),
    document_fields=DocumentFields(
        title="title",
        body="body",
        container="space_key",
        author="author_email",
        updated="last_modified",
        references="parent_id or references",
    ),
    people=frozenset({"author_email"}),
    readings={
        "page_id": (("page_id",), ("id", "content_id")),
        "title": (("title", "page_title"),),
        "body": (("body", "content", "page_body"),),
        "space_key": (("space_key",), ("space", "space_name")),
        "author_email": (
            ("author_email",),
            ("author", "created_by", "creator"),
            ("author_name", "author_display_name", "display_name"),
        ),
        "author_name": (("author_name", "author_display_name", "display_name"),),
        "last_modified": (("last_modified", "modified", "updated", "updated_at", "last_updated"),),
        "created": (("created", "created_at", "created_date"),),
        "parent_id": (("parent_id", "parent"), ("parent_page_id",)),
        "labels": (("labels", "label", "tags"),),
        "url": (("url", "web_url", "link"),),
    },
    stand_ins={"space_key": UNKNOWN, "author_email": NOBODY},
)
