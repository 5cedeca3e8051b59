"""Searchable text of a document, the same for every dialect."""

from __future__ import annotations

import html
import re
from typing import Final, NamedTuple

_TAG: Final = re.compile(r"<[^<>]*>")


class SearchableText(NamedTuple):
    """Searchable text of a document, in the order of the columns of the full-text index."""

    title: str
    id: str
    body: str
    container: str
    author: str


def plain_text(mime_type: str, text: str) -> str:
    """Remove the tags of HTML and decode its entities; return any other text unchanged."""
    return html.unescape(_TAG.sub(" ", text)) if mime_type == "text/html" else text
