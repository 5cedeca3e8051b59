"""What a command prints: one answer on stdout, for a person or as one JSON document, and the rest on stderr."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

_DEFAULT_WIDTH: Final = 150
"""So wide is what is written to a pipe or file, where nobody's window says it."""
_GOOD: Final = frozenset({"active", "archived", "healthy", "ok", "ready", "valid"})
_BAD: Final = frozenset({"failed", "invalid", "unhealthy", "wrong"})
_IN_PROGRESS: Final = frozenset(
    {"creating", "disconnected", "paused", "provisioning", "syncing", "teardown", "validating", "warning"}
)


class Output:
    """Where one command writes."""

    def __init__(self, *, as_json: bool) -> None:
        """Answer in JSON, or for people."""
        self.as_json = as_json
        self.aside = _stream_console(stderr=True)
        self._people = _stream_console(stderr=False)

    def print_answer(self, document: dict[str, Any], *people: RenderableType) -> None:
        """Print the answer, in the form that was asked for; once a command."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
            sys.stdout.flush()
            return
        self.print_for_people(*people)

    def print_for_people(self, *people: RenderableType) -> None:
        """Print a part of an answer that is for people only, with a blank line between paragraphs."""
        if not self.as_json:
            for number, each in enumerate(people):
                if number:
                    self._people.print()
                _print_renderable(self._people, each)

    def print_note(self, *people: RenderableType) -> None:
        """Say something beside the answer, on stderr."""
        for each in people:
            _print_renderable(self.aside, each)

    def print_error(self, document: dict[str, Any], *people: RenderableType) -> None:
        """Print an error: the object on stdout for a program, the text on stderr for a person."""
        if self.as_json:
            self.print_answer(document)
        else:
            self.print_note(*people)


def _print_renderable(console: Console, what: RenderableType) -> None:
    # A sentence is broken by whoever shows it, so that a path in it can be searched for and copied.
    console.print(what, soft_wrap=isinstance(what, str | Text))


def _stream_console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _DEFAULT_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def format_value(value: object) -> str:
    """A value as a cell shows it; what could move a terminal's cursor is made visible."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC")
    return "".join(each if each.isprintable() or each == "\n" else "�" for each in str(value))


def render_value(value: object) -> Text:
    """A value as text, coloured when it is a status."""
    words = format_value(value)
    style = (
        "green" if words in _GOOD else "red" if words in _BAD else "yellow" if words in _IN_PROGRESS else ""
    )
    return Text(words, style=style)


def render_section(title: str, *content: RenderableType) -> Group:
    """A part of an answer, under a line that says what it is."""
    return Group(Text(format_value(title), style="bold"), *content)


def render_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> RenderableType:
    """Rows under a heading; `empty` is said when there are none. Nothing in it is ever cut off."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for each in columns:
        shown.add_column(each, overflow="fold")
    for row in rows:
        shown.add_row(*(each if isinstance(each, Text) else render_value(each) for each in row))
    return shown if shown.row_count else Text(empty)


def render_facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one pair a line; what is not known is left out."""
    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            shown.add_row(name, value if isinstance(value, Text) else render_value(value))
    return shown


def format_duration(seconds: float) -> str:
    """A length of time in its greatest unit."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} seconds"
