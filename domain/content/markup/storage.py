"""Confluence's storage format to clean HTML.

The format is XHTML with elements of Confluence's own (`ac:`, `ri:`, `at:`):
https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html. Everything else stays as it is written.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape, unescape
from typing import TYPE_CHECKING, Final

from domain.content.markup.addresses import safe_source
from domain.content.markup.emoji import find_emoji
from domain.content.markup.html_text import html_to_text
from domain.content.markup.tags import CharacterData, Tag, split_markup

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN: Final = re.compile(r"</?(?:ac|ri|at):[a-zA-Z]|<!\[CDATA\[|<time[^<>]*/>")
_VOID: Final = frozenset(
    ("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_LEFT_OUT: Final = frozenset(
    ("ac:adf-attribute", "ac:adf-fallback", "ac:placeholder", "ac:task-id", "ac:task-uuid", "at:declarations")
)
"""What a reader never sees, or sees once already."""
_RESOURCES: Final = (
    "ri:content-title", "ri:filename", "ri:username", "ri:account-id", "ri:userkey", "ri:value", "ri:space-key",
    "ri:key", "ri:content-id",
)  # fmt: skip
_PEOPLE: Final = frozenset(("ri:username", "ri:account-id", "ri:userkey"))
_BOXES: Final = frozenset(("info", "note", "panel", "tip", "warning"))
_WRAPPERS: Final = {
    "ac:layout-cell": ("<div>", "</div>"),
    "ac:task": ("<li>", "</li>"),
    "ac:task-list": ("<ul>", "</ul>"),
}
_SHOWN_PARAMETERS: Final = ("title", "key", "diagramName", "date", "")
"""What a reader sees of a macro without a body, the first that there is; the parameter without a name is a page."""


def storage_to_html(text: str, names: Mapping[str, str] | None = None) -> str:
    """Clean HTML of a page in storage format; a text without an element of Confluence's own stays as it is.

    Code and other plain bodies become `<pre>`, boxes `<blockquote>`, tasks a list. Of a macro that is not known, the
    text of its body is kept. A link or an image shows its text, or what it leads to; none leads to a program. `names`
    has the names of people by their account id, key or user name. Takes time in proportion to the length, and never
    raises.
    """
    if not _OWN.search(text):
        return text
    page = _Page(names or {})
    for each in split_markup(text):
        page.add(each)
    return page.finish()


@dataclass(slots=True)
class _Element:
    """Element of Confluence's own that is open. Its HTML begins at `at`, where a place is left for what opens it."""

    name: str
    at: int
    written: int
    label: str = ""
    """What an element says in its attributes: the name of a macro or a parameter, the text of an image, an anchor."""
    resource: str = ""
    plain: bool = False
    parameters: dict[str, str] = field(default_factory=dict)


