"""Compressed files: gzip and Zstandard, recognised by their first bytes and decompressed while they are read."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

import zstandard

from server.adapters.templates.readers.window import read_bytes
from server.adapters.templates.repositories.unpacking import UnpackedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.adapters.templates.repositories.unpacking import Reader

_READ: Final = 1 << 16
_PIECE: Final = 512
"""The bytes that are decompressed at once: the worst of them become 16 MiB, since four may be a block of 128 KiB."""


class Compression(NamedTuple):
    """A way to compress files: its name, the extension, and how a stream of it is decompressed.

    `begins` are the first bytes of its files: https://www.rfc-editor.org/rfc/rfc1952 and rfc8878. A Zstandard file may
    begin with a frame to be skipped, as `pzstd` writes them.
    """

    name: str
    suffix: str
    begins: tuple[bytes, ...]
    open: Callable[[BinaryIO], Reader]


class _ZstdReader(io.RawIOBase):
    """The content of Zstandard frames, one after another. Raises ZstdError, and EOFError in the middle of a frame.

    The library's own reader takes a file that was cut off for a whole one.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._decompressor = zstandard.ZstdDecompressor()
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = memoryview(b"")
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    # The type of a buffer that io declares is private.
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._plain:
            if not self._packed:
                self._packed = memoryview(self._file.read(_READ))
            if not self._packed:
                if self._frame is not None:
                    raise EOFError
                return 0
            self._decompress_piece()
        size = min(len(buffer), len(self._plain))
        buffer[:size] = self._plain[:size]
        self._plain = self._plain[size:]
        return size

    def _decompress_piece(self) -> None:
        piece = self._packed[:_PIECE]
        frame = self._frame or self._decompressor.decompressobj()
        self._plain = memoryview(frame.decompress(piece))
        self._packed = self._packed[len(piece) - len(frame.unused_data) :]
        self._frame = None if frame.eof else frame


_COMPRESSIONS: Final = (
    Compression("gzip", ".gz", (b"\x1f\x8b",), lambda file: gzip.GzipFile(fileobj=file)),
    Compression(
        "Zstandard",
        ".zst",
        (b"\x28\xb5\x2f\xfd", *(bytes([first, 0x2A, 0x4D, 0x18]) for first in range(0x50, 0x60))),
        lambda file: io.BufferedReader(_ZstdReader(file), _READ),
    ),
)
COMPRESSED_SUFFIXES: Final = tuple(each.suffix for each in _COMPRESSIONS)


def decompress(file: BinaryIO, name: str) -> tuple[BinaryIO, Compression | None]:
    """The content of a file, which is the file itself where it is not compressed, and how it is compressed.

    The file is left at its beginning, and is read through its content from then on.
    """
    begin = read_bytes(file, name, max(len(each) for one in _COMPRESSIONS for each in one.begins))
    file.seek(0)
    compression = next((each for each in _COMPRESSIONS if begin.startswith(each.begins)), None)
    if compression is None:
        return file, None

    def begin_again() -> Reader:
        file.seek(0)
        return compression.open(file)

    return cast("BinaryIO", UnpackedFile(name, compression.name, begin_again, file.tell)), compression


def plain_name(name: str) -> str:
    """The name that a file has when it is decompressed."""
    suffix = next((each for each in COMPRESSED_SUFFIXES if name.endswith(each)), "")
    return name.removesuffix(suffix)


def describe_misnaming(name: str, compression: Compression | None) -> str | None:
    """What a file is whose extension promises another compression; None where it promises none, or what it is."""
    promised = next((each for each in _COMPRESSIONS if name.endswith(each.suffix)), None)
    if promised is None or promised is compression:
        return None
    found = f"compressed with {compression.name}" if compression else "not compressed"
    return f"Its name ends in {promised.suffix}, but it is {found}; it was read as it is."
