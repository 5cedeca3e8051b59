"""Tags: splits HTML or Confluence's storage format into texts and tags, in one pass over the text.

Browsers define how broken HTML is read (https://html.spec.whatwg.org/multipage/parsing.html). This follows them, except
where they would hide text because of a typing error: a `<` that begins no tag is text, and a quotation mark that is
never closed ends with its tag.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK: Final = re.compile(r"<(?:(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*)|!--|!\[CDATA\[|[!?/])")
_COMMENT_END: Final = re.compile(r"--!?>")
_STOP: Final = re.compile(r"[>\"']")
ATTRIBUTE: Final = re.compile(
    r"([^\s=/>\"']++)(?:\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s>]*)))?"  # name, and a value in any quotes or none
)
_HIDDEN_TEXT: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "iframe", "noembed", "noframes", "noscript")
}
"""Elements whose content is no markup and is never shown, with the pattern of their ends."""


class Tag(NamedTuple):
    """Tag: its name in lower case, its attributes as they are written, and the whole of it as `source`."""

    name: str
    closing: bool
    empty: bool
    written: str
    source: str

    def attributes(self) -> dict[str, str]:
        """The attributes by their names in lower case, with entities decoded; the first of a name counts."""
        found: dict[str, str] = {}
        for name, double, single, bare in ATTRIBUTE.findall(self.written):
            found.setdefault(name.lower(), unescape(double or single or bare))
        return found


class CharacterData(NamedTuple):
    """Text of a CDATA section, in which nothing is markup and no entity is decoded."""

    text: str


def split_markup(text: str) -> Iterator[str | Tag | CharacterData]:
    """Split a text into texts, tags and CDATA sections, in order; comments and scripts are left out. Never raises."""
    start = at = 0
    quoted = True
    while mark := _MARK.search(text, at):
        # Without another `>` nothing can end: the rest is text.
        at = text.find(">", mark.end())
        if at < 0:
            break
        if mark.start() > start:
            yield text[start : mark.start()]
        name = mark["name"]
        if name is None:
            at = _end_of_declaration(text, mark)
            if mark[0] == "<![CDATA[":
                yield CharacterData(text[mark.end() : at - 3 if text.endswith("]]>", 0, at) else at])
            start = at
            continue
        if quoted:
            end = _end_of_quoted_tag(text, mark.end())
            # Tried once only, or each of many tags would search the whole rest.
            quoted = end >= 0
            at = end if quoted else at
        tag = Tag(
            name.lower(),
            bool(mark["slash"]),
            text[at - 1] == "/",
            text[mark.end() : at],
            text[mark.start() : at + 1],
        )
        start = at = at + 1
        yield tag
        if tag.name in _HIDDEN_TEXT and not tag.closing and not tag.empty:
            hidden = _HIDDEN_TEXT[tag.name].search(text, at)
            start = at = hidden.start() if hidden else len(text)
    if start < len(text):
        yield text[start:]


def _end_of_declaration(text: str, mark: re.Match[str]) -> int:
    """The position after a comment, a CDATA section or a declaration; the end of the text when it is never closed."""
    if mark[0] == "<!--":
        end = _COMMENT_END.search(text, mark.start() + 2)
        return end.end() if end else len(text)
    closing = "]]>" if mark[0] == "<![CDATA[" else ">"
    at = text.find(closing, mark.end())
    return len(text) if at < 0 else at + len(closing)


def _end_of_quoted_tag(text: str, at: int) -> int:
    """The position of the `>` that ends a tag, outside of quoted values; -1 when a quoted value is never closed."""
    start = at
    while stop := _STOP.search(text, at):
        if stop[0] == ">":
            return stop.start()
        at = stop.end()
        # Elsewhere a quotation mark is a part of a name, as in `<p don't>`.
        if text[start : stop.start()].rstrip().endswith("="):
            at = text.find(stop[0], at) + 1
            if not at:
                return -1
        start = at
    return -1
