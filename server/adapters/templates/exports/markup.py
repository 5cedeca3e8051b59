"""Markup of the vendors, as text that a search finds and people read: the one place that says what turns it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_CDATA: Final = re.compile(r"<!\[CDATA\[([^\]]*(?:\](?!\]>)[^\]]*)*)\]\]>")
_PARAMETER: Final = re.compile(r"<ac:parameter\b[^<>]*>[^<]*</ac:parameter>")
_NAMESPACED: Final = re.compile(r"</?(?:ac|ri):[^<>]*>")
_ANGLES: Final = re.compile(r"<([^<>]*)>")
_WIKI_BLOCKS: Final = re.compile(r"\{(?:code|noformat|quote|panel|color)(?::[^{}\n]*)?\}")
_WIKI_HEADINGS: Final = re.compile(r"^h[1-6]\. ", re.MULTILINE)
_WIKI_LINK: Final = re.compile(r"\[([^\[\]|\n]+)\|([^\[\]|\s]+)(?:\|[^\[\]\n]*)?\]")
_WIKI_IMAGE: Final = re.compile(r"!\S[^!\n]{0,200}!")
_WIKI_MONOSPACE: Final = re.compile(r"\{\{([^{}\n]+)\}\}")
_BLOCKS: Final = frozenset(
    {"paragraph", "heading", "codeBlock", "listItem", "blockquote", "tableRow", "panel", "rule", "taskItem"}
)


def from_confluence_storage(text: str) -> str:
    """Clean HTML from Confluence's storage format."""
    if "<ac:" not in text and "<ri:" not in text and "CDATA" not in text:
        return text
    text = _CDATA.sub(lambda found: html.escape(found[1], quote=False), text)
    return _NAMESPACED.sub("", _PARAMETER.sub("", text))


def from_slack(text: str, names: Mapping[str, str]) -> str:
    """Text from Slack's mrkdwn; `names` has the names of people and channels by their ids."""
    if "<" in text:
        text = _ANGLES.sub(lambda found: _slack_reference(found[1], names), text)
    return html.unescape(text) if "&" in text else text


def from_jira_wiki(text: str) -> str:
    """Text from Jira's wiki markup."""
    text = _WIKI_HEADINGS.sub("", _WIKI_BLOCKS.sub("", text))
    text = _WIKI_LINK.sub(r"\1 (\2)", text)
    return _WIKI_MONOSPACE.sub(r"\1", _WIKI_IMAGE.sub("", text)).strip()


# Any, because an export may have anything there.
def from_adf(value: Any) -> str:  # noqa: ANN401
    """Text from the Atlassian Document Format."""
    pieces: list[str] = []
    pending: list[Any] = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, dict):
            kind, attributes = node.get("type"), node.get("attrs")
            attributes = attributes if isinstance(attributes, dict) else {}
            shown = node.get("text") or attributes.get("text") or attributes.get("url")
            pieces.append("\n" if kind == "hardBreak" else shown if isinstance(shown, str) else "")
            content = node.get("content")
            pending += ["\n"] if kind in _BLOCKS else []
            pending += reversed(content) if isinstance(content, list) else []
    return "".join(pieces).strip()


def _slack_reference(inner: str, names: Mapping[str, str]) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return f"@{names.get(target[1:]) or label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or names.get(target[1:]) or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return f"{label} ({target})" if label and label != target else target
