"""Documents of the Admin dialect: what each must have, and the words by which it is found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from server.sandbox.state.content.connectors import ObjectType
from server.sandbox.state.content.searchable_text import SearchableText, plain_text

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, gc=False):
    pass


class Body(_Strict):
    """The text, and what it is written in."""

    mime_type: Literal["text/html", "text/plain", "text/markdown"]
    text_content: str


class Author(_Strict):
    """Who wrote it."""

    email: Annotated[str, Meta(min_length=1)]
    name: str | None = None


class Document(_Strict):
    """One document; what has no default is required."""

    object_type: ObjectType
    document_id: Annotated[str, Meta(min_length=1, max_length=200)]
    title: str
    body: Body
    container: Annotated[str, Meta(min_length=1)]
    author: Author
    updated_at: Instant
    created_at: Instant | None = None
    url: str | None = None
    properties: dict[str, Any] | None = None
    references: list[Any] | None = None


DOCUMENT_DECODER: Final = msgspec.json.Decoder(Document)


def admin_searchable_text(raw: bytes) -> SearchableText:
    """The words by which a stored document is found."""
    document = DOCUMENT_DECODER.decode(raw)
    author = document.author
    return SearchableText(
        title=document.title,
        id=document.document_id,
        body=plain_text(document.body.mime_type, document.body.text_content),
        container=document.container,
        author=f"{author.name} {author.email}" if author.name else author.email,
    )


def admin_hit_fields(raw: bytes) -> dict[str, str | None]:
    """What a search tells of a stored document."""
    document = DOCUMENT_DECODER.decode(raw)
    return {
        "documentId": document.document_id,
        "objectType": document.object_type,
        "title": document.title,
        "url": document.url,
    }
