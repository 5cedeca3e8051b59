"""Neutral document: the form of documents in staging and archives, one JSON object a line, for every dialect.

    {"type", "id", "title", "body": {"mime", "text"}, "container", "author": {"email", "name"?}, "url",
     "readers": [...], "updated"?, "created"?, "properties"?: {...}, "references"?: [...]}

Timestamps are RFC 3339 in UTC with `Z`, with the source's fraction of a second: a dialect that needs text uses them
unchanged, one that needs epoch seconds rounds the decoded `datetime.timestamp()` down. An instant that the record does
not name is absent: nothing is claimed about it. Ids keep their spelling and are unique without regard to case. `url` is
the address in the client's own copy. `readers` are e-mail addresses, or `everyone`. A reference is the id of a document
of the same type, or the address or key of something else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from domain.model import build_decoder

EVERYONE: Final = ("everyone",)
Instant = datetime


class Author(msgspec.Struct, gc=False, omit_defaults=True):
    """Author of a document."""

    email: str
    name: str | None = None


class Body(msgspec.Struct, gc=False):
    """Body of a document: the text and its format, `text/html`, `text/markdown` or `text/plain`."""

    mime: str
    text: str


class Properties(msgspec.Struct, gc=False, omit_defaults=True):
    """What documents of one type have beside the parts of every document; each type names its own."""


class Document(msgspec.Struct, gc=False, omit_defaults=True):
    """Neutral document to be staged."""

    type: str
    id: str
    title: str
    body: Body
    container: str
    author: Author
    url: str
    readers: tuple[str, ...]
    updated: Instant | None = None
    created: Instant | None = None
    properties: Properties | dict[str, Any] | None = None
    references: tuple[str, ...] = ()


class StagedBody(msgspec.Struct, gc=False):
    """Body as staged: the text stays encoded, with its quotes, to be copied into another document."""

    mime: str
    text: msgspec.Raw


class NeutralDocument(msgspec.Struct, gc=False, omit_defaults=True):
    """Neutral document as read from staging: everything is decoded except the long text."""

    type: str
    id: str
    title: str
    body: StagedBody
    container: str
    author: Author
    url: str
    readers: tuple[str, ...]
    updated: Instant | None = None
    created: Instant | None = None
    properties: dict[str, Any] = {}
    references: tuple[str, ...] = ()


encode_document: Final = msgspec.json.Encoder().encode
"""Encode one document as a line, without the newline."""
encode_documents: Final = msgspec.json.Encoder().encode_lines
"""Encode documents as lines, each with its newline."""
decode_document: Final = build_decoder(NeutralDocument).decode
"""Decode one line. Raises msgspec.DecodeError when it is no document."""


class _Identity(msgspec.Struct, gc=False):
    id: str


_decode_identity: Final = build_decoder(_Identity).decode


def parse_document_id(line: bytes) -> str:
    """The id of the document in a line."""
    return _decode_identity(line).id
