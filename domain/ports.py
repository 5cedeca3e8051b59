"""What the domain needs from outside, in its own words.

Every adapter raises only errors of `domain.errors`; foreign ones are translated at one place in each adapter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import TypeVar

    from domain.errors import PlatformError
    from domain.events import Event
    from domain.model import (
        Approval,
        ApprovalState,
        Client,
        Confirmation,
        Connector,
        ConnectorOutcome,
        Dataset,
        DatasetStatus,
        DatasetType,
        Fingerprint,
        Journey,
        Mark,
        Progress,
        Stage,
        TeardownReason,
        Undo,
        Unreadable,
    )
    from domain.templates import Template

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


# --- the store ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetQuery:
    """Which datasets, in the order of `dataset_id`, after that one. Empty filters match all.

    `marked` leaves only those with an orphan mark.
    """

    client_id: str | None = None
    journey_id: str | None = None
    stage: Stage | None = None
    dataset_type: DatasetType | None = None
    statuses: tuple[DatasetStatus, ...] = ()
    created_before: datetime | None = None
    marked: bool = False
    after: str | None = None
    limit: int = 100


class Records(Protocol):
    """Our rows, inside one transaction. Reads see what the same transaction wrote.

    A row that cannot be understood is an `Unreadable`; a row that is not there is None. Ids are compared as given;
    the `…_spelt_like` reads compare without regard to case.
    """

    @property
    def installation(self) -> str:
        """The id of this installation, minted once with the store."""
        ...

    def client(self, client_id: str) -> Client | None: ...
    def client_spelt_like(self, client_id: str) -> Client | None: ...
    def clients(self) -> list[Client]: ...
    def put_client(self, client: Client) -> None: ...

    def journey(self, client_id: str, journey_id: str) -> Journey | Unreadable | None: ...
    def journey_spelt_like(self, client_id: str, journey_id: str) -> Journey | Unreadable | None: ...
    def journeys(
        self, *, client_id: str | None = None, journey_id: str | None = None
    ) -> list[Journey | Unreadable]: ...
    def put_journey(self, journey: Journey) -> None: ...

    def dataset(self, dataset_id: str) -> Dataset | None: ...
    def live_dataset(self, client_id: str, stage: Stage, dataset_type: DatasetType) -> Dataset | None: ...
    def datasets(self, query: DatasetQuery) -> list[Dataset]: ...
    def unprotected(
        self, query: DatasetQuery, now: datetime
    ) -> list[tuple[Dataset, Journey | Unreadable | None]]:
        """Like `datasets`, without those whose journey protects them at `now`; each with its journey as stored."""
        ...

    def count_live(self, client_id: str | None = None) -> int: ...
    def running(self) -> list[Dataset]:
        """Every dataset with a `run`."""
        ...

    def put_dataset(self, dataset: Dataset) -> None:
        """Insert or replace.

        Raises DatasetConflictError when another live one holds the same client, stage and type.
        """
        ...

    def connector(self, connector_id: str) -> Connector | None: ...
    def connectors(
        self, *, client_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Connector]:
        """Those that are not DISCONNECTED, in the order of `connector_id`."""
        ...

    def put_connector(self, connector: Connector) -> None: ...

    def undos(self, dataset_id: str | None = None) -> list[Undo]: ...
    def put_undo(self, undo: Undo) -> None:
        """Insert or replace, by dataset, attempt and what."""
        ...

    def drop_undo(self, undo: Undo) -> None: ...

    def approval(self, approval_id: str) -> Approval | None: ...
    def approvals(
        self,
        *,
        dataset_id: str | None = None,
        states: tuple[ApprovalState, ...] = (),
        after: str | None = None,
        limit: int = 100,
    ) -> list[Approval]:
        """Approval requests, in the order of `approval_id`; `states` as they were kept, empty for all."""
        ...

    def put_approval(self, approval: Approval) -> None: ...

    def progress(self, dataset_id: str) -> Progress | None: ...

    def append(self, event: Event) -> None: ...
    def events(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        """Events with their sequence number, in order."""
        ...

    def note_error(self, connector_id: str, at: datetime, code: str) -> None:
        """One failed call on a connector's behalf, for the error count of our own ledger."""
        ...

    def errors_since(self, connector_id: str, since: datetime) -> int: ...

    def fact(self, name: str) -> object:
        """A small JSON value kept under a name (None when absent): the last orphan scan, and the like."""
        ...

    def put_fact(self, name: str, value: object) -> None: ...

    def archive(self, dataset_id: str) -> Json | None:
        """What is known of a dataset's archive: `{path, restorable_until, purged_at?, …}`."""
        ...

    def put_archive(self, dataset_id: str, facts: Json) -> None: ...
    def archives(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, Json]]: ...


class Store(Protocol):
    """Entities and events, with real transactions."""

    async def transact(self, work: Callable[[Records], T]) -> T:
        """Run a pure function inside one serialised write transaction; its exception rolls everything back.

        `work` may run more than once (a serialisation conflict), so it has no effect but on the records.
        """
        ...

    async def read(self, look: Callable[[Records], T]) -> T:
        """Run a function over one consistent snapshot; it cannot write."""
        ...

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        """Show how far a saga is (None: nothing to show). Never blocks, never fails; only the latest counts.

        May be called from any thread.
        """
        ...


# --- the saga engine ---------------------------------------------------------------------------------------------


class Perform(Protocol):
    """How a saga does one step: the effect's answer is recorded, and a finished step never runs again.

    A step whose process died inside it runs again, so every effect is idempotent. Names are unique within one saga.
    """

    async def __call__(self, step: str, effect: Callable[[], Awaitable[Json]]) -> Json: ...


