"""TODO describe domain.ports.clock.archives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.ports.engine import Json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOrder:
    """What one archive is to hold. `documents` opens the stream of all staged lines, None when there are none to keep.

    `sample` is the first hundred staged lines.
    """

    place: str
    metadata: Json
    sample: Sequence[bytes]
    reports: Sequence[Json]
    documents: Callable[[], AsyncIterator[Sequence[bytes]]] | None
    compressed: bool = True


class Archives(Protocol):
    """Where what was taken down is kept. A place is `{client_id}/{stage}/{dataset_type}/{dataset_id}`."""

    async def write(self, order: ArchiveOrder) -> Json:
        """Write every file, the manifest last, and give the manifest back.

        Replaces a former archive of the same dataset; one of another dataset is never touched (ArchiveFailedError).
        """
        ...

    async def verify(self, place: str) -> Json:
        """Read every file back against the manifest and give the manifest. Raises ArchiveFailedError."""
        ...

    async def read_manifest(self, place: str) -> Json | None:
        """The manifest as it stands, unverified; None when there is no archive."""
        ...

    def read(self, place: str, name: str) -> AsyncIterator[bytes]:
        """One file's content, decompressed, in chunks; `name` without `.zst`."""
        ...

    def open_documents(self, place: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open all documents, decompressed, in chunks of whole lines; entered and iterated in a worker thread."""
        ...

    async def list_places(self) -> Sequence[str]:
        """Every place that holds a manifest, in order."""
        ...

    async def purge(self, place: str) -> None:
        """Delete an archive, the manifest first; absent is fine."""
        ...

    def location(self, place: str) -> str:
        """Where a person finds it: a path or URL."""
        ...
