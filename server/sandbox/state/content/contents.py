"""Readers of stored documents, one for each dialect in which a document is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from server.sandbox.state.content import documents
from server.sandbox.state.content.searchable_text import SearchableText, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOM_CONNECTOR: Final = "custom"
"""The connector of datasources that were created in the Indexing dialect."""
_SEPARATOR: Final = "\x1f"


class DocumentReader(NamedTuple):
    """Reader of the documents of one dialect: the text to search, and the fields of a search hit."""

    searchable: Callable[[bytes], SearchableText]
    hit_fields: Callable[[bytes], dict[str, str | None]]


class _Body(Struct, frozen=True, rename="camel"):
    mime_type: str = ""
    text_content: str | None = None


class _Author(Struct, frozen=True):
    name: str | None = None
    email: str | None = None


class _IndexedDocument(Struct, rename="camel"):
    """The fields of a document of the Indexing dialect that a search uses."""

    id: str
    object_type: str
    title: str | None = None
    container: str | None = None
    view_url: str | None = msgspec.field(name="viewURL", default=None)
    body: _Body = _Body()
    author: _Author = _Author()


def document_key(object_type: str, document_id: str) -> str:
    """Key of a document of the Indexing dialect within its datasource: type and id, without case."""
    return f"{object_type}{_SEPARATOR}{document_id}".casefold()


def reader_for_connector(connector: str) -> DocumentReader:
    """The reader of a connector's documents."""
    return _INDEXING if connector == CUSTOM_CONNECTOR else _ADMIN


def _searchable_text(raw: bytes) -> SearchableText:
    document = _decode_document(raw)
    return SearchableText(
        title=document.title or "",
        id=document.id,
        body=plain_text(document.body.mime_type, document.body.text_content or ""),
        container=document.container or "",
        author=f"{document.author.name or ''} {document.author.email or ''}".strip(),
    )


def _hit_fields(raw: bytes) -> dict[str, str | None]:
    document = _decode_document(raw)
    return {
        "documentId": document.id,
        "objectType": document.object_type,
        "title": document.title or None,
        "url": document.view_url or None,
    }


_decode_document: Final = msgspec.json.Decoder(_IndexedDocument).decode
_ADMIN: Final = DocumentReader(documents.admin_searchable_text, documents.admin_hit_fields)
_INDEXING: Final = DocumentReader(_searchable_text, _hit_fields)
