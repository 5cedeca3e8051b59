"""Indented text: its lines begin below one another, however narrow the terminal is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

_LEAST_WIDTH: Final = 20
"""The least columns for the text itself: on a terminal that is narrower, its lines are longer than that."""
_WORD: Final = re.compile(r"(\S+)\s*")


@dataclass(frozen=True, slots=True)
class IndentedText:
    """A text whose lines are indented; the first one is not where it is `hanging`.

    No word is broken, so that a path is copied in one piece. A hanging text has no break in its first `indent` columns.
    """

    text: Text
    indent: int
    hanging: bool = False

    def map_text(self, change: Callable[[Text], Text]) -> IndentedText:
        """The same with a changed text."""
        return replace(self, text=change(self.text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it for that width."""
        width = max(options.max_width - self.indent, _LEAST_WIDTH)
        for number, line in enumerate(self.text.divide(self._find_breaks(width))):
            line.rstrip()
            margin = "" if self.hanging and not number else " " * self.indent
            yield Text(margin, overflow="ignore", no_wrap=True).append_text(line)

    def _find_breaks(self, width: int) -> Iterator[int]:
        """Where lines begin, except the first one."""
        room = width + self.indent if self.hanging else width
        used = 0
        for word in _WORD.finditer(self.text.plain):
            may_break = used and not (self.hanging and word.start() <= self.indent)
            if may_break and used + cell_len(word[1]) > room:
                yield word.start()
                room, used = width, 0
            used += cell_len(word[0])
