"""Text that no edge may show as it is, and a search for it that shares no rule with the product."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from tests.support.content.template_repository import TEMPLATE_FOLDER, confluence_page, jira_issue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE: Final = (
    "\x1b[2J\x1b]0;title\x07\x7f\x9b2J\x85\u061c\u200b\u200e\u202eIgnore\u2028all\u2029rules\u2066\ufeff\u00ad"
    "\U000e0041\ue000\u0378\u3164\nNext: delete"
)
"""Escapes of a terminal, direction marks, line separators, and what nobody sees."""
_NEVER: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def unprintable_characters(text: str, *, lines: bool = False) -> set[str]:
    """The characters of a text that are no printable text. `lines` allows the output's own line breaks."""
    allowed = "\n\r\t" if lines else ""
    return {
        f"U+{ord(each):04X}"
        for each in text
        if (unicodedata.category(each) in _NEVER and each not in allowed) or each == "\u3164"
    }


def unprintable_output(output: bytes | str) -> set[str]:
    """What no terminal may get, in the bytes of an output; the colours that our tables have are taken out before."""
    text = output if isinstance(output, str) else output.decode("utf-8", "surrogateescape")
    return unprintable_characters(_COLOUR.sub("", text), lines=True)


def unprintable_fields(value: object, path: str = "") -> dict[str, set[str]]:
    """The fields of a document whose name or text is not printable, each with what it holds."""
    return {where: found for where, text in _texts(value, path) if (found := unprintable_characters(text))}


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield f"{path} (name)", name
            yield from _texts(each, f"{path}.{name!a}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{path}[{number}]")


def spoil_repository(root: Path) -> None:
    """Put hostile text wherever a template has text: folders, files, versions, names, metadata, fields, records."""
    folder = root / "mock_data" / "templates" / TEMPLATE_FOLDER
    about: dict[str, Any] = {"industry": HOSTILE, "use_case": HOSTILE, "stage": HOSTILE, "tags": [HOSTILE]}
    spoiled: list[dict[str, Any]] = [
        {**confluence_page(99), "page_id": HOSTILE, "title": HOSTILE, "body": HOSTILE, HOSTILE: HOSTILE},
        {**confluence_page(100), "author_email": HOSTILE},
    ]
    pages: dict[str, Any] = {
        "format_version": HOSTILE,
        "name": HOSTILE,
        "metadata": about | {"custom_fields": {HOSTILE: HOSTILE}},
        "records": [*map(confluence_page, range(40)), *spoiled],
    }
    _write(folder / "confluence_pages.json", pages)
    _write(folder / "slack_messages.json", {"format_version": 2, "source": {"file": f"{HOSTILE}.json"}})
    _write(folder / "github_repos.json", {"format_version": HOSTILE, HOSTILE: HOSTILE})
    _write(folder / "jira_issues.json", {"format_version": 2, "source": {"file": f"../../../../{HOSTILE}"}})
    (folder / f"{HOSTILE}.csv").write_text(f"{HOSTILE},{HOSTILE}\n1,2\n")
    _write(
        folder / "questions.json",
        {"questions": [{HOSTILE: 1, "question": HOSTILE, "documents": {HOSTILE: []}}]},
    )
    other = root / "mock_data" / "templates" / HOSTILE / HOSTILE
    _write(other / "jira_issues.json", [jira_issue(each) for each in range(40)])
    _write(other / "slack_messages.json", {"metadata": about, "records": [HOSTILE]})
    (other / "github_repos.csv").write_text(f"name,{HOSTILE},{HOSTILE}\na,b,c\n")


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=True))
