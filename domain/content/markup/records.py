"""Texts of records and of documents.

Of records that come as they were exported, markup that nobody mistakes becomes text, and all else stays. Each function
begins with a test that costs less than a microsecond, since nearly every text of a large template is plain.
"""

from __future__ import annotations

import re
from typing import Any, Final

from domain.content.markup.addresses import drop_program_addresses, may_have_program_address
from domain.content.markup.adf import adf_to_text
from domain.content.markup.html_text import html_to_text
from domain.content.markup.markdown import markdown_to_text
from domain.content.markup.storage import storage_to_html
from domain.content.markup.wiki import LINE_BEGINNINGS, is_wiki_markup, wiki_to_text

_STORAGE_ELEMENT: Final = re.compile(r":(?<=<ac:|<ri:)")
"""From the colon backwards: pages have few colons, and many tags."""
_HTML: Final = re.compile(
    r"\s*<(p|div|h[1-6]|ul|ol|table|blockquote|pre)(?:\s[^<>]*)?>.*</[a-z0-9]+>\s*", re.DOTALL
)


def clean_page_body(body: str) -> str:
    """The HTML of a page; Confluence's storage format becomes clean HTML, and no link leads to a program."""
    if (":" in body and _STORAGE_ELEMENT.search(body)) or ("[" in body and "<![CDATA[" in body):
        return storage_to_html(body)
    return drop_program_addresses(body) if may_have_program_address(body) else body


def clean_issue_description(description: str | dict[str, Any]) -> str:
    """The text of a description: that of a document in ADF, and of unmistakable wiki markup or HTML."""
    if not isinstance(description, str):
        return adf_to_text(description)
    # Every mark of HTML, ADF or wiki markup has one of these characters, or is at the beginning. That is cheap to know.
    if not (
        "<" in description
        or "{" in description
        or "[" in description
        or "\n" in description
        or description.startswith(LINE_BEGINNINGS)
    ):
        return description
    if _HTML.fullmatch(description):
        return html_to_text(description)
    if description.startswith("{"):
        found = adf_to_text(description)
        if found is not description:
            return found
    return wiki_to_text(description) if is_wiki_markup(description) else description


def body_to_text(mime: str, text: str) -> str:
    """The text that a reader sees of a document's body in HTML or Markdown; any other text unchanged."""
    if mime == "text/html":
        return html_to_text(text)
    return markdown_to_text(text) if mime == "text/markdown" else text
