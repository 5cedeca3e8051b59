"""What is in a stored document, read as the dialect has it in which it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from server.sandbox import documents
from server.sandbox.words import Searchable, plain

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOM: Final = "custom"
"""The connector of the datasources that the Indexing dialect made."""


class Contents(NamedTuple):
    """How documents of one dialect are read: the words by which one is found, and what a search tells of it."""

    searchable: Callable[[bytes], Searchable]
    shown: Callable[[bytes], dict[str, str | None]]


class _Body(Struct, frozen=True, rename="camel"):
    mime_type: str = ""
    text_content: str | None = None


class _Author(Struct, frozen=True):
    name: str | None = None
    email: str | None = None


class _Indexed(Struct, rename="camel"):
    """As much of a document of the Indexing dialect as is searched and shown."""

    id: str
    object_type: str
    title: str | None = None
    container: str | None = None
    view_url: str | None = msgspec.field(name="viewURL", default=None)
    body: _Body = _Body()
    author: _Author = _Author()


def of(connector: str) -> Contents:
    """The reader of a connector's documents."""
    return _INDEXING if connector == CUSTOM else _ADMIN


def _searchable(raw: bytes) -> Searchable:
    document = _read(raw)
    return Searchable(
        title=document.title or "",
        id=document.id,
        body=plain(document.body.mime_type, document.body.text_content or ""),
        container=document.container or "",
        author=f"{document.author.name or ''} {document.author.email or ''}".strip(),
    )


def _shown(raw: bytes) -> dict[str, str | None]:
    document = _read(raw)
    return {
        "documentId": document.id,
        "objectType": document.object_type,
        "title": document.title or None,
        "url": document.view_url or None,
    }


_read: Final = msgspec.json.Decoder(_Indexed).decode
_ADMIN: Final = Contents(documents.searchable, documents.shown)
_INDEXING: Final = Contents(_searchable, _shown)
