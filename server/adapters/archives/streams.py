"""Archive files: write and read one file, hashed and compressed on the way."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, Self, cast

import zstandard

from domain.errors import ArchiveFailedError
from server.adapters.archives.format import COMPRESSED, StoredFile
from server.infra.filesystem.durable import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK: Final = 1 << 20
LEVEL: Final = 3
"""The Zstandard level. Documents get 3.7 times smaller at 200 MB/s; higher levels cost more than they save."""


class _Codec(Protocol):
    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...


class StoredFileWriter:
    """A draft of a file that compresses its content if its name ends in `.zst`, and records size and hash."""

    def __init__(self, final: Path) -> None:
        """Create the draft."""
        self.name = final.name
        self._draft = Draft(final)
        self._hash = sha256()
        self._size = 0
        self._codec: _Codec | None = None
        if self.name.endswith(COMPRESSED):
            self._codec = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()

    def write(self, data: bytes) -> None:
        """Append the data, compressed where the file is."""
        self._store(self._codec.compress(data) if self._codec else data)

    def close(self) -> StoredFile:
        """Finish the file and flush it to the disk; its size and hash."""
        if self._codec:
            self._store(self._codec.flush())
        self._draft.close()
        return StoredFile(self._size, self._hash.hexdigest())

    def publish(self) -> None:
        """Rename the draft to its final name."""
        self._draft.publish()

    def discard(self) -> None:
        """Delete the draft; a published file stays."""
        self._draft.discard()

    def _store(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += self._draft.write(data)


class StoredFileReader:
    """Reader of a stored file, a context manager. Its memory is bounded, however far the content was compressed."""

    def __init__(self, path: Path) -> None:
        """Open the file; a link is refused."""
        self.name = path.name
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._file: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)
        self.size = os.fstat(descriptor).st_size
        self._hash = sha256()
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """The decompressed content, in chunks. Raises ArchiveFailedError when it cannot be decompressed."""
        if not self.name.endswith(COMPRESSED):
            while chunk := self.read(CHUNK):
                yield chunk
            return
        try:
            with zstandard.ZstdDecompressor().stream_reader(
                cast("BinaryIO", self), read_size=CHUNK, closefd=False
            ) as plain:
                while chunk := plain.read(CHUNK):
                    yield chunk
        except zstandard.ZstdError as error:
            raise ArchiveFailedError(
                f"{self.name} is damaged: it does not decompress.", file=self.name
            ) from error

    def read(self, size: int = -1) -> bytes:
        """Read stored bytes, still compressed; they are counted and hashed."""
        data = self._file.read(size)
        self._hash.update(data)
        self._read += len(data)
        return data

    def stored_file(self) -> StoredFile:
        """Size and hash of the bytes read so far: of the whole file once `chunks` is exhausted."""
        return StoredFile(self._read, self._hash.hexdigest())
