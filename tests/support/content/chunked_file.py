"""A file that gives its bytes in pieces of chosen sizes, whatever is asked for."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from server.adapters.templates.readers.window import Window


class _ChunkedFile(io.RawIOBase):
    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = io.BytesIO(data)
        self._sizes = [*sizes, 1 << 20]

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._sizes.pop(0) if len(self._sizes) > 1 else self._sizes[0])


def window_over(data: bytes, sizes: list[int]) -> Window:
    """A window on these bytes, which come in pieces of these sizes and then all at once."""
    return Window(cast("BinaryIO", _ChunkedFile(data, sizes)), "x.json")
