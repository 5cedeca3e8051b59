"""Output of a command: one answer on stdout, as text or as one JSON document; everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from domain.model import printable, printable_json
from server.cli.output.indented import IndentedText
from server.cli.output.tables import FittedTable
from tools.commands import command_ends, complete_commands_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import ConsoleOptions, RenderableType

_DEFAULT_WIDTH: Final = 150
"""Columns of what is written to a pipe or file, which has no width of its own."""


class Output:
    """The two streams that one command writes to."""

    def __init__(self, *, as_json: bool, command_options: Callable[[], str] = str) -> None:
        """Print the answer as JSON, or else as text for people.

        `command_options` gives the options that complete the commands in what is printed.
        """
        self.as_json = as_json
        self._command_options = command_options
        self.aside = _stream_console(stderr=True)
        self._people = _stream_console(stderr=False)
        self._stream: ItemStream | None = None

    def print_answer(self, document: dict[str, Any], *people: RenderableType) -> None:
        """Print the answer in the requested form. Called once per command, so that stdout has one document."""
        if self.as_json:
            sys.stdout.write(_encode_document(document, self._command_options()) + "\n")
            sys.stdout.flush()
            return
        self.print_for_people(*people)

    @contextmanager
    def stream_items(self) -> Iterator[ItemStream]:
        """Print the answer's `items` as they come, for an answer that is not held in memory.

        With --json the whole is one document, like that of `print_answer`. An error in between becomes its `error`.
        """
        self._stream = ItemStream(self._command_options)
        yield self._stream
        self._stream = None

    def print_for_people(self, *people: RenderableType) -> None:
        """Print the paragraphs with a blank line between them; nothing with --json."""
        if not self.as_json:
            for number, each in enumerate(people):
                if number:
                    self._people.print()
                self._print_completed(self._people, each)

    def print_note(self, *people: RenderableType) -> None:
        """Print a note on stderr, beside the answer."""
        for each in people:
            self._print_completed(self.aside, each)

    def print_error(self, document: dict[str, Any], *people: RenderableType) -> None:
        """Print an error: with --json the object on stdout, else the text on stderr."""
        if not self.as_json:
            self.print_note(*people)
        elif self._stream and self._stream.begun:
            self._stream.end(document)
        else:
            self.print_answer(document)

    def _print_completed(self, console: Console, what: RenderableType) -> None:
        # The terminal wraps sentences itself: a line break of ours inside a path would end up in what is copied.
        soft_wrap = isinstance(what, str | Text)
        console.print(_complete_renderable(what, self._command_options), soft_wrap=soft_wrap, crop=False)


def _encode_document(document: dict[str, Any], command_options: str) -> str:
    return json.dumps(printable_json(complete_commands_json(document, command_options)), indent=2)


class ItemStream:
    """A JSON document on stdout whose `items` are written as they come, in the form of `Output.print_answer`."""

    def __init__(self, command_options: Callable[[], str] = str) -> None:
        """Complete the commands in what is written by these options."""
        self._command_options = command_options
        self._count = 0

    @property
    def begun(self) -> bool:
        """Whether a part of the document is written."""
        return self._count > 0

    def print_items(self, documents: Iterable[dict[str, Any]]) -> None:
        """Write the next items."""
        for each in documents:
            sys.stdout.write("," if self._count else '{\n  "items": [')
            sys.stdout.write("\n" + indent(_encode_document(each, self._command_options()), "    "))
            self._count += 1
        sys.stdout.flush()

    def end(self, document: dict[str, Any]) -> None:
        """Write the rest of the document, which is not empty, after the items."""
        sys.stdout.write("\n  ]," if self._count else '{\n  "items": [],')
        sys.stdout.write(_encode_document(document, self._command_options()).removeprefix("{") + "\n")
        sys.stdout.flush()


class _PrintableConsole(Console):
    """A console that shows nothing but printable text, whatever it is given; its own control codes pass."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text, sys.maxsize, lines=True), style, control)


def _complete_renderable(what: RenderableType, options: Callable[[], str]) -> RenderableType:
    """The same with the commands in its texts completed. A table is changed in place: it was made to be printed."""
    if isinstance(what, str | Text):
        return _complete_text(Text(what) if isinstance(what, str) else what, options)
    if isinstance(what, Group):
        return Group(*(_complete_renderable(each, options) for each in what.renderables))
    if isinstance(what, IndentedText):
        return what.map_text(lambda text: _complete_text(text, options))
    if isinstance(what, FittedTable):
        return what.map_cells(lambda cell: _complete_text(cell, options))
    if isinstance(what, Table):
        for column in what.columns:
            cells = [_complete_renderable(each, options) for each in column.cells]
            column._cells[:] = cells  # noqa: SLF001 - rich has no other way to change a cell
    return what


def _complete_text(text: Text, options: Callable[[], str]) -> Text:
    completed, begin = Text(), 0
    for end in command_ends(text.plain):
        more = options()
        completed.append_text(text[begin:end]).append(f" {more}" if more else "")
        begin = end
    return completed.append_text(text[begin:]) if begin else text


def _stream_console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _DEFAULT_WIDTH
    return _PrintableConsole(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)
