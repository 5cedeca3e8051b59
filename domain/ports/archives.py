"""Port of the archives: where the content of datasets is kept after teardown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from domain.ports.engine import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOrder:
    """Archive order: the content of one archive.

    `documents` opens the stream of all staged lines, None when the archive keeps none. `sample` are the first hundred
    staged lines.
    """

    place: str
    metadata: Json
    sample: Sequence[bytes]
    reports: Sequence[Json]
    documents: Callable[[], AsyncIterator[Sequence[bytes]]] | None
    compressed: bool = True


class Archives(Protocol):
    """Archives of datasets. A place is `{client_id}/{stage}/{dataset_type}/{dataset_id}`."""

    async def write(self, order: ArchiveOrder) -> Json:
        """Write every file, the manifest last, and return the manifest.

        Replaces a former archive of the same dataset. Raises ArchiveFailedError when the place holds another dataset's.
        """
        ...

    async def verify(self, place: str) -> Json:
        """Read every file back, compare it with the manifest, and return the manifest. Raises ArchiveFailedError."""
        ...

    async def read_manifest(self, place: str) -> Json | None:
        """The manifest, unverified; None when there is no archive."""
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
        """Delete an archive, the manifest first; do nothing when it is absent.

        Without its manifest an archive does not exist, so one that is half deleted is never taken for whole.
        """
        ...

    def location(self, place: str) -> str:
        """The path or URL under which a person finds the archive."""
        ...
