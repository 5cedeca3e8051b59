"""JSON arrays: read records from an array of any length, at the speed of the C parser.

The end of the last whole record in the window is guessed, and the guess is proved by parsing everything before it as
one array: a wrong guess cannot be parsed. When guesses fail, a scanner of strings and brackets finds the exact end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from domain.content import JsonArrayBatch
from server.adapters.templates.readers.window import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content import RecordKind
    from server.adapters.templates.readers.window import Window

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{},"]', re.DOTALL)
_GUESSES: Final = 3
_NEAR: Final = 64
_OPEN: Final = frozenset(b"{[")
_CLOSE: Final = frozenset(b"}]")


def read_array_records(window: Window, kind: RecordKind | None = None) -> Iterator[Sequence[bytes]]:
    """Batches of the elements of an array, from after its opening bracket to its closing bracket, which is consumed.

    `kind` is the expected kind of record: elements of this kind are parsed only once. Raises TemplateInvalidError for
    an array that does not end, or has something else than commas between elements.
    """
    count = 0
    if window.peek() == b"]":
        window.advance(1)
        return
    while True:
        if len(window.data) < CHUNK and not window.ended:
            window.read_more()
        batch, size, closed = _guess_batch(window, kind) or _scan_batch(window, count)
        count += size
        yield batch
        del batch  # not held while the next is read
        if closed:
            return
        if window.peek() in b"]":
            raise window.invalid_template_error(
                f"has nothing after the comma behind record {count}", count + 1
            )


def find_value_end(data: bytes, start: int = 0) -> int:
    """The index of the comma or bracket after the JSON value at `start`; -1 when the data end before it."""
    depth = 0
    for token in _TOKEN.finditer(data, start):
        mark = data[token.start()]
        if mark in _OPEN:
            depth += 1
        elif mark in _CLOSE:
            if not depth:
                return token.start()
            depth -= 1
        elif mark == ord(",") and not depth:
            return token.start()
        elif token.end() - token.start() == 1 and mark == ord('"'):
            return -1
    return -1


def _guess_batch(window: Window, kind: RecordKind | None) -> tuple[JsonArrayBatch, int, bool] | None:
    """All records up to the last comma between records in the window, or to the end of the array.

    Also their number, and whether the array was closed. None when guessing fails.
    """
    data = window.data
    end = len(data)
    # Few guesses: each costs a parse of the whole window, and the scanner finds the end in any case.
    for _ in range(_GUESSES):
        end = data.rfind(b"}", 0, end)
        if end < 0:
            return None
        rest = data[end + 1 : end + _NEAR].lstrip()
        if not rest.startswith((b",", b"]")):
            continue
        try:
            block = JsonArrayBatch(b"".join((b"[", memoryview(data)[: end + 1], b"]")), kind)
        except (msgspec.DecodeError, RecursionError):
            continue
        window.advance(data.index(rest[:1], end + 1) + 1)
        return block, block.size, rest.startswith(b"]")
    return None


def _scan_batch(window: Window, count: int) -> tuple[Sequence[bytes], int, bool]:
    """The whole records in the window, their number, and whether the array was closed.

    Reads more until there is at least one record.
    """
    while True:
        batch, used, closed = _scan_elements(window.data)
        if closed or batch:
            window.advance(used)
            if closed == b"}":
                raise window.invalid_template_error(
                    f"closes a bracket that is not open, after record {count + len(batch)}"
                )
            return batch, len(batch), bool(closed)
        if not window.read_more():
            raise window.invalid_template_error(f"ends in the middle of record {count + 1}", count + 1)


def _scan_elements(data: bytes) -> tuple[list[bytes], int, bytes]:
    """The whole elements, the number of their bytes, and the closing bracket, which is empty when there is none."""
    batch: list[bytes] = []
    start = 0
    while (end := find_value_end(data, start)) >= 0:
        batch.append(data[start:end].strip())
        start = end + 1
        if data[end] != ord(","):
            return batch, start, data[end:start]
    return batch, start, b""
