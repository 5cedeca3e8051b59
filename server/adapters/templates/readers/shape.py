"""Shape of a JSON object: the names of its members and how their values begin, as far as the window shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from server.adapters.templates.readers.arrays import find_value_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.adapters.templates.readers.window import Window

NAME: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
"""A member's name, with its quotes."""
ARRAY_OF_OBJECTS: Final = b"[{"
_SPACE: Final = re.compile(rb"[ \t\r\n]*")


@dataclass(slots=True)
class ObjectShape:
    """The shape of an object; `members` has the first byte of each value, and for an array the first two.

    `end` is the index after the object in the window; None when the object is not whole there. `broken` says that it
    is not JSON.
    """

    members: dict[str, bytes] = field(default_factory=dict)
    end: int | None = None
    broken: bool = False

    @property
    def arrays(self) -> list[str]:
        """The members that are arrays of objects."""
        return [name for name, begin in self.members.items() if begin == ARRAY_OF_OBJECTS]


def read_shape(
    window: Window,
    is_enough: Callable[[ObjectShape], bool],
    is_clear: Callable[[ObjectShape], bool] = lambda _: False,
) -> ObjectShape:
    """The shape of the object at the beginning of the window, of which nothing is consumed.

    Reads on until the object is whole, or what is seen of it is enough; what comes behind the beginning of a value that
    makes it clear is not even scanned. Raises TemplateInvalidError for an object that is larger than a value may be.
    """
    while True:
        shape = _scan_object(window.data, is_clear)
        if shape.end is not None or shape.broken or is_enough(shape) or not window.read_more():
            return shape


def _scan_object(data: bytes, is_clear: Callable[[ObjectShape], bool]) -> ObjectShape:
    shape = ObjectShape()
    at = skip_space(data, 1)
    if data[at : at + 1] == b"}":
        shape.end = at + 1
    while shape.end is None and (found := NAME.match(data, at)):
        colon = skip_space(data, found.end())
        if data[colon : colon + 1] != b":":
            shape.broken = colon < len(data)
            return shape
        begin = skip_space(data, colon + 1)
        try:
            name = str(msgspec.json.decode(found[0]))
        except (msgspec.DecodeError, UnicodeDecodeError):
            shape.broken = True
            return shape
        shape.members[name] = _value_begin(data, begin)
        if is_clear(shape):
            return shape
        end = find_value_end(data, begin)
        if end < 0:
            return shape
        at = skip_space(data, end + 1)
        if data[end] == ord("}"):
            shape.end = end + 1
        elif data[end] != ord(","):
            shape.broken = True
            return shape
    # Only the end of the window, or a name that is cut off there, may stand where a name is expected.
    shape.broken = shape.end is None and at < len(data) and data[at : at + 1] != b'"'
    return shape


def _value_begin(data: bytes, at: int) -> bytes:
    mark = data[at : at + 1]
    if mark != b"[":
        return mark
    inner = skip_space(data, at + 1)
    return mark + data[inner : inner + 1]


def skip_space(data: bytes, at: int) -> int:
    """The index of the next byte that is no white space."""
    found = _SPACE.match(data, at)
    return found.end() if found else at
