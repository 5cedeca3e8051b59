"""Documents of the Admin dialect: what each must have, and the words by which it is found."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta, Struct

from server.sandbox.answers import invalid
from server.sandbox.decoding import decode

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]

OBJECT_TYPES: Final = {
    "confluence": "CONFLUENCE_PAGE",
    "github": "GITHUB_REPOSITORY",
    "slack": "SLACK_MESSAGE",
    "jira": "JIRA_ISSUE",
}
"""The one type of document that each connector takes."""

_TAG: Final = re.compile(r"<[^<>]*>")


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

    object_type: Literal["CONFLUENCE_PAGE", "GITHUB_REPOSITORY", "SLACK_MESSAGE", "JIRA_ISSUE"]
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


class Searchable(NamedTuple):
    """The words of a document, in the order of the full-text index's columns."""

    title: str
    id: str
    body: str
    container: str
    author: str


_DOCUMENT: Final = msgspec.json.Decoder(Document)


def read(raw: bytes | msgspec.Raw, where: str = "document") -> Document:
    """Decode one document.

    Raises:
        RefusedError: `invalid`, naming the field below `where`.
    """
    return decode(_DOCUMENT, raw, where)


def keyed(raw_documents: list[msgspec.Raw], connector: str) -> dict[str, bytes]:
    """The documents of a page as sent, by their ids without case; of two with one id the later one counts.

    Raises:
        RefusedError: `invalid`, naming index and field of the first that will not do.
    """
    page: dict[str, bytes] = {}
    expected = OBJECT_TYPES[connector]
    for index, raw in enumerate(raw_documents):
        document = read(raw, f"documents[{index}]")
        if document.object_type != expected:
            raise invalid(f"documents[{index}].objectType", f"a {connector} datasource takes {expected}")
        page[document.document_id.casefold()] = bytes(raw)
    return page


def searchable(raw: bytes) -> Searchable:
    """The words by which a stored document is found: HTML without its tags, the rest as it is."""
    document = _DOCUMENT.decode(raw)
    text = document.body.text_content
    if document.body.mime_type == "text/html":
        text = html.unescape(_TAG.sub(" ", text))
    author = document.author
    return Searchable(
        title=document.title,
        id=document.document_id,
        body=text,
        container=document.container,
        author=f"{author.name} {author.email}" if author.name else author.email,
    )
