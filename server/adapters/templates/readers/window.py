"""A file seen through a window that moves forward: what has been read and not yet been used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import TemplateInvalidError

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK: Final = 1 << 18
"""Small enough to stay in a core's cache until its records are decoded."""
VALUE_LIMIT: Final = 64 << 20
"""The longest single value that is read: a record, or what stands beside the records."""
_BOM: Final = b"\xef\xbb\xbf"
_FOREIGN: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


class Window:
    """The unread part of a file, beginning after a byte order mark if there is one.

    Raises TemplateInvalidError at once for a file that is empty or in an encoding of two or four bytes.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.ended = False
        self.data = b""
        self.read_more()
        self.data = self.data.removeprefix(_BOM)
        encoding = next((each for mark, each in _FOREIGN if self.data.startswith(mark)), None)
        if encoding is None and b"\x00" in self.data[:4]:
            encoding = "UTF-16 or binary"
        if encoding:
            raise self.invalid_template_error(f"is {encoding}; UTF-8 is expected")

    def read_more(self) -> bool:
        """Read on, as much again as is waiting already; False at the end of the file."""
        if len(self.data) > VALUE_LIMIT:
            raise self.invalid_template_error(f"has a value of more than {VALUE_LIMIT >> 20} MiB")
        found = self._file.read(max(CHUNK, len(self.data)))
        self.data += found
        self.ended = not found
        return not self.ended

    def advance(self, count: int) -> None:
        """Move past this many bytes."""
        self.data = self.data[count:]

    def peek(self) -> bytes:
        """The next byte that is no white space, which is passed; nothing at the end of the file."""
        while True:
            self.data = self.data.lstrip()
            if self.data or not self.read_more():
                return self.data[:1]

    def invalid_template_error(self, problem: str, position: int | None = None) -> TemplateInvalidError:
        """The error that says what is wrong with this file."""
        return TemplateInvalidError(f"{self.name} {problem}.", file=self.name, position=position)
