"""Confluence pages: a page in a space."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

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
    build_urls,
)
from domain.content.documents.neutral import EVERYONE, Body, Document, Properties
from domain.content.documents.repair.people import parse_people
from domain.content.markup import clean_page_body
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, UrlForm, authentication_forms

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class _Properties(Properties):
    labels: Texts


def _build_documents(records: Sequence[ConfluencePage], site: ClientSite) -> list[Document]:
    authors = parse_people([each.author_email for each in records], [each.author_name for each in records])
    urls = build_urls(records, site.url, "spaces/{space_key}/pages/{page_id}")
    return [
        Document(
            "confluence_pages",
            record.page_id,
            record.title or record.page_id,
            Body("text/html", clean_page_body(record.body)),
            record.space_key,
            author,
            url,
            EVERYONE,
            record.last_modified,
            record.created,
            _Properties(record.labels) if record.labels else None,
            _add_parent(record.parent_id, record.references or ())
            if record.parent_id
            else record.references or (),
        )
        for record, author, url in zip(records, authors, urls, strict=True)
    ]


def _add_parent(parent: str, references: tuple[str, ...]) -> tuple[str, ...]:
    return references if parent in references else (parent, *references)


KIND: Final = RecordKind(
    record=ConfluencePage,
    identifiers=("page_id",),
    documents=_build_documents,
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
