"""JSON objects one after another: one record a line (JSON Lines), or in any layout, as pretty-printers write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from domain.content import JsonLinesBatch
from server.adapters.templates.readers.shape import skip_space

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from server.adapters.templates.readers.window import Window

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{}"]', re.DOTALL)


def read_line_records(window: Window) -> Iterator[Sequence[bytes]]:
    """Batches of lines; empty lines are skipped, and the last line needs no line end."""
    while not window.ended:
        whole, newline, rest = window.data.rpartition(b"\n")
        if newline:
            window.data = rest
            if whole.strip():
                yield JsonLinesBatch(whole)
        del whole  # not held while the next is read
        window.read_more()
    if window.data.strip():
        yield [window.data]
    window.data = b""


def read_object_sequence(window: Window) -> Iterator[Sequence[bytes]]:
    """Batches of objects that follow one another, with white space or nothing between them.

    Raises TemplateInvalidError for anything else between them, and for an object that does not end.
    """
    count = 0
    while mark := window.peek():
        if mark != b"{":
            raise window.invalid_template_error(
                f"has {mark.decode('latin-1')!r} after record {count}, where the next object is expected",
                count + 1,
            )
        batch, used = _split_objects(window.data)
        if batch:
            window.advance(used)
            count += len(batch)
            yield batch
        elif not window.read_more():
            raise window.invalid_template_error(f"ends in the middle of record {count + 1}", count + 1)


def _split_objects(data: bytes) -> tuple[list[bytes], int]:
    """The whole objects at the beginning, and the number of their bytes."""
    objects: list[bytes] = []
    at = 0
    while data[at : at + 1] == b"{" and (end := _find_object_end(data, at)) > 0:
        objects.append(data[at:end])
        at = skip_space(data, end)
    return objects, at


def _find_object_end(data: bytes, start: int) -> int:
    """The index after the object that begins at `start`; 0 when the data end before it."""
    depth = 0
    for token in _TOKEN.finditer(data, start):
        mark = data[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if not depth:
                return token.end()
        elif token.end() - token.start() == 1:
            return 0
    return 0
