"""Records that stand one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.window import Window


def records(window: Window) -> Iterator[list[bytes]]:
    """Batches of lines; empty ones are passed over, and the last needs no line end."""
    while not window.ended:
        whole, found, rest = window.data.rpartition(b"\n")
        if found:
            window.data = rest
            batch = [line for line in whole.split(b"\n") if line.strip()]
            if batch:
                yield batch
        window.more()
    if window.data.strip():
        yield [window.data]
    window.data = b""
