"""The neutral document: what staging and archives hold, one JSON object a line, whatever Glean's dialect.

    {"type", "id", "title", "body": {"mime", "text"}, "container", "author": {"email", "name"?}, "url",
     "created"?, "updated", "readers": [...], "properties"?: {...}, "references"?: [...]}

Instants are RFC 3339 in UTC with `Z`, with the fraction of a second that the source gave: a dialect that wants
text takes them as they are, one that wants epoch seconds floors the decoded `datetime.timestamp()`. Ids keep their
spelling and are unique without regard to case. `url` is where a reader of the client's own copy finds it. `readers`
are e-mail addresses, or `everyone`. A reference is the id of a document of the same type, or else the address or the
key of something else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

EVERYONE: Final = ("everyone",)
Instant = datetime


class Author(msgspec.Struct, gc=False, omit_defaults=True):
    """Who wrote it."""

    email: str
    name: str | None = None


class Body(msgspec.Struct, gc=False):
    """The text, and what it is written in: `text/html`, `text/markdown` or `text/plain`."""

    mime: str
    text: str


class Document(msgspec.Struct, gc=False, omit_defaults=True):
    """A neutral document on its way into staging."""

    type: str
    id: str
    title: str
    body: Body
    container: str
    author: Author
    url: str
    updated: Instant
    readers: tuple[str, ...]
    created: Instant | None = None
    properties: dict[str, Any] | None = None
    references: tuple[str, ...] = ()


class StagedBody(msgspec.Struct, gc=False):
    """The text as it stands, in JSON with its quotes, to be spliced into another document."""

    mime: str
    text: msgspec.Raw


class NeutralDocument(msgspec.Struct, gc=False, omit_defaults=True):
    """A neutral document as read back from staging: everything decoded but the long text."""

    type: str
    id: str
    title: str
    body: StagedBody
    container: str
    author: Author
    url: str
    updated: Instant
    readers: tuple[str, ...]
    created: Instant | None = None
    properties: dict[str, Any] = {}
    references: tuple[str, ...] = ()


encode_document: Final = msgspec.json.Encoder().encode
"""One document as its line, without the newline."""
encode_documents: Final = msgspec.json.Encoder().encode_lines
"""Documents as their lines, each with its newline."""
decode_document: Final = msgspec.json.Decoder(NeutralDocument).decode
"""One line as its document. Raises msgspec.DecodeError for what is none."""


class _Identity(msgspec.Struct, gc=False):
    id: str


_decode_identity: Final = msgspec.json.Decoder(_Identity).decode


def parse_document_id(line: bytes) -> str:
    """The id of the document of a line."""
    return _decode_identity(line).id
