"""Window over a file: the part that was read and not yet consumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.readers.content import require_text

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK: Final = 1 << 18
"""The bytes of one read: few enough to stay in a core's cache until the records are decoded."""
VALUE_LIMIT: Final = 64 << 20
"""The most bytes of one value, a record or another member. It bounds the memory of a hostile file."""
BOM: Final = b"\xef\xbb\xbf"
_FOREIGN: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def read_bytes(file: BinaryIO, name: str, size: int) -> bytes:
    """Read up to that many bytes. Raises TemplateInvalidError where the disk fails."""
    try:
        return file.read(size)
    except OSError as error:
        raise TemplateInvalidError(
            f"{quote_foreign(name)} cannot be read: {error.strerror}.", file=quote_foreign(name)
        ) from None


class Window:
    """The unconsumed part of a file, after its byte order mark if there is one; `size_read` counts all that was read.

    Raises TemplateInvalidError at once for content that is no text, and for an encoding of two or four bytes.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.ended = False
        self.data = b""
        self.size_read = 0
        self.read_more()
        require_text(self.data, name)
        self.data = self.data.removeprefix(BOM)
        encoding = next((each for mark, each in _FOREIGN if self.data.startswith(mark)), None)
        if encoding is None and b"\x00" in self.data[:4]:
            encoding = "UTF-16 or binary"
        if encoding:
            raise self.invalid_template_error(f"is {encoding}; UTF-8 is expected")

    def read_more(self) -> bool:
        """Read more, doubling the window when it is full; False at the end of the file."""
        if len(self.data) > VALUE_LIMIT:
            raise self.invalid_template_error(f"has a value of more than {VALUE_LIMIT >> 20} MiB")
        chunk = read_bytes(self._file, self.name, max(CHUNK, len(self.data)))
        self.data += chunk
        self.size_read += len(chunk)
        self.ended = not chunk
        return not self.ended

    def advance(self, count: int) -> None:
        """Consume `count` bytes."""
        self.data = self.data[count:]

    def peek(self) -> bytes:
        """The next byte after white space, which is consumed; empty at the end of the file."""
        while True:
            self.data = self.data.lstrip()
            if self.data or not self.read_more():
                return self.data[:1]

    def invalid_template_error(self, problem: str, position: int | None = None) -> TemplateInvalidError:
        """The error for a problem of this file."""
        return TemplateInvalidError(
            f"{quote_foreign(self.name)} {problem}.", file=quote_foreign(self.name), position=position
        )
