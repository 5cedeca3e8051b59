"""Confluence's pages, whichever way they were exported."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.content import storage_to_html
from server.adapters.templates.exports.instants import format_instant
from server.adapters.templates.exports.links import SiteLinks

if TYPE_CHECKING:
    from datetime import datetime

    from server.adapters.templates.exports.report import ImportTally
    from server.adapters.templates.exports.vendors.export import Export, Record

TAKEN_TYPES: Final = frozenset({"page", "blogpost"})
_STATUSES: Final = {
    "draft": "draft",
    "archived": "archived page",
    "trashed": "page in the trash",
    "deleted": "page in the trash",
    "historical": "old version of a page",
}
"""What Confluence itself does not find, by its statuses."""
_OPEN, _CLOSE = "<ac:link", "</ac:link>"
_PAGE_LINK: Final = re.compile(r"<ri:(?:page|blog-post)\b([^<>]*)/?>")
_ATTRIBUTE: Final = re.compile(r"ri:(content-title|space-key)=\"([^\"<>]*)\"")
_LABEL: Final = re.compile(r"<!\[CDATA\[(.*)\]\]>|<ac:link-body>(.*)</ac:link-body>", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class RawPage:
    """A page as its export has it; `author` is an address, `body` is in storage format or HTML."""

    page_id: str
    title: str
    body: str | None
    space_key: str
    author: str | None
    author_name: str | None
    updated: datetime | None
    created: datetime | None
    parent_id: str | None
    labels: list[str]


@dataclass(slots=True)
class PageBook:
    """What has to be known of all pages before the first is made: links name pages by title."""

    spaces: dict[str, str] = field(default_factory=dict)
    """The space of each page that is taken, by the page's id."""
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    """The ids of pages by space and title."""
    hosts: set[str] = field(default_factory=set)

    def add(self, page_id: str, title: str, space_key: str) -> None:
        """Add a page."""
        self.spaces[page_id] = space_key
        self.titles.setdefault((space_key, title), page_id)


class PageMaker:
    """Makes records of pages; a page that is in the export twice is made once."""

    def __init__(self, export: Export, book: PageBook) -> None:
        self._book = book
        self._tally = export.tally
        self._made: set[str] = set()
        self._links = SiteLinks(book.hosts | export.hosts)

    def make(self, page: RawPage) -> Record | None:
        """The record of a page; None when it was made before."""
        if page.page_id in self._made:
            self._tally.count_dropped("page that is in the export a second time")
            return None
        self._made.add(page.page_id)
        parent = page.parent_id
        if parent and parent not in self._book.spaces:
            self._tally.count_dropped("reference to a parent that is not in the export")
            parent = None
        body = self._links.rewrite(page.body) if page.body else ""
        body = storage_to_html(self._lead_page_links(body, page.space_key))
        self._tally.notes["link to the own site, rewritten"] = self._links.rewritten
        if not body.strip():
            self._tally.notes["page without text"] += 1
        return {
            "page_id": page.page_id,
            "title": self._links.rewrite(page.title),
            "body": body if body.strip() else None,
            "space_key": page.space_key,
            "author_email": page.author,
            "last_modified": format_instant(page.updated or page.created),
            "parent_id": parent,
            "labels": page.labels or None,
            "created": format_instant(page.created),
            "author_name": page.author_name,
        }

    def _lead_page_links(self, body: str, space_key: str) -> str:
        """The body with its links to pages by title as links to their copies; a link that leads nowhere is text."""
        if _OPEN not in body:
            return body
        pieces, start = [], 0
        while (at := body.find(_OPEN, start)) >= 0 and (end := body.find(_CLOSE, at)) >= 0:
            pieces += [body[start:at], self._lead_page_link(body[at:end], space_key)]
            start = end + len(_CLOSE)
        return "".join([*pieces, body[start:]])

    def _lead_page_link(self, link: str, space_key: str) -> str:
        found = _PAGE_LINK.search(link)
        if found is None:
            return link + _CLOSE
        attributes = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(found[1])}
        title, space = attributes.get("content-title", ""), attributes.get("space-key", space_key)
        label = _LABEL.search(link)
        plain, rich = label.groups() if label else (None, None)
        text = rich or html.escape(plain or title, quote=False)
        page_id = self._book.titles.get((space, title))
        if page_id is None:
            self._tally.count_dropped("link to a page that is not in the export (its text is taken)")
            return text
        self._tally.notes["link between pages, led to their copies"] += 1
        return f'<a href="{{{{site:confluence_pages}}}}/spaces/{space}/pages/{page_id}">{text}</a>'


def drop_reason(kind: str, status: str) -> str | None:
    """Why a page is dropped, from its type and status; None for one that is taken."""
    if kind not in TAKEN_TYPES:
        return kind if kind in {"comment", "attachment"} else "other content (such as a folder or whiteboard)"
    return _STATUSES.get(status)


def count_dropped(tally: ImportTally, kind: str, status: str) -> bool:
    """Whether a page is dropped, which is counted."""
    reason = drop_reason(kind, status)
    if reason:
        tally.count_dropped(reason)
    return reason is not None
