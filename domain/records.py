"""The store: our rows, and transactions over them. Adapters raise only errors of `domain.errors`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.audit_chain import AuditRecords
from domain.uses import UseRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime
    from typing import TypeVar

    from domain.deliveries import Delivery, DeliveryState, WebhookCursor
    from domain.events import Event
    from domain.model import Client, Connector, Dataset, Journey, PendingCompensation, Progress, UnreadableRow
    from domain.ports import Json
    from domain.requests import Approval, ApprovalState
    from domain.vocabulary import DatasetStatus, DatasetType, Stage

    T = TypeVar("T")
    DatasetWithJourney = tuple[Dataset, Journey | UnreadableRow | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetQuery:
    """Which datasets, in the order of `dataset_id`, after that one. Empty filters match all."""

    client_id: str | None = None
    journey_id: str | None = None
    stage: Stage | None = None
    dataset_type: DatasetType | None = None
    statuses: tuple[DatasetStatus, ...] = ()
    created_before: datetime | None = None
    after: str | None = None
    limit: int = 100


class Records(AuditRecords, UseRecords, Protocol):
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

    def journey(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None: ...
    def journey_spelt_like(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None: ...
    def journeys(
        self, *, client_id: str | None = None, journey_id: str | None = None
    ) -> list[Journey | UnreadableRow]: ...
    def put_journey(self, journey: Journey) -> None: ...

    def dataset(self, dataset_id: str) -> Dataset | None: ...
    def live_dataset(self, client_id: str, stage: Stage, dataset_type: DatasetType) -> Dataset | None: ...
    def datasets(self, query: DatasetQuery) -> list[Dataset]: ...
    def with_journeys(self, dataset_ids: Collection[str]) -> list[DatasetWithJourney]:
        """Those datasets, in the order of their ids, each with its journey as stored."""
        ...

    def unprotected(self, query: DatasetQuery, now: datetime) -> list[DatasetWithJourney]:
        """Like `datasets`, each with its journey as stored, without those whose journey protects them at `now`."""
        ...

    def to_scan(self, statuses: tuple[DatasetStatus, ...], now: datetime) -> Iterator[DatasetWithJourney]:
        """Each dataset of those statuses that nothing protects at `now`, then each that is marked all the same.

        However many there are, in bounded memory; nothing else is asked before the last.
        """
        ...

    def count_live(self, client_id: str | None = None) -> int: ...
    def running(self) -> list[Dataset]:
        """Every dataset with a `run`."""
        ...

    def put_marks(self, datasets: Iterable[Dataset]) -> None:
        """Replace datasets that this transaction has read and of which only the orphan mark has changed."""
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

    def undos(self, dataset_id: str | None = None) -> list[PendingCompensation]: ...
    def put_undo(self, undo: PendingCompensation) -> None:
        """Insert or replace, by dataset, attempt and what."""
        ...

    def drop_undo(self, undo: PendingCompensation) -> None: ...

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

    def append(self, *events: Event) -> None: ...
    def events(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        """Events with their sequence number, in order."""
        ...

    def event(self, seq: int) -> Event:
        """The event of that number, which was given before."""
        ...

    def last_event(self) -> int:
        """The highest number of an event, 0 when nothing has happened.

        Whatever has a lower number is seen by the same reader: a number shows only after all those before it.
        """
        ...

    def last_events(self, before: int | None, dataset_id: str | None, limit: int) -> list[tuple[int, Event]]:
        """Events with their sequence number, the last first: all of them, or those before that number."""
        ...

    def post(self, webhook: str) -> WebhookCursor | None: ...
    def posts(self) -> list[WebhookCursor]:
        """Every webhook that was ever delivered to, in the order of its name."""
        ...

    def put_post(self, post: WebhookCursor) -> None: ...

    def deliveries(
        self,
        *,
        webhook: str | None = None,
        seq: int | None = None,
        states: tuple[DeliveryState, ...] = (),
        after: int = 0,
        limit: int = 100,
    ) -> list[Delivery]:
        """Deliveries of events after that number, in the order of number and webhook; `states` empty for all."""
        ...

    def put_delivery(self, delivery: Delivery) -> None:
        """Insert or replace, by webhook and event."""
        ...

    def count_waiting(self, webhook: str) -> int: ...
    def heads(self, webhook: str, *, due_until: datetime, due_from: datetime, limit: int) -> list[Delivery]:
        """The first delivery of each dataset that waits for this webhook, in the order of events.

        Only those that are due: up to the one instant, or after the other.
        """
        ...

    def note_error(self, connector_id: str, at: datetime, code: str) -> None:
        """One failed call on a connector's behalf, for the error count of our own ledger."""
        ...

    def errors_since(self, connector_id: str, since: datetime, until: datetime) -> int:
        """How many there were; those that a clock which ran ahead has put past `until` do not count."""
        ...

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

    async def transact(
        self, work: Callable[[Records], T], *, lasting: bool = True, regardless: bool = False
    ) -> T:
        """Run a pure function inside one serialised write transaction; its exception rolls everything back.

        `work` may run more than once (a serialisation conflict), so it has no effect but on the records. What is not
        `lasting` outlives the process, and may be lost with the machine's power until the next one that is. A caller
        who is cancelled takes back what has not begun, but not what is to be done `regardless`.
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
