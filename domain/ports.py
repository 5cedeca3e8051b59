"""What the domain needs from outside, in its own words.

Every adapter raises only errors of `domain.errors`; foreign ones are translated at one place in each adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import TypeVar

    from domain.cloud_events import CloudEventMessage
    from domain.deliveries import DeliveryResult
    from domain.stranding import DeadLetter
    from domain.templates import Template
    from domain.vocabulary import DatasetType, Stage

    T = TypeVar("T")

Json = dict[str, Any]


class Clock(Protocol):
    """The time, and the passing of it."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


class Ids(Protocol):
    """Names that were never used before."""

    def token(self) -> str:
        """Six characters of `[0-9a-z]`, random."""
        ...


# --- the saga engine ---------------------------------------------------------------------------------------------


class StepRunner(Protocol):
    """How a saga does one step: the effect's answer is recorded, and a finished step never runs again.

    A step whose process died inside it runs again, so every effect is idempotent. Names are unique within one saga.
    """

    async def __call__(self, step: str, effect: Callable[[], Awaitable[Json]]) -> Json: ...


class Saga(Protocol):
    """A straight line of steps for one dataset."""

    async def __call__(self, perform: StepRunner, dataset_id: str, saga_id: str) -> None: ...


class Engine(Protocol):
    """Runs sagas so that they outlive callers and processes."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start the saga of that kind under that id, once: whoever started it before, in any process, wins."""
        ...

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end, at most that long: True when it ended. Cancelling the wait never touches the saga."""
        ...

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """Sagas that are tried no more, because one process after another died in the same step of them."""
        ...

    async def discard_saga(self, saga_id: str) -> None:
        """Have such a saga never run again, and count as ended."""
        ...


# --- template repository and staging -----------------------------------------------------------------------------


class RecordStream(Protocol):
    """The records of one template, in order, in bounded memory. Iterated in a worker thread."""

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        """Batches of records, each one JSON object as it stands in the source (CSV rows are made into one).

        Raises TemplateInvalidError naming file and position.
        """
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What a person should know; complete once the iteration has ended."""
        ...


class Templates(Protocol):
    """The mock-data repository."""

    async def list(self) -> Sequence[Template]:
        """Every template, in the order of its id. Raises MockDataMissingError."""
        ...

    def open_records(self, template: Template) -> AbstractContextManager[RecordStream]:
        """Open a template's records; to be entered in a worker thread."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What staging holds of one content: lines, bytes (uncompressed) and their SHA-256 in hexadecimal."""

    lines: int
    size_bytes: int
    checksum: str


class Staging(Protocol):
    """Where populated documents wait, one neutral document a line, by dataset and attempt."""

    async def write(self, dataset_id: str, attempt: int, produce: Callable[[], Iterator[bytes]]) -> Staged:
        """Write what `produce` yields (chunks of whole lines), all or nothing; `produce` runs in a worker thread."""
        ...

    def iterate_pages(
        self, dataset_id: str, attempt: int, *, max_count: int, max_bytes: int
    ) -> AsyncIterator[Sequence[bytes]]:
        """The lines, without their newline, in pages bounded by count and bytes."""
        ...

    async def examine(
        self,
        dataset_id: str,
        attempt: int,
        look: Callable[[Iterator[Sequence[bytes]]], T],
        *,
        max_count: int,
        max_bytes: int,
    ) -> T:
        """Run `look` over the pages in a worker thread, and give its answer."""
        ...

    async def measure(self, dataset_id: str, attempt: int) -> Staged | None:
        """What is there, read and hashed again; None when it is not there."""
        ...

    async def delete(self, dataset_id: str, attempt: int | None = None) -> None:
        """Delete one attempt, or all of a dataset; absent is fine."""
        ...

    async def list_attempts(self, dataset_id: str) -> Sequence[int]:
        """What is staged for a dataset."""
        ...


# --- archives ----------------------------------------------------------------------------------------------------


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


# --- those who are told of events ----------------------------------------------------------------------------------


class Courier(Protocol):
    """Carries messages to one webhook."""

    async def send(self, message: CloudEventMessage) -> DeliveryResult:
        """Send it once, in bounded time, and say what came of it; whatever the webhook does, nothing is raised."""
        ...


# --- connectors ---------------------------------------------------------------------------------------------------


class ConnectorTemplates(Protocol):
    """The connector template of each type, with what the configuration overrides per stage and client."""

    def settings(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> Mapping[str, Any]:
        """`{connector, collect, config}`, merged; validated by `connectors.configure`."""
        ...


class Secrets(Protocol):
    """Credentials for connectors. They live here and nowhere else."""

    def credential(self, dataset_id: str, dataset_type: DatasetType, stage: Stage, client_id: str) -> str:
        """The token that the connector signs in with. Raises SettingsError naming the setting that is missing."""
        ...
