"""Disk spill: what one pass over the records must remember, in a temporary file without a name."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from typing import TYPE_CHECKING

from domain.errors import StagingFailedError, require_present

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO


class DiskSpill:
    """A spill on disk, created when it is first needed; `close` removes it."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0
        self._pieces: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def add(self, heap: str, piece: bytes) -> None:
        try:
            if self._file is None:
                # Closed by `close`, since it lives as long as the pass. Without a name it vanishes with the process.
                self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.seek(self._end)
            self._file.write(piece)
        except OSError as error:
            raise StagingFailedError(f"The temporary folder is not writable: {error.strerror}.") from None
        self._pieces[heap].append((self._end, len(piece)))
        self._end += len(piece)

    def read_pieces(self, heap: str) -> Iterator[bytes]:
        for start, length in self._pieces.get(heap, ()):
            yield self._read_piece(start, length)

    def _read_piece(self, start: int, length: int) -> bytes:
        file = require_present(self._file, "a piece that is known was written")
        file.seek(start)
        return file.read(length)

    def close(self) -> None:
        """Close and so delete the file."""
        if self._file is not None:
            self._file.close()
        self._pieces.clear()
