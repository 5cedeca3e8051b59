"""Unpacking: how far a zip or a compressed file may expand, and a file that is unpacked while it is read."""

from __future__ import annotations

import errno
import gzip
import io
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Final, Protocol

import zstandard

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FILES: Final = 1_000_000
MOST_BYTES: Final = 64 << 30
"""The most bytes of a zip, or of a compressed file, once it is unpacked."""
MOST_EXPANSION: Final = 250
"""How many times its packed size a large file may have. Text packs to a tenth, or a fiftieth at most."""
LARGE: Final = 64 << 20
"""Up to this many bytes a file may expand as it likes: that fills no memory and no disk."""
_ENCRYPTED: Final = 0x1
_STREAMABLE: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGES: Final = (
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
    struct.error,
    UnicodeDecodeError,  # of a name in a zip
    NotImplementedError,  # zipfile says so of what it has no reader for
)
"""What the libraries raise of a file that is damaged; and OSError, which `is_impossible` tells from a failing disk."""


class Reader(Protocol):
    """A stream of bytes that reads as many as it is asked for, unless it ends."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""


def expands_too_far(unpacked: int, packed: int) -> bool:
    """Whether so many bytes are more than a file of that packed size may hold."""
    return unpacked > LARGE and unpacked > MOST_EXPANSION * packed


def leads_outside(name: str) -> bool:
    """Whether a name in a zip leads out of it, on any system."""
    return name.startswith(("/", "\\")) or "\\" in name or ":" in name[:2] or ".." in name.split("/")


def is_link(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip is a symbolic link."""
    return stat.S_ISLNK(member.external_attr >> 16)


def is_encrypted(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip can be read with a password only."""
    return bool(member.flag_bits & _ENCRYPTED)


def is_streamable(member: zipfile.ZipInfo) -> bool:
    """Whether `zipfile` unpacks a member of a zip in bounded memory, which it does by two of its methods only."""
    return member.compress_type in _STREAMABLE


def is_impossible(error: OSError) -> bool:
    """Whether something was asked that no file can answer, as where a damaged zip says that a member begins."""
    return error.errno == errno.EINVAL


class UnpackedFile(io.RawIOBase):
    """The content of a packed file, unpacked while it is read. It is read onwards, or again from its beginning.

    Reading raises TemplateInvalidError for a file that is damaged, cut off, or that expands too far. `method` names
    how it is packed; `begin` begins to unpack it, and `packed_size` says how many packed bytes were read by now.
    """

    def __init__(
        self, name: str, method: str, begin: Callable[[], Reader], packed_size: Callable[[], int]
    ) -> None:
        super().__init__()
        self._name = name
        self._method = method
        self._begin = begin
        self._packed_size = packed_size
        self._reader: Reader | None = None
        self._size = 0

    def readable(self) -> bool:
        return True

    # The type of a buffer that io declares is private.
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            self._reader = self._reader or self._begin()
            data = self._reader.read(len(buffer))
        except EOFError:
            raise self._error(f"is cut off: its {self._method} data end in the middle", _AGAIN) from None
        except DAMAGES as error:
            if "memory" in str(error):
                raise self._error("needs more than 128 MiB of memory to be unpacked", _LONG) from None
            raise self._error(f"is damaged: its {self._method} data cannot be unpacked", _AGAIN) from None
        except OSError as error:
            if not is_impossible(error):
                raise
            raise self._error(f"is damaged: its {self._method} data cannot be found", _AGAIN) from None
        self._size += len(data)
        if self._size > MOST_BYTES:
            raise self._error(f"unpacks to more than {MOST_BYTES >> 30} GiB", _LOOK)
        if expands_too_far(self._size, self._packed_size()):
            raise self._error(f"unpacks to more than {MOST_EXPANSION} times its size", _LOOK)
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("an unpacked file is read onwards, or again from its beginning")
        self._reader, self._size = None, 0
        return 0

    def tell(self) -> int:
        return self._size

    def _error(self, problem: str, action: str) -> TemplateInvalidError:
        return TemplateInvalidError(
            f"{quote_foreign(self._name)} {problem}.",
            file=quote_foreign(self._name),
            suggested_action=action,
        )


_AGAIN: Final = "Copy or download it again, and call again."
_LONG: Final = "Compress it again without --long and --ultra, and call again."
_LOOK: Final = "Unpack it and look at it: if its records are meant, put the unpacked file in its place."
