"""JSON objects: read a template's records as a stream, and its other members as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from server.adapters.templates.readers.arrays import find_value_end, read_array_records
from server.adapters.templates.readers.shape import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content import RecordKind
    from server.adapters.templates.readers.window import Window


def read_object_records(
    window: Window, head: dict[str, Any], kind: RecordKind | None = None, member: str = "records"
) -> Iterator[Sequence[bytes]]:
    """Batches of the array `member`, or of `source.records`, in any position; `head` is filled with other members.

    Where the records are in another member than `records`, further objects may follow, as the pages of a service's
    answers do. `head` is complete when the iteration has ended; its `records` is True when there are any.

    Raises TemplateInvalidError for a file that is no JSON object.
    """
    yield from _read_members(window, head, kind, member, within="")
    while member != "records" and window.peek() == b"{":
        yield from _read_members(window, head, kind, member, within="")
    if window.peek():
        raise window.invalid_template_error("continues after the end of its JSON object")


def _read_members(
    window: Window, into: dict[str, Any], kind: RecordKind | None, member: str, *, within: str
) -> Iterator[Sequence[bytes]]:
    consume_mark(window, b"{")
    if window.peek() == b"}":
        window.advance(1)
        return
    while True:
        name = read_member_name(window)
        consume_mark(window, b":")
        mark = window.peek()
        if name == (member if not within else "records") and mark == b"[":
            into.setdefault("records", True)
            window.advance(1)
            yield from read_array_records(window, kind)
        elif name == "source" and mark == b"{" and not within:
            into["source"] = {}
            yield from _read_members(window, into["source"], kind, member, within="source")
        else:
            into[name] = read_member_value(window, name)
        if window.peek() == b"}":
            window.advance(1)
            return
        consume_mark(window, b",")


def consume_mark(window: Window, mark: bytes) -> None:
    """Consume a mark such as `:`. Raises TemplateInvalidError where there is another one, or none."""
    found = window.peek()
    if found != mark:
        what = f"has {found.decode('latin-1')!r}" if found else "ends"
        raise window.invalid_template_error(f"is not JSON: it {what} where {mark.decode()!r} is expected")
    window.advance(1)


def read_member_name(window: Window) -> str:
    """Read the name of a member. Raises TemplateInvalidError where there is none."""
    window.peek()
    while (found := NAME.match(window.data)) is None:
        if window.data[:1] != b'"' or not window.read_more():
            raise window.invalid_template_error("is not JSON, or ends early: a member has no name")
    window.advance(found.end())
    return str(_decode_json(window, found[0], "a member's name"))


def read_member_value(window: Window, name: str) -> object:
    """Read the value of the member of that name. Raises TemplateInvalidError where it ends early, or is no JSON."""
    while (end := find_value_end(window.data)) < 0:
        if not window.read_more():
            raise window.invalid_template_error(f"ends in the middle of {name[:80]!r}")
    value = _decode_json(window, window.data[:end], repr(name[:80]))
    window.advance(end)
    return value


def _decode_json(window: Window, data: bytes, what: str) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise window.invalid_template_error(f"is not JSON: {what} cannot be read") from None
