"""Slack's mrkdwn to text: what its readers see, in plain characters.

The format is described at https://docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from domain.content.markup.emoji import replace_emoji_names

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE: Final = r"```.*?```|`[^`\n]+`"
_AS_IT_IS: Final = rf"({_CODE}|<[^<>\n]*>|https?://[^\s<>]+)"
_STYLES: Final = [
    # A mark counts where a word begins or ends, so that snake_case, 2*3 and ~/bin stay.
    re.compile(
        rf"{_AS_IT_IS}|(?<![\w{mark}]){mark}([^\s{mark}](?:[^{mark}\n]*[^\s{mark}])?){mark}(?![\w{mark}])",
        re.DOTALL,
    )
    for mark in (r"\*", "_", "~")
]
_MARKED: Final = re.compile(rf"({_CODE})|<([^<>\n]+)>", re.DOTALL)
_BOLD: Final = re.compile(r"\*(?<![\w*]\*)\S")
_ITALIC: Final = re.compile(r"_(?<![\w/]_)\S")
_EMOJI_NAME: Final = re.compile(r":(?<![\w:]:)[a-z0-9_+-]+:")
_TARGET: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://|\{\{site:|mailto:|tel:)\S*", re.IGNORECASE)
_NO_NAMES: Final[Mapping[str, str]] = {}
_PROGRAM: Final = re.compile(r"[\s\x00-\x1f]*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:amp|lt|gt);")
"""Slack encodes these three characters and no others."""


def slack_to_text(text: str, names: Mapping[str, str] = _NO_NAMES) -> str:
    """The text that Slack shows of a message; `names` has the names of users, channels and groups by their ids.

    Mentions become `@name`, channels `#name`, and links `label (address)`. A mention whose name is not known keeps its
    id, as all do in records, which have no names of others. Takes time in proportion to the length, and never raises.
    """
    # Most texts have no mark, and a search for one character costs next to nothing.
    if not (
        "<" in text
        or "&" in text
        or "`" in text
        or "~" in text
        or ("*" in text and _BOLD.search(text))
        or ("_" in text and _ITALIC.search(text))
        or (":" in text and text.count(":") > 1 and _EMOJI_NAME.search(text))
    ):
        return text
    for style in _STYLES:
        text = style.sub(lambda found: found[1] or found[2], text)
    parts: list[str] = []
    at = 0
    for found in _MARKED.finditer(text):
        parts += (_decode(replace_emoji_names(text[at : found.start()])), _show_marked(found, names))
        at = found.end()
    return "".join([*parts, _decode(replace_emoji_names(text[at:]))])


def _decode(text: str) -> str:
    return _ENTITY.sub(lambda found: unescape(found[0]), text)


def _show_marked(found: re.Match[str], names: Mapping[str, str]) -> str:
    code, marked = found.groups()
    if code is not None:
        inner = code[3:-3] if code.startswith("```") else code[1:-1]
        # Slack makes links of the addresses in code, too.
        return _decode(re.sub(r"<([^<>\n|]+://[^<>\n|]*)(?:\|[^<>\n]*)?>", r"\1", inner))
    target, _, label = marked.partition("|")
    kind, name = target[:1], target[1:]
    if kind == "@":
        return "@" + _decode(label or names.get(name, name)).removeprefix("@")
    if kind == "#":
        return "#" + _decode(label or names.get(name, name)).removeprefix("#")
    if kind == "!":
        return _show_special(name, _decode(label), names)
    if not _TARGET.fullmatch(target):
        return _decode(found[0])
    return show_link(_decode(label), _decode(target))


def _show_special(name: str, label: str, names: Mapping[str, str]) -> str:
    kind, _, rest = name.partition("^")
    if kind == "date":
        return label
    if kind == "subteam":
        name = names.get(rest, rest)
    return "@" + (label or name).removeprefix("@")


def show_link(label: str, target: str) -> str:
    """A link in plain text: its label and its address, or one of them where the other says nothing more.

    An address that is a program or a file of its own leads nowhere that a reader should go: its label alone is shown.
    """
    if _PROGRAM.match(target):
        return label
    address = target.removeprefix("mailto:").removeprefix("tel:")
    if not label.strip() or label == address or target.partition("://")[2].rstrip("/") == label:
        return address
    return f"{label} ({address})"
