"""Confluence pages: a page in a space."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from domain.content.documents.kinds import NOBODY, UNKNOWN, Id, Instant, RecordKind, Text, Texts
from domain.content.documents.neutral import EVERYONE, Author, Body, Document
from domain.content.markup import clean_page_body
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, UrlForm, authentication_forms


class ConfluencePage(msgspec.Struct, gc=False):
    """A page as exported; `body` is HTML, or Confluence's storage format."""

    page_id: Id
    title: Text
    body: Text
    space_key: Text
    author_email: Text
    last_modified: Instant
    parent_id: str | None = None
    labels: Texts | None = None
    url: str | None = None
    created: Instant | None = None
    author_name: str | None = None
    references: Texts | None = None


def _build_document(record: ConfluencePage, site: str) -> Document:
    references = record.references or ()
    parent = record.parent_id
    return Document(
        "confluence_pages",
        record.page_id,
        record.title or record.page_id,
        Body("text/html", clean_page_body(record.body)),
        record.space_key,
        Author(record.author_email, record.author_name),
        record.url or f"{site}/spaces/{record.space_key}/pages/{record.page_id}",
        record.last_modified,
        EVERYONE,
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
    spellings={
        "id": "page_id",
        "page id": "page_id",
        "space": "space_key",
        "space key": "space_key",
        "author": "author_email",
        "author email": "author_email",
        "last modified": "last_modified",
        "updated": "last_modified",
        "updated_at": "last_modified",
        "created_at": "created",
    },
    stand_ins={"space_key": UNKNOWN, "author_email": NOBODY},
)
