"""HTML to text: what a browser shows of it, as `innerText` has it.

https://html.spec.whatwg.org/multipage/dom.html#the-innertext-idl-attribute: tags within a line do not cut words, blocks
begin lines, a tab is between two cells, and spaces are collapsed except in `<pre>`.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from html import escape, unescape
from typing import Final

from domain.content.markup.tags import CharacterData, Tag, split_markup

_UNSEEN_STYLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_UNSEEN_CHARACTERS: Final = re.compile("[\xad\u2060\ufeff]")
"""A hyphen that only shows at the end of a line, and spaces without width, do not cut a word."""

_SEPARATORS: Final = ("", " ", "\t", "\n", "\n\n")
_SPACE, _TAB, _LINE, _PARAGRAPH = range(1, 5)
"""Gaps, each wider than the one before; of several, the widest counts."""
_VOID: Final = frozenset(
    (
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    )
)
_PARAGRAPHS: Final = frozenset(("blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre", "table"))
_LINES: Final = frozenset().union(
    *map(
        str.split,
        (
            "address article aside body caption center dd details dialog dir div dl dt fieldset figcaption figure",
            "footer form header html legend li main menu nav ol optgroup option section summary tbody tfoot thead tr",
            "ul",
        ),
    )
)
_BLOCKS: Final = _PARAGRAPHS | _LINES
_CELLS: Final = frozenset(("td", "th"))
_ENDED_BY_NEXT: Final = _CELLS | {"dd", "dt", "li", "option", "p", "tr"}
_UNSEEN: Final = frozenset(("datalist", "head", "template", "title"))
_INLINE: Final = (
    "a", "abbr", "b", "big", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "u",
)  # fmt: skip
_MARKS: Final = (
    {name: "" for each in _INLINE for name in (each, f"/{each}")}
    | {name: "\x01" for each in _PARAGRAPHS - {"pre", "table", "hr"} for name in (each, f"/{each}")}
    | {
        name: "\x02"
        for each in _LINES - {"body", "tbody", "tfoot", "thead", "tr", "dialog"}
        for name in (each, f"/{each}")
    }
    | {"br": "\x03", "hr": "\x01", "img": ""}
)


def html_to_text(text: str) -> str:
    """The text that a browser shows of HTML. A text without any tag is plain: only its entities are decoded.

    Takes time in proportion to the length, and never raises.
    """
    if "<" not in text:
        return _decode_characters(text)
    simple = show_simple_page(text)
    return _show(text, keep_spaces=False) if simple is None else simple


def strip_tags(text: str) -> str:
    """The same for HTML whose spaces and lines count, such as that within Markdown."""
    return _show(text, keep_spaces=True)


def _show(text: str, *, keep_spaces: bool) -> str:
    if "<" not in text:
        return _decode_characters(text)
    tokens = list(split_markup(text))
    if all(isinstance(each, str) for each in tokens):
        return _decode_characters("".join(map(str, tokens)))
    page = _Page(keep_spaces=keep_spaces)
    for each in tokens:
        page.add(each)
    return _decode_characters(page.finish())


def _decode_characters(text: str) -> str:
    if "&" in text:
        text = unescape(text)
    return text if text.isascii() else _UNSEEN_CHARACTERS.sub("", text.replace("\xa0", " "))


_SIMPLE_TAG: Final = re.compile(
    r"<(/?[A-Za-z][A-Za-z0-9]*)(?:\s++(?!style|hidden)[A-Za-z-]+=(?:\"[^\"<>]*\"|'[^'<>]*'))*+\s*+/?>"
)
_GAP: Final = re.compile(r"[\x01-\x03][ \x01-\x03]*+")


def show_simple_page(text: str) -> str | None:
    """What `html_to_text` answers for HTML of simple tags, which is nearly all; None for any other HTML.

    Simple are tags without state: each is replaced by nothing, or by a mark of the gap that it makes.
    """
    if "\x01" in text or "\x02" in text or "\x03" in text:
        return None
    try:
        marked = _SIMPLE_TAG.sub(_mark_of, text)
    except KeyError:
        return None
    if "<" in marked or marked == text:
        return None
    shown = _collapse_spaces(marked)
    for mark in "\x01\x02\x03":
        shown = shown.replace(f" {mark}", mark)
    return _decode_characters(_GAP.sub(_show_gap, shown).strip(" \n"))


def _mark_of(tag: re.Match[str]) -> str:
    return _MARKS[tag[1]]


def _show_gap(found: re.Match[str]) -> str:
    return _gap_of(found[0])


@lru_cache(maxsize=1000)
def _gap_of(marks: str) -> str:
    gap = 0
    for mark in marks:
        if mark == "\x03":
            gap = _PARAGRAPH if gap >= _LINE else _LINE
        elif mark != " ":
            gap = max(gap, _PARAGRAPH if mark == "\x01" else _LINE)
    return _SEPARATORS[gap]


def _collapse_spaces(text: str) -> str:
    """Replace spaces and line ends that stand together by one space. A pattern would stop at each of all spaces."""
    for each in "\t\n\r\f":
        text = text.replace(each, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


class _Page:
    """Page as far as it was read: the text that is shown, and the elements that are open."""

    def __init__(self, *, keep_spaces: bool) -> None:
        self._shown: list[str] = []
        self._gap = 0
        self._open: list[str] = []
        self._count: Counter[str] = Counter()
        self._keep_spaces = keep_spaces
        self._unseen_from: int | None = None

    def add(self, token: str | Tag | CharacterData) -> None:
        """Read the next token."""
        if isinstance(token, str):
            self._add_text(token)
        elif isinstance(token, CharacterData):
            self._add_text(escape(token.text, quote=False))
        elif token.closing:
            self._close(token.name)
        else:
            self._begin(token)

    def finish(self) -> str:
        """The text that is shown, with its entities."""
        return "".join(self._shown)

    def _add_text(self, text: str) -> None:
        if self._unseen_from is not None or not text:
            return
        if self._keep_spaces or self._count["pre"]:
            self._write(text)
            return
        words = _collapse_spaces(text)
        if words[0] == " ":
            self._widen(_SPACE)
        if words != " ":
            self._write(words.strip(" "))
            if words[-1] == " ":
                self._widen(_SPACE)

    def _write(self, text: str) -> None:
        if self._shown and self._gap:
            self._shown.append(_SEPARATORS[self._gap])
        self._gap = 0
        self._shown.append(text)

    def _widen(self, gap: int) -> None:
        if self._unseen_from is None and gap > self._gap:
            self._gap = gap

    def _separate(self, name: str) -> None:
        """Make room before or after a block; a cell stays on its line."""
        if name not in _BLOCKS:
            return
        if name != "tr" and (self._count["td"] or self._count["th"]):
            self._widen(_SPACE)
        else:
            self._widen(_PARAGRAPH if name in _PARAGRAPHS else _LINE)

    def _begin(self, tag: Tag) -> None:
        name = tag.name
        if name in _VOID:
            if name == "br":
                self._break_line()
            self._separate(name)
            return
        if self._open and (
            (name == self._open[-1] and name in _ENDED_BY_NEXT) or (self._open[-1] == "p" and name in _BLOCKS)
        ):
            self._close(self._open[-1])
        if name in _CELLS:
            self._widen(_TAB)
        self._separate(name)
        if name == "body":
            self._close("head")
        self._open.append(name)
        self._count[name] += 1
        if self._unseen_from is None and _is_unseen(tag):
            self._unseen_from = len(self._open)

    def _break_line(self) -> None:
        if self._count["td"] or self._count["th"]:
            self._widen(_SPACE)
        elif self._unseen_from is None:
            self._gap = _PARAGRAPH if self._gap >= _LINE else _LINE

    def _close(self, name: str) -> None:
        if name == "br":
            self._break_line()
        if not self._count[name]:
            self._separate(name)
            return
        while True:
            last = self._open.pop()
            self._count[last] -= 1
            if self._unseen_from is not None and len(self._open) < self._unseen_from:
                self._unseen_from = None
            if last == name:
                break
        self._separate(name)


def _is_unseen(tag: Tag) -> bool:
    if tag.name in _UNSEEN:
        return True
    written = tag.written.lower()
    if "hidden" not in written and "display" not in written:
        return False
    attributes = tag.attributes()
    return "hidden" in attributes or bool(_UNSEEN_STYLE.search(attributes.get("style", "")))
