"""Markdown to text: CommonMark (https://spec.commonmark.org) with the tables, tasks and strikes of GitHub.

Parsers of the whole grammar take a second for a hundred thousand brackets, and a millisecond for each kilobyte. What a
reader sees of a text needs much less of the grammar: marks are taken away, and what they mark stays.
"""

from __future__ import annotations

import re
from typing import Final

from domain.content.markup.emoji import replace_emoji_names
from domain.content.markup.html_text import strip_tags
from domain.content.markup.slack import show_link

_FENCE: Final = re.compile(r"[ \t]{0,12}(`{3,}|~{3,})[^`\n]*")
_VERBATIM: Final = re.compile(r"(`{1,4}+)(?!`)((?:[^\n]|\n(?!\n)){1,1000}?)(?<!`)\1(?!`)|\\([!-/:-@\[-`{-~])")
_AUTOMATIC_LINK: Final = re.compile(r"<((?:https?://|mailto:)[^\s<>]*|[\w.+-]{1,64}@[\w.-]{1,255})>")
_TARGET: Final = r"\(\s*+<?((?:[^()\s<>]|\([^()\s<>]*\))*+)>?(?:\s++(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*+\)"
_IMAGE: Final = re.compile(rf"!\[([^\[\]]*)\](?:{_TARGET}|\[[^\[\]]*\])")
_LINK: Final = re.compile(rf"\[([^\[\]]*)\]{_TARGET}")
_REFERENCE: Final = re.compile(r"\[([^\[\]]+)\]\[(?!\^)[^\[\]]*\]")
_DEFINITION: Final = re.compile(r"^ {0,3}\[(?!\^)[^\[\]\n]+\]:[ \t]*\S[^\n]*\n?", re.MULTILINE)
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}(?:[ \t]+|$)(.*?)(?:[ \t]#+)?[ \t]*$", re.MULTILINE)
_RULE: Final = re.compile(r"^(?=[^\n]*(?:--|==|\*\*|__))[ \t]*+[-=:|*_ \t]++$\n?", re.MULTILINE)
_TABLE_ROW: Final = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_CELL: Final = re.compile(r"[ \t]*(?<!\\)\|[ \t]*")
_TASK: Final = re.compile(r"^([ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[([ xX])\](?=[ \t])", re.MULTILINE)
_STYLES: Final = [
    ("**", re.compile(r"\*\*(?<!\*\*\*)([^\s*](?:[^*]*[^\s*])?)\*\*(?!\*)")),
    ("*", re.compile(r"\*(?<![\w*]\*)\*{0,2}([^\s*](?:[^*]*[^\s*])?)\*{1,3}(?![\w*])")),
    ("_", re.compile(r"_(?<![\w/]_)_{0,2}([^\s_](?:[^_\n]*[^\s_])?)_{1,3}(?![\w_])")),
    ("~~", re.compile(r"~~(?<!~~~)([^\s~](?:[^~]*[^\s~])?)~~(?!~)")),
]


def markdown_to_text(text: str) -> str:
    """The text that a reader sees of Markdown: code as it is written, links as `label (address)`, tables in rows.

    Takes time in proportion to the length, and never raises.
    """
    if "```" not in text and "~~~" not in text:
        return _show_prose(text)
    parts: list[str] = []
    prose: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.fullmatch(line.rstrip("\r\n"))
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            else:
                parts.append(line)
        elif mark:
            parts.append(_show_prose("".join(prose)))
            prose.clear()
            fence = mark[1]
        else:
            prose.append(line)
    return "".join([*parts, _show_prose("".join(prose))])


def _show_prose(text: str) -> str:
    # A search for one character costs far less than one for a pattern, and most texts have few kinds of marks.
    if "`" in text or "\\" in text:
        text = _VERBATIM.sub(_protect, text)
    if "<" in text:
        text = _AUTOMATIC_LINK.sub(lambda found: found[1].removeprefix("mailto:"), text)
    if "[" in text:
        text = _IMAGE.sub(r"\1", text)
        text = _LINK.sub(_show_target, text)
        text = _DEFINITION.sub("", _REFERENCE.sub(r"\1", text))
        text = _TASK.sub(lambda task: task[1] + ("☐" if task[2] == " " else "☑"), text)
    if text.startswith("#") or "\n#" in text or " #" in text:
        text = _HEADING.sub(r"\1", text)
    if any(each in text for each in ("--", "==", "**", "__")):
        text = _RULE.sub("", text)
    if "|" in text:
        text = _TABLE_ROW.sub(lambda row: _CELL.sub(" | ", row[1].strip()), text)
    for mark, style in _STYLES:
        if mark in text:
            text = style.sub(r"\1", text)
    text = replace_emoji_names(text)
    return strip_tags(text) if "&" in text or "<" in text else text


def _protect(found: re.Match[str]) -> str:
    """Code and escaped characters, encoded so that nothing in them is read as a mark; `strip_tags` decodes them."""
    verbatim: str = found[2] if found[1] else found[3]
    return "".join(each if each.isalnum() or each.isspace() else f"&#{ord(each)};" for each in verbatim)


def _show_target(found: re.Match[str]) -> str:
    label, target = found[1], found[2]
    return show_link(label, target) if "://" in target or target.startswith("mailto:") else label
