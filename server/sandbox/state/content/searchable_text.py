"""Text of a document, to search and to show, the same for every dialect."""

from __future__ import annotations

from typing import NamedTuple


class SearchableText(NamedTuple):
    """Searchable text of a document, in the order of the columns of the full-text index."""

    title: str
    id: str
    body: str
    container: str
    author: str


class ShownDocument(NamedTuple):
    """Document as a person reads it: `text` without markup, instants as RFC 3339, "" for what it has not."""

    title: str
    id: str
    object_type: str
    container: str
    author: str
    created: str
    updated: str
    url: str
    text: str
