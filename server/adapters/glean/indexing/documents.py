"""Indexing documents: encode a staged line for the Indexing dialect. The text is copied as raw JSON, never decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from domain.content import DECODE_ERRORS, EVERYONE, decode_document
from domain.errors import PlatformInvalidError
from domain.model import build_decoder
from server.adapters.glean.indexing.dataset_types import INDEXING_TYPES
from server.adapters.glean.indexing.names import glean_document_id

if TYPE_CHECKING:
    from datetime import datetime

    from domain.content import NeutralDocument

_STATUS: Final = "status"
_TAGS: Final = "labels"


class _Body(Struct, gc=False, rename="camel"):
    mime_type: str
    # Raw: the text is spliced in as it is, which saves decoding and escaping it.
    text_content: Raw


class _Person(Struct, gc=False, omit_defaults=True):
    email: str
    name: str | None = None


class _Permissions(Struct, gc=False, rename="camel", omit_defaults=True):
    allow_anonymous_access: bool | None = None
    allowed_users: tuple[_Person, ...] | None = None


class _Property(Struct, gc=False):
    name: str
    value: str | int | float | list[str]


class _Document(Struct, gc=False, rename="camel", omit_defaults=True):
    datasource: str
    object_type: str
    id: str
    title: str
    view_url: str = msgspec.field(name="viewURL")
    body: _Body
    container: str
    author: _Person
    permissions: _Permissions
    updated_at: int | None = None
    owner: _Person | None = None
    container_object_type: str | None = None
    created_at: int | None = None
    tags: list[str] | None = None
    status: str | None = None
    custom_properties: list[_Property] | None = None


_ENCODER: Final = msgspec.json.Encoder()


class DocumentEncoder:
    """Encodes the documents of one datasource, and collects the readers that their permissions name."""

    def __init__(self, datasource: str, site: str = "") -> None:
        """Encode for that datasource, with every address below `site`."""
        self._datasource = datasource
        self._below = f"{site}/" if site else ""
        self._known: set[str] = set()
        self._new: list[str] = []

    def encode(self, line: bytes) -> bytes:
        """Encode one neutral document as an Indexing document.

        Raises:
            PlatformInvalidError: the line is not a neutral document.
        """
        try:
            return _ENCODER.encode(self._document(decode_document(line)))
        except (*DECODE_ERRORS, msgspec.MsgspecError, KeyError):
            raise PlatformInvalidError("A staged line is not a document that Glean accepts.") from None

    def take_new_readers(self) -> list[str]:
        """The e-mail addresses of new readers since the last call. Glean must know readers before their documents."""
        readers, self._new = self._new, []
        return readers

    def _document(self, neutral: NeutralDocument) -> _Document:
        kind = INDEXING_TYPES[neutral.type]
        author = _Person(neutral.author.email, neutral.author.name)
        properties = dict(neutral.properties)
        status = properties.pop(_STATUS, None)
        tags = properties.pop(_TAGS, None)
        return _Document(
            datasource=self._datasource,
            object_type=kind.document.name,
            id=glean_document_id(neutral.id),
            title=neutral.title,
            view_url=self._view_url(neutral),
            body=_Body(neutral.body.mime, neutral.body.text),
            container=neutral.container,
            container_object_type=kind.container.name if kind.container else None,
            author=author,
            owner=author,
            permissions=self._permissions(neutral.readers),
            created_at=_epoch_seconds(neutral.created),
            updated_at=_epoch_seconds(neutral.updated),
            tags=_text_list(tags),
            status=status if isinstance(status, str) else None,
            custom_properties=_custom_properties(properties),
        )

    def _view_url(self, neutral: NeutralDocument) -> str:
        """The address of a document, moved below the datasource's site if it is outside: Glean refuses those."""
        if neutral.url.startswith(self._below):
            return neutral.url
        return f"{self._below}{quote(glean_document_id(neutral.id), safe='')}"

    def _permissions(self, readers: tuple[str, ...]) -> _Permissions:
        if readers == EVERYONE:
            return _Permissions(allow_anonymous_access=True)
        for each in readers:
            # Each reader is registered once an upload: the same person reads thousands of documents.
            if each.casefold() not in self._known:
                self._known.add(each.casefold())
                self._new.append(each)
        return _Permissions(allowed_users=tuple(_Person(each) for each in readers))


def _epoch_seconds(instant: datetime | None) -> int | None:
    """Whole seconds since 1970: Glean's own client raises on a fraction. None for an instant that is absent.

    Glean refuses seconds below 0, so that nothing is claimed of an instant before 1970.
    """
    seconds = -1 if instant is None else math.floor(instant.timestamp())
    return seconds if seconds >= 0 else None


def _custom_properties(given: dict[str, Any]) -> list[_Property] | None:
    """The custom properties, which hold texts, numbers and lists of texts. A boolean becomes "true" or "false"."""
    found = []
    for name, value in given.items():
        texts = _text_list(value)
        if isinstance(value, bool):
            found.append(_Property(name, "true" if value else "false"))
        elif isinstance(value, str | int | float):
            found.append(_Property(name, value))
        elif texts is not None:
            found.append(_Property(name, texts))
    return found or None


def _text_list(value: object) -> list[str] | None:
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return list(value)
    return None


class _Identity(Struct, gc=False):
    type: str
    id: str
    author: _Person
    readers: tuple[str, ...]


_decode_identity: Final = build_decoder(_Identity).decode


@dataclass(frozen=True, slots=True)
class DocumentIdentity:
    """Identity of a document in Glean: its object type, its id, and one reader who may see it."""

    kind: str
    id: str
    reader: str


def identify_document(line: bytes) -> DocumentIdentity:
    """The identity in Glean of the document of a staged line."""
    document = _decode_identity(line)
    reader = next((each for each in document.readers if each not in EVERYONE), document.author.email)
    return DocumentIdentity(
        INDEXING_TYPES[document.type].document.name, glean_document_id(document.id), reader
    )
