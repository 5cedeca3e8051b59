"""Atlassian Document Format to text.

The nodes are those of its public schema (https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/,
https://unpkg.com/@atlaskit/adf-schema/dist/json-schema/v1/full.json). Of a node that is not known, the text is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content.markup.slack import show_link

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES: Final = frozenset(
    (
        "blockTaskItem", "bulletList", "caption", "decisionItem", "decisionList", "extensionFrame", "layoutColumn",
        "layoutSection", "listItem", "mediaGroup", "orderedList", "tableRow", "taskItem", "taskList",
    )
)  # fmt: skip
_PARAGRAPHS: Final = frozenset(
    (
        "blockCard", "blockquote", "bodiedExtension", "bodiedSyncBlock", "codeBlock", "embedCard", "expand",
        "extension", "heading", "mediaSingle", "multiBodiedExtension", "nestedExpand", "panel", "paragraph", "rule",
        "syncBlock", "table",
    )
)  # fmt: skip
_LISTS: Final = frozenset(("bulletList", "decisionList", "orderedList", "taskList"))
_CELLS: Final = frozenset(("tableCell", "tableHeader"))
_DATE_DIGITS: Final = 15
_BOXES: Final = frozenset(("date", "inlineCard", "inlineExtension", "mediaInline", "mention", "status"))
"""Nodes within a line that are drawn apart from the text beside them, whether or not it has a space there."""
_ENDS: Final = frozenset(",.;:!?)]}%")
"""The marks behind which such a node is apart, as it is behind letters and digits."""
_BEGINS: Final = frozenset("([{@#")
"""The marks that are apart behind such a node, as letters and digits are."""


def adf_to_text(value: object) -> str:
    """The text of a document, given as an object or as JSON text of one. A text that is no document stays as it is.

    Takes time in proportion to the size, and never raises; anything else has no text.
    """
    if isinstance(value, str):
        document = _parse_document(value)
        return value if document is None else _show(document)
    return _show(value)


def is_adf(value: object) -> bool:
    """Whether a value is a document: an object of the type `doc` with a list as its content."""
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)


def _parse_document(text: str) -> dict[str, Any] | None:
    if not (text.lstrip().startswith("{") and '"doc"' in text):
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return value if is_adf(value) else None


def _show(document: object) -> str:
    text = _Text()
    # A list of iterators and not a recursion: a document may be nested as deeply as its sender likes.
    open_nodes: list[tuple[dict[str, Any], Iterator[Any]]] = []
    pending: Iterator[Any] = iter([document])
    node: dict[str, Any] = {}
    while True:
        for each in pending:
            if isinstance(each, dict):
                text.begin(each)
                content = each.get("content")
                open_nodes.append((node, pending))
                node, pending = each, iter(content if isinstance(content, list) else ())
                break
        else:
            if not open_nodes:
                return text.finish()
            text.end(node)
            node, pending = open_nodes.pop()


class _Text:
    """Text as far as it was read."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = ""
        self._lists: list[int | None] = []
        self._cells = 0
        self._began_item = False
        self._ends_with_box = False

    def finish(self) -> str:
        """The whole text."""
        return "".join(self._parts)

    def begin(self, node: dict[str, Any]) -> None:
        """Begin a node; one without content is complete with that."""
        kind = _text_of(node.get("type"))
        self._separate(kind)
        attributes = node.get("attrs")
        attributes = attributes if isinstance(attributes, dict) else {}
        if kind in _LISTS:
            order = attributes.get("order", 1)
            self._lists.append((order if type(order) is int else 1) if kind == "orderedList" else None)
        elif kind == "listItem":
            self._write(self._bullet())
            self._began_item = True
        elif kind in {"taskItem", "blockTaskItem"}:
            self._write("☑ " if attributes.get("state") == "DONE" else "☐ ")
        elif kind in _CELLS:
            if self._gap != "\n":
                self._gap = " | " if self._cells else self._gap
            self._cells += 1
        elif kind == "hardBreak":
            self._gap = "\n"
        else:
            self._write(_show_leaf(kind, node, attributes), is_box=kind in _BOXES)
            if kind in {"expand", "nestedExpand"} and attributes.get("title"):
                self._gap = "\n\n"

    def end(self, node: dict[str, Any]) -> None:
        """End a node."""
        kind = _text_of(node.get("type"))
        if kind in _LISTS:
            self._lists.pop()
        if kind == "tableRow":
            self._cells = 0
        self._separate(kind)

    def _write(self, text: str, *, is_box: bool = False) -> None:
        if text:
            if self._parts:
                self._parts.append(self._gap or self._space_before(text, is_box=is_box))
            self._gap = ""
            self._began_item = False
            self._parts.append(text)
            self._ends_with_box = is_box

    def _space_before(self, text: str, *, is_box: bool) -> str:
        """A space where a box stands beside text that has none there."""
        before, after = self._parts[-1][-1], text[0]
        begins = before.isalnum() or before in _ENDS
        ends = after.isalnum() or after in _BEGINS
        return " " if (is_box and begins) or (self._ends_with_box and ends) else ""

    def _separate(self, kind: str) -> None:
        if self._began_item and kind not in _LISTS | {"listItem"}:
            return  # a paragraph stands beside the bullet that was just written
        if kind in _PARAGRAPHS:
            gap = " " if self._cells else "\n" if self._lists else "\n\n"
        elif kind in _LINES:
            gap = " " if self._cells else "\n"
        else:
            return
        self._gap = max(self._gap, gap, key=len) if "\n" in self._gap or "\n" not in gap else gap

    def _bullet(self) -> str:
        indent = "  " * min(max(len(self._lists) - 1, 0), 20)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "


def _show_leaf(kind: str, node: dict[str, Any], attributes: dict[str, Any]) -> str:
    """The text of a node itself, without that of its content."""
    if kind == "text":
        return _show_text(node)
    if kind == "rule":
        return "---"
    if kind == "date":
        return _show_date(attributes.get("timestamp"))
    if kind == "mention":
        name = _text_of(attributes.get("text")) or _text_of(attributes.get("id"))
        return f"@{name.removeprefix('@')}" if name else ""
    names = {
        "emoji": ("text", "shortName"),
        "status": ("text",),
        "placeholder": ("text",),
        "expand": ("title",),
        "nestedExpand": ("title",),
        "inlineCard": ("url",),
        "blockCard": ("url",),
        "embedCard": ("url",),
        "media": ("alt",),
        "mediaInline": ("alt",),
        "extension": ("text",),
        "inlineExtension": ("text",),
    }.get(kind, ("text",))
    own = next((found for name in names if (found := _text_of(attributes.get(name)))), "")
    return own or _text_of(node.get("text"))


def _show_text(node: dict[str, Any]) -> str:
    text = _text_of(node.get("text"))
    marks = node.get("marks")
    for mark in marks if isinstance(marks, list) else ():
        if isinstance(mark, dict) and mark.get("type") == "link" and isinstance(mark.get("attrs"), dict):
            address = _text_of(mark["attrs"].get("href"))
            if address:
                return show_link(text, address)
    return text


def _show_date(timestamp: object) -> str:
    """The day of a timestamp in milliseconds, which is written as text."""
    digits = _text_of(timestamp) or (str(timestamp) if type(timestamp) is int else "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < _DATE_DIGITS):
        return digits
    return datetime.fromtimestamp(int(digits) / 1000, UTC).date().isoformat()


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else ""