class _Page:
    """Page as far as it was read: the HTML of it, and Confluence's own elements that are open."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._html: list[str] = []
        self._written = 0
        self._open: list[_Element] = []
        self._count: Counter[str] = Counter()

    def add(self, token: str | Tag | CharacterData) -> None:
        """Read the next token."""
        if isinstance(token, str):
            self._write(token)
        elif isinstance(token, CharacterData):
            self._write(escape(token.text, quote=False))
        elif ":" not in token.name:
            self._write(_clean_tag(token))
        elif token.closing:
            self._close(token.name)
        elif token.name.startswith("ri:"):
            self._refer(token.attributes())
        else:
            self._begin(token)

    def finish(self) -> str:
        """Close what is open, and return the HTML."""
        while self._open:
            self._close(self._open[-1].name)
        return "".join(self._html)

    def _write(self, html: str) -> None:
        if html:
            self._html.append(html)
            self._written += not html.isspace()

    def _begin(self, tag: Tag) -> None:
        attributes = tag.attributes()
        if tag.name == "ac:emoticon":
            self._write(escape(_emoticon(attributes), quote=False))
            return
        label = attributes.get("ac:name") or attributes.get("ac:alt") or attributes.get("ac:title")
        element = _Element(tag.name, len(self._html), self._written, label or attributes.get("ac:anchor", ""))
        self._open.append(element)
        self._count[tag.name] += 1
        self._html.append("")
        if tag.name in {"ac:plain-text-body", "ac:rich-text-body"} and len(self._open) > 1:
            self._open[-2].plain = tag.name == "ac:plain-text-body"
        if tag.empty:
            self._close(tag.name)

    def _refer(self, attributes: Mapping[str, str]) -> None:
        """Keep what a link, an image or a parameter leads to; the first counts, for a page may be within a file."""
        if not self._open or self._open[-1].resource:
            return
        for name in _RESOURCES:
            value = attributes.get(name)
            if value:
                self._open[-1].resource = f"@{self._names.get(value, value)}" if name in _PEOPLE else value
                return

    def _close(self, name: str) -> None:
        if not self._count[name]:
            return
        while True:
            element = self._open.pop()
            self._count[element.name] -= 1
            self._end(element)
            if element.name == name:
                return

    def _end(self, element: _Element) -> None:
        if element.name in _LEFT_OUT:
            self._take(element)
        elif element.name == "ac:parameter":
            value = html_to_text(self._take(element)).strip() or element.resource
            if self._open:
                self._open[-1].parameters.setdefault(element.label, value)
        elif element.name == "ac:task-status":
            self._write("☑ " if self._take(element).strip() == "complete" else "☐ ")
        elif element.name in {"ac:structured-macro", "ac:macro"}:
            self._end_macro(element)
        elif element.name in _WRAPPERS:
            self._wrap(element, *_WRAPPERS[element.name])
        elif element.name in {"ac:image", "ac:link"} and self._written == element.written:
            self._write(escape(element.label or element.resource, quote=False))

    def _end_macro(self, macro: _Element) -> None:
        given = macro.parameters
        title = escape(given.get("title", ""), quote=False)
        heading = f"<p><strong>{title}</strong></p>" if title else ""
        if self._written == macro.written:
            shown = next((given[name] for name in _SHOWN_PARAMETERS if given.get(name)), "")
            shown = escape(shown, quote=False)
            self._write(f"<strong>{shown}</strong>" if shown and macro.label == "status" else shown)
        elif macro.plain:
            self._wrap(macro, f"{heading}<pre>", "</pre>")
        elif macro.label == "expand":
            self._wrap(macro, f"<details open><summary>{title}</summary>" if title else "<div>", "")
            self._write("</details>" if title else "</div>")
        elif macro.label in _BOXES:
            self._wrap(macro, f"<blockquote>{heading}", "</blockquote>")
        else:
            self._wrap(macro, heading, "")

    def _wrap(self, element: _Element, opening: str, closing: str) -> None:
        self._html[element.at] = opening
        self._write(closing)

    def _take(self, element: _Element) -> str:
        """Take the HTML of an element out of the page."""
        taken = "".join(self._html[element.at :])
        del self._html[element.at :]
        self._written = element.written
        return taken


def _clean_tag(tag: Tag) -> str:
    """A tag of HTML. HTML knows no empty elements but its own, and shows a time only by its text."""
    source = safe_source(tag)
    if not tag.empty or tag.name in _VOID or tag.closing:
        return source
    inner = escape(tag.attributes().get("datetime", "")) if tag.name == "time" else ""
    return f"{source[:-1].rstrip('/ ')}>{inner}</{tag.name}>"


def _emoticon(attributes: Mapping[str, str]) -> str:
    fallback = attributes.get("ac:emoji-fallback", "")
    name = attributes.get("ac:emoji-shortname", "").strip(":") or attributes.get("ac:name", "")
    if fallback and not fallback.startswith(":"):
        return unescape(fallback)
    return find_emoji(name) or (f":{name}:" if name else "")
