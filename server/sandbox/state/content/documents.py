"""Documents of the Admin dialect: their schema and their searchable text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from domain.content import body_to_text
from domain.model import build_decoder
from server.sandbox.state.clock import format_instant
from server.sandbox.state.content.connectors import ObjectType
from server.sandbox.state.content.searchable_text import SearchableText, ShownDocument

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, gc=False):
    pass


class Body(_Strict):
    """Text of a document, with its MIME type."""

    mime_type: Literal["text/html", "text/plain", "text/markdown"]
    text_content: str


class Author(_Strict):
    """Author of a document."""

    email: Annotated[str, Meta(min_length=1)]
    name: str | None = None


class Document(_Strict):
    """One document. Fields without a default are required."""

    object_type: ObjectType
    document_id: Annotated[str, Meta(min_length=1, max_length=200)]
    title: str
    body: Body
    container: Annotated[str, Meta(min_length=1)]
    author: Author
    updated_at: Instant | None = None
    created_at: Instant | None = None
    url: str | None = None
    properties: dict[str, Any] | None = None
    references: list[Any] | None = None


DOCUMENT_DECODER: Final = build_decoder(Document)


def admin_searchable_text(raw: bytes) -> SearchableText:
    """The searchable text of a stored document."""
    document = DOCUMENT_DECODER.decode(raw)
    author = document.author
    return SearchableText(
        title=document.title,
        id=document.document_id,
        body=body_to_text(document.body.mime_type, document.body.text_content),
        container=document.container,
        author=f"{author.name} {author.email}" if author.name else author.email,
    )


def admin_shown_document(raw: bytes) -> ShownDocument:
    """A stored document as a person reads it."""
    document = DOCUMENT_DECODER.decode(raw)
    text = admin_searchable_text(raw)
    return ShownDocument(
        title=text.title,
        id=text.id,
        object_type=document.object_type,
        container=text.container,
        author=text.author,
        created=format_instant(document.created_at.timestamp()) if document.created_at else "",
        updated=format_instant(document.updated_at.timestamp()) if document.updated_at else "",
        url=document.url or "",
        text=text.body,
    )


def admin_hit_fields(raw: bytes) -> dict[str, str | None]:
    """The fields of a search hit from a stored document."""
    document = DOCUMENT_DECODER.decode(raw)
    return {
        "documentId": document.document_id,
        "objectType": document.object_type,
        "title": document.title,
        "url": document.url,
    }
