"""Tables of answers, as wide as the terminal allows: no word of them is ever broken or cut.

A table whose words do not fit beside each other becomes cards: each row's values below one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich import box
from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from server.cli.output.values import format_value, render_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_GAP: Final = 3
"""Columns of the terminal between two columns of a table."""
_SENTENCE: Final = 24
"""The least width in which a text of several words can be read."""
_FACTS_GAP: Final = 2
"""Columns between a name and its value."""
_EMPTY: Final = frozenset({"", "-"})


@dataclass(frozen=True, slots=True)
class FittedTable:
    """Rows under a heading, or as cards where the terminal is too narrow for that."""

    columns: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]

    def map_cells(self, change: Callable[[Text], Text]) -> FittedTable:
        """The same table with changed cells."""
        return FittedTable(self.columns, tuple(tuple(map(change, row)) for row in self.rows))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it for that width."""
        widths = fit_columns([_measure(each) for each in self._columns()], options.max_width)
        if widths is None:
            yield from self._render_cards(options.max_width)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name, width in zip(self.columns, widths, strict=True):
            table.add_column(name, width=width, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        yield table

    def _columns(self) -> Iterator[list[Text]]:
        for number, name in enumerate(self.columns):
            yield [name, *(row[number] for row in self.rows)]

    def _render_cards(self, width: int) -> Iterator[RenderableType]:
        names = [f"  {each}" for each in self.columns]
        room = width - max(map(cell_len, map(str, names))) - _FACTS_GAP
        for number, (title, *cells) in enumerate(self.rows):
            if number:
                yield Text()
            yield Text(title.plain, style="bold", overflow="ignore")
            pairs = [
                (name, cell) for name, cell in zip(names[1:], cells, strict=True) if cell.plain not in _EMPTY
            ]
            if pairs and _measure([cell for _, cell in pairs])[0] <= room:
                yield render_facts(pairs)
            else:
                # The terminal breaks what is longer than a line, so that it is copied in one piece.
                yield from (Text(f"{name}  {cell.plain}", overflow="ignore") for name, cell in pairs)


def fit_columns(needs: Sequence[tuple[int, int]], width: int) -> list[int] | None:
    """The width of each column; None when they do not fit.

    Args:
        needs: for each column, the least width in which it can be read, and the width that it would take.
        width: the columns of the terminal.
    """
    free = width - _GAP * (len(needs) - 1) - sum(least for least, _ in needs)
    if free < 0:
        return None
    widths = []
    wanted = sum(full - least for least, full in needs)
    for least, full in needs:
        more = full - least if free >= wanted else free * (full - least) // wanted
        widths.append(least + more)
        free, wanted = free - more, wanted - (full - least)
    return widths


def _measure(cells: Sequence[Text]) -> tuple[int, int]:
    full = max(cell_len(line) for each in cells for line in each.plain.split("\n"))
    word = max((cell_len(word) for each in cells for word in each.plain.split()), default=0)
    return max(word, min(full, _SENTENCE)), full


def render_section(title: str, *content: RenderableType) -> Group:
    """Render a part of an answer under its title."""
    return Group(Text(format_value(title), style="bold"), *content)


def render_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> RenderableType:
    """Render rows under a heading, or the sentence `empty` when there are none. Nothing is ever cut."""
    cells = tuple(
        tuple(each if isinstance(each, Text) else render_value(each) for each in row) for row in rows
    )
    return FittedTable(tuple(map(Text, columns)), cells) if cells else Text(empty)


def render_facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Render names and values, one pair per line; a pair without a value is left out."""
    grid = Table.grid(padding=(0, _FACTS_GAP))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            grid.add_row(name, value if isinstance(value, Text) else render_value(value))
    return grid
