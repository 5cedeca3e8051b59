"""Readers of stored documents, one for each dialect in which a document is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from domain.content import body_to_text
from domain.model import build_decoder
from server.sandbox.state.clock import format_instant
from server.sandbox.state.content import documents
from server.sandbox.state.content.searchable_text import SearchableText, ShownDocument

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

CUSTOM_CONNECTOR: Final = "custom"
"""The connector of datasources that were created in the Indexing dialect."""
_SEPARATOR: Final = "\x1f"


class DocumentReader(NamedTuple):
    """Reader of the documents of one dialect: the text to search, the fields of a hit, and what a person reads."""

    searchable: Callable[[bytes], SearchableText]
    hit_fields: Callable[[bytes], dict[str, str | None]]
    shown: Callable[[bytes], ShownDocument]


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
    created_at: int | None = None
    updated_at: int | None = None


def document_key(object_type: str, document_id: str) -> str:
    """Key of a document of the Indexing dialect within its datasource: type and id, without case."""
    return f"{object_type}{_SEPARATOR}{document_id}".casefold()


def load_shown_document(
    connection: sqlite3.Connection, datasource: sqlite3.Row, object_type: str, document_id: str
) -> ShownDocument | None:
    """Load a served document of a datasource as a person reads it; None when it is not served."""
    connector = datasource["connector"]
    key = document_key(object_type, document_id) if connector == CUSTOM_CONNECTOR else document_id.casefold()
    found = connection.execute(
        "SELECT raw FROM served JOIN document ON document.row = document_row"
        " WHERE served.datasource_row = ? AND served.key = ?",
        (datasource["row"], key),
    ).fetchone()
    return None if found is None else reader_for_connector(connector).shown(found["raw"])


def reader_for_connector(connector: str) -> DocumentReader:
    """The reader of a connector's documents."""
    return _INDEXING if connector == CUSTOM_CONNECTOR else _ADMIN


def _searchable_text(raw: bytes) -> SearchableText:
    document = _decode_document(raw)
    return SearchableText(
        title=document.title or "",
        id=document.id,
        body=body_to_text(document.body.mime_type, document.body.text_content or ""),
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


def _shown_document(raw: bytes) -> ShownDocument:
    document = _decode_document(raw)
    text = _searchable_text(raw)
    created, updated = (
        "" if each is None else format_instant(each) for each in (document.created_at, document.updated_at)
    )
    return ShownDocument(
        title=text.title or text.id,
        id=text.id,
        object_type=document.object_type,
        container=text.container,
        author=text.author,
        created=created,
        updated=updated,
        url=document.view_url or "",
        text=text.body,
    )


_decode_document: Final = build_decoder(_IndexedDocument).decode
_ADMIN: Final = DocumentReader(
    documents.admin_searchable_text, documents.admin_hit_fields, documents.admin_shown_document
)
_INDEXING: Final = DocumentReader(_searchable_text, _hit_fields, _shown_document)
