"""The words by which a document is found, whichever dialect it came in."""

from __future__ import annotations

import html
import re
from typing import Final, NamedTuple

_TAG: Final = re.compile(r"<[^<>]*>")


class SearchableText(NamedTuple):
    """The words of a document, in the order of the full-text index's columns."""

    title: str
    id: str
    body: str
    container: str
    author: str


def plain_text(mime_type: str, text: str) -> str:
    """A text to be searched: HTML without its tags, the rest as it is."""
    return html.unescape(_TAG.sub(" ", text)) if mime_type == "text/html" else text