class Saga(Protocol):
    """A straight line of steps for one dataset."""

    async def __call__(self, perform: Perform, dataset_id: str, saga_id: str) -> None: ...


class Engine(Protocol):
    """Runs sagas so that they outlive callers and processes."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start the saga of that kind under that id, once: whoever started it before, in any process, wins."""
        ...

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end, at most that long: True when it ended. Cancelling the wait never touches the saga."""
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

    def records(self, template: Template) -> AbstractContextManager[RecordStream]:
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

    def pages(
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

    async def remove(self, dataset_id: str, attempt: int | None = None) -> None:
        """Delete one attempt, or all of a dataset; absent is fine."""
        ...

    async def attempts(self, dataset_id: str) -> Sequence[int]:
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

    async def manifest(self, place: str) -> Json | None:
        """The manifest as it stands, unverified; None when there is no archive."""
        ...

    def read(self, place: str, name: str) -> AsyncIterator[bytes]:
        """One file's content, decompressed, in chunks; `name` without `.zst`."""
        ...

    def documents(self, place: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open all documents, decompressed, in chunks of whole lines; entered and iterated in a worker thread."""
        ...

    async def places(self) -> Sequence[str]:
        """Every place that holds a manifest, in order."""
        ...

    async def purge(self, place: str) -> None:
        """Delete an archive, the manifest first; absent is fine."""
        ...

    def location(self, place: str) -> str:
        """Where a person finds it: a path or URL."""
        ...


# --- the platform ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Can:
    """What a platform natively does; what it cannot is not asked for."""

    authorise: bool = True
    sync: bool = True
    stop: bool = True
    delete: bool = True
    list: bool = True
    search: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A datasource as we want it: its name, kind, validated configuration (no secret), and our mark."""

    name: str
    kind: str
    config: Mapping[str, Any]
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A datasource that the platform has. `mark` is None when it carries none of any installation."""

    handle: str
    name: str
    kind: str
    mark: Mark | None
    document_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One sync: which run it serves and how far it is. `state` is `running | succeeded | failed | stopped`."""

    run: str
    state: str
    total: int | None = None
    indexed: int | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the platform says of one datasource now. None: it does not say, or has no notion of it.

    `status` is `pending | syncing | healthy | unhealthy`; `present` is False only when the platform, after listing its
    datasources under the same fingerprint, said in its own words that the thing is not there.
    """

    present: bool
    at: datetime
    mark: Mark | None = None
    status: str | None = None
    syncing: bool | None = None
    syncing_since: datetime | None = None
    last_successful_sync: datetime | None = None
    error_count_24h: int | None = None
    document_count: int | None = None
    message: str | None = None

    @property
    def indexed(self) -> int | None:
        """How many documents are served: none by a datasource that is not there, None where it is not said."""
        return self.document_count if self.present else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One search result, by name and ids only."""

    datasource: str
    document_id: str
    title: str
    url: str | None = None


class Platform(Protocol):
    """Glean, in whichever dialect. Raises only PlatformError and its kinds; each call is retried inside.

    Everything that changes a datasource takes the mark it must carry and refuses (PlatformMismatchError) what does not;
    the fingerprint is compared by the caller, with `fingerprint()`, before a handle is used.
    """

    @property
    def can(self) -> Can: ...

    async def fingerprint(self) -> Fingerprint:
        """Which platform answers now; asked anew at each call."""
        ...

    async def find(self, names: Sequence[str] | None = None) -> Sequence[Found]:
        """The datasources of those names (compared without case), or all of them."""
        ...

    async def ensure(self, source: Source) -> str:
        """The handle of the datasource as wanted: made, or found with our mark and brought to this configuration.

        Raises PlatformMismatchError when one of that name is not ours.
        """
        ...

    async def authorise(self, handle: str, mark: Mark, secret: str) -> None: ...

    async def push(
        self,
        handle: str,
        mark: Mark,
        run: str,
        pages: AsyncIterator[Sequence[bytes]],
        sent: Callable[[int], None],
    ) -> int:
        """Send neutral documents as one run, invisible until synced; gives their number.

        `sent` hears the running count. The adapter re-cuts pages to the platform's own limits. A run that is pushed
        again ends the same.
        """
        ...

    async def sync(self, handle: str, mark: Mark, run: str) -> Job:
        """Start serving a run in place of what was served; the same run again gives the same job."""
        ...

    async def job(self, handle: str, run: str) -> Job | None:
        """The sync of that run as it stands; None when there was none."""
        ...

    async def stop(self, handle: str, mark: Mark) -> None:
        """Stop whatever sync runs; what was served before stays."""
        ...

    async def discard(self, handle: str, mark: Mark, run: str) -> None:
        """Forget a run that was pushed and is not served; absent is fine."""
        ...

    async def observe(self, handle: str) -> Observation: ...

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Found]
    ) -> Mapping[str, Observation | PlatformError]:
        """Observe many, a few at a time; `found` is the whole list, read just before.

        A failure is that handle's own.
        """
        ...

    async def remove(self, handle: str, mark: Mark) -> ConnectorOutcome:
        """Take the datasource away, as far as the platform can. What is gone already counts as deleted."""
        ...

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[Hit]: ...


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


# --- people ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked before a teardown, and shown with it."""

    dataset: Dataset
    reason: TeardownReason
    requester: str
    generation: int
    shown: Mapping[str, Any] = field(default_factory=dict)


class Confirmer(Protocol):
    """Where a person's confirmation comes from."""

    async def ask(self, question: Question) -> Confirmation | None:
        """The confirmation; None when nobody can be asked here.

        Raises DeclinedError when the person said no, and ConfirmationRequiredError when they have still to be asked.
        """
        ...
