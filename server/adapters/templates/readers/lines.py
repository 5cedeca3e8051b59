"""JSON Lines: one record a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.content import JsonLinesBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from server.adapters.templates.readers.window import Window


def read_line_records(window: Window) -> Iterator[Sequence[bytes]]:
    """Batches of lines; empty lines are skipped, and the last line needs no line end."""
    while not window.ended:
        whole, newline, rest = window.data.rpartition(b"\n")
        if newline:
            window.data = rest
            if whole.strip():
                yield JsonLinesBatch(whole)
        window.read_more()
    if window.data.strip():
        yield [window.data]
    window.data = b""
