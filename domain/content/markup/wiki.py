"""Jira's wiki markup to text.

https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all describes it.
"""

from __future__ import annotations

import re
from typing import Final

from domain.content.markup.slack import show_link

_VERBATIM: Final = re.compile(r"\{(code|noformat)(:[^{}\n]{0,500})?\}")
_TITLE: Final = re.compile(r"[:|]title=([^|{}\n]+)")
_MACRO: Final = re.compile(
    r"\{(?:quote|color|panel|section|column|center|expand|info|note|tip|warning|anchor)(:[^{}\n]{0,500})?\}"
)
_MONOSPACE: Final = re.compile(r"\{\{(?!site:)([^{}\n]+)\}\}")
_LABELLED_LINK: Final = re.compile(r"\[([^\[\]\n|]+)\|([^\[\]\n|\s]+)(?:\|[^\[\]\n]*)?\]")
_BARE_LINK: Final = re.compile(r"\[([~^#]|(?=[a-z]+://|mailto:))([^\[\]\n|]+)\]")
_KEY_LINK: Final = re.compile(r"(?<![\w\\\]])\[([A-Z][A-Z0-9_]{1,50}-\d{1,18})\]")
_RULE: Final = re.compile(r"^[ \t]*-{4,5}[ \t]*(?=\r?$)", re.MULTILINE)
_IMAGE: Final = re.compile(r"(?<![\w!])!((?:[^\s!|]|(?<=\w) (?=\w))+\.[A-Za-z0-9]{2,5})(?:\|[^!\n]{0,500})?!")
_HEADING: Final = re.compile(r"^[ \t]*h[1-6]\.[ \t]+", re.MULTILINE)
_BLOCK_QUOTE: Final = re.compile(r"^bq\.[ \t]+", re.MULTILINE)
_TABLE_ROW: Final = re.compile(r"^[ \t]*\|\|?(.+?)\|\|?[ \t]*$", re.MULTILINE)
_CELL: Final = re.compile(r"[ \t]*\|\|?[ \t]*")
_ITEM: Final = re.compile(r"^[ \t]*([*#-]{1,10})[ \t]+(?=\S)")
_LINE_BREAK: Final = re.compile(r"\\\\(?=\s|$)")
_ESCAPE: Final = re.compile(r"\\([\[\]{}!*|_+^~-])")
_BRACED_MARK: Final = re.compile(r"\{([*_+^~-])\}")
_STYLES: Final = [
    # A mark counts where a word begins or ends, and neither within an address nor behind a backslash.
    re.compile(
        rf"(https?://[^\s\[\]()]+)|(?<![\w{mark}/\\]){mark}([^\s{mark}](?:[^{mark}\n]*[^\s{mark}\\])?){mark}(?![\w{mark}])"
    )
    for mark in (r"\*", "_", r"\+", r"\^", "~", r"\-")
] + [re.compile(r"(https?://[^\s\[\]()]+)|(?<!\?)\?\?([^\s?](?:[^?\n]*[^\s?])?)\?\?(?!\?)")]
_PAIRED: Final = re.compile(r"\{(code|noformat|quote|panel|color)(?::[^{}\n]{0,500})?\}")
_LINE: Final = r"(?:(?:h[1-6]|bq)\.[ \t]+\S|[ \t]*\|\|[^|\n]+\|\|)"
LINE_BEGINNINGS: Final = ("h", "bq.", "|", " ", "\t")
"""What the marks of a line begin with."""
_FIRST_LINE_MARK: Final = re.compile(_LINE)
_LINE_MARK: Final = re.compile(rf"\n{_LINE}")
_BRACKET_MARK: Final = re.compile(
    r"\[(?:[^\[\]\n|]+\|(?:https?://|mailto:|\{\{site:|[#^/])[^\[\]\n]+|~(?:accountid:)?[\w.@:-]+|\^[^\[\]\n]+\.\w+)\]"
)


def is_wiki_markup(text: str) -> bool:
    """Whether a text has a mark that nobody writes in plain text, such as `h2. ` at the begin of a line."""
    if "{" in text:
        kinds = [found[1] for found in _PAIRED.finditer(text)]
        if len(kinds) > len(set(kinds)):
            return True
    if "[" in text and _BRACKET_MARK.search(text):
        return True
    return bool(_FIRST_LINE_MARK.match(text) or _LINE_MARK.search(text))


def wiki_to_text(text: str) -> str:
    """The text that Jira shows of wiki markup: code as it is written, links as `label (address)`, tables in rows.

    Takes time in proportion to the length, and never raises.
    """
    marks = list(_VERBATIM.finditer(text))
    # Where the next `{code}` without parameters is, which alone can close a block; known for all, it is searched once.
    closing: list[dict[str, int]] = []
    after: dict[str, int] = {}
    for number in range(len(marks) - 1, -1, -1):
        closing.append(after)
        if marks[number][2] is None:
            after = {**after, marks[number][1]: number}
    closing.reverse()
    parts: list[str] = []
    at = number = 0
    while number < len(marks):
        mark = marks[number]
        end = closing[number].get(mark[1])
        if end is None:
            number += 1
            continue
        parts += (
            _show_prose(text[at : mark.start()]),
            _show_code(mark[2] or "", text[mark.end() : marks[end].start()]),
        )
        at, number = marks[end].end(), end + 1
    return "".join([*parts, _show_prose(text[at:])])


def _show_code(parameters: str, code: str) -> str:
    title = _TITLE.search(parameters)
    head = f"{title[1].strip()}\n" if title else ""
    return head + code.strip("\r\n")


def _show_prose(text: str) -> str:
    text = _MACRO.sub(_show_macro, text)
    text = _LABELLED_LINK.sub(lambda found: show_link(found[1], found[2].removeprefix("mailto:")), text)
    text = _BARE_LINK.sub(_show_bare_link, text)
    text = _KEY_LINK.sub(r"\1", text)
    text = _IMAGE.sub(r"\1", text)
    text = _MONOSPACE.sub(r"\1", text)
    text = _BRACED_MARK.sub(r"\1", text)
    text = _show_lines(text)
    for style in _STYLES:
        text = style.sub(lambda found: found[1] or found[2], text)
    return _ESCAPE.sub(r"\1", _LINE_BREAK.sub("\n", text))


def _show_macro(found: re.Match[str]) -> str:
    title = _TITLE.search(found[1] or "")
    return f"{title[1].strip()}\n" if title else ""


def _show_bare_link(found: re.Match[str]) -> str:
    if found[1] == "~":
        return f"@{found[2].removeprefix('accountid:')}"
    return found[2].removeprefix("mailto:")


def _show_lines(text: str) -> str:
    """Headings, quotes, rows of tables and items of lists, each at the begin of its line."""
    text = _RULE.sub("---", _BLOCK_QUOTE.sub("> ", _HEADING.sub("", text)))
    text = _TABLE_ROW.sub(lambda row: _CELL.sub(" | ", row[1].strip()), text)
    if not _ITEM.search(text) and not re.search(r"\n[ \t]*[*#-]", text):
        return text
    numbers = [0] * 11
    lines = []
    for line in text.split("\n"):
        item = _ITEM.match(line)
        if item is None:
            numbers = [0] * 11
            lines.append(line)
            continue
        depth = len(item[1])
        numbers[depth] += 1
        numbers[depth + 1 :] = [0] * (10 - depth)
        bullet = f"{numbers[depth]}." if item[1].endswith("#") else "-"
        lines.append(f"{'  ' * (depth - 1)}{bullet} {line[item.end() :]}")
    return "\n".join(lines)
