"""Records that stand one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.content import JsonLinesBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from server.adapters.templates.readers.window import Window


def read_line_records(window: Window) -> Iterator[Sequence[bytes]]:
    """Batches of lines; empty ones are passed over, and the last needs no line end."""
    while not window.ended:
        whole, found, rest = window.data.rpartition(b"\n")
        if found:
            window.data = rest
            if whole.strip():
                yield JsonLinesBatch(whole)
        window.read_more()
    if window.data.strip():
        yield [window.data]
    window.data = b""
