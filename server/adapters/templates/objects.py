"""A template written as one JSON object: its records as a stream, everything beside them as values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from server.adapters.templates import arrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.documents import Kind
    from server.adapters.templates.window import Window

_NAME: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


def records(window: Window, head: dict[str, Any], kind: Kind | None = None) -> Iterator[Sequence[bytes]]:
    """Batches of `records`, or of `source.records`, wherever they stand; `head` is filled with everything else.

    `head` is whole once the iteration has ended. Raises TemplateInvalidError for what is no JSON object.
    """
    yield from _members(window, head, kind, "")
    if window.peek():
        raise window.broken("goes on after the end of its JSON object")


def _members(window: Window, into: dict[str, Any], kind: Kind | None, path: str) -> Iterator[Sequence[bytes]]:
    _expect(window, b"{")
    if window.peek() == b"}":
        window.use(1)
        return
    while True:
        name = _name(window)
        _expect(window, b":")
        mark = window.peek()
        if name == "records" and mark == b"[" and path in {"", "source"}:
            into.setdefault("records", True)
            window.use(1)
            yield from arrays.records(window, kind)
        elif name == "source" and mark == b"{" and not path:
            into["source"] = {}
            yield from _members(window, into["source"], kind, "source")
        else:
            into[name] = _value(window, name)
        if window.peek() == b"}":
            window.use(1)
            return
        _expect(window, b",")


def _expect(window: Window, mark: bytes) -> None:
    found = window.peek()
    if found != mark:
        what = f"has {found.decode('latin-1')!r}" if found else "ends"
        raise window.broken(f"is not JSON: it {what} where {mark.decode()!r} is expected")
    window.use(1)


def _name(window: Window) -> str:
    window.peek()
    while (found := _NAME.match(window.data)) is None:
        if window.data[:1] != b'"' or not window.more():
            raise window.broken("is not JSON: a member has no name")
    window.use(found.end())
    return str(_decoded(window, found[0], "a member's name"))


def _value(window: Window, name: str) -> object:
    while (end := arrays.value_end(window.data)) < 0:
        if not window.more():
            raise window.broken(f"ends in the middle of {name[:80]!r}")
    value = _decoded(window, window.data[:end], repr(name[:80]))
    window.use(end)
    return value


def _decoded(window: Window, data: bytes, what: str) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise window.broken(f"is not JSON: {what} cannot be read") from None
