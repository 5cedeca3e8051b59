"""One repository per aggregate: the rows of the store, inside one transaction.

Reads see what the same transaction wrote. A row that is not there is None, a row that cannot be understood is an
`UnreadableRow` where the signature says so, else StoreFailedError. Lists leave such a row out and log it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from domain.model import (
        Approval,
        ApprovalState,
        Client,
        Connector,
        Dataset,
        DatasetStatus,
        DatasetType,
        Delivery,
        DeliveryState,
        Event,
        Journey,
        PendingCompensation,
        Progress,
        Stage,
        UnreadableRow,
        WebhookCursor,
    )
    from domain.ports.engine import Json

T = TypeVar("T")

DatasetWithJourney: TypeAlias = "tuple[Dataset, Journey | UnreadableRow | None]"


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


class ClientRepository(Protocol):
    """Customers. Ids are compared as given; `get_spelt_like` compares without regard to case."""

    def get(self, client_id: str) -> Client | None: ...
    def get_spelt_like(self, client_id: str) -> Client | None: ...
    def all(self) -> list[Client]: ...
    def put(self, client: Client) -> None: ...


class JourneyRepository(Protocol):
    """Clients' journeys, as stored: the caller applies a lapsed lease with `Journey.at`."""

    def get(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None: ...
    def get_spelt_like(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None: ...
    def find(
        self, *, client_id: str | None = None, journey_id: str | None = None
    ) -> list[Journey | UnreadableRow]: ...
    def put(self, journey: Journey) -> None: ...


class DatasetRepository(Protocol):
    """Datasets, with the progress of the sagas that work on them."""

    def get(self, dataset_id: str) -> Dataset | None: ...
    def get_live(self, client_id: str, stage: Stage, dataset_type: DatasetType) -> Dataset | None: ...
    def find(self, query: DatasetQuery) -> list[Dataset]: ...
    def list_with_journeys(self, dataset_ids: Collection[str]) -> list[DatasetWithJourney]:
        """Those datasets, in the order of their ids, each with its journey as stored."""
        ...

    def list_unprotected(self, query: DatasetQuery, now: datetime) -> list[DatasetWithJourney]:
        """Like `datasets`, each with its journey as stored, without those whose journey protects them at `now`."""
        ...

    def stream_for_scan(
        self, statuses: tuple[DatasetStatus, ...], now: datetime
    ) -> Iterator[DatasetWithJourney]:
        """Each dataset of those statuses that nothing protects at `now`, then each that is marked all the same.

        However many there are, in bounded memory; nothing else is asked before the last.
        """
        ...

    def count_live(self, client_id: str | None = None) -> int: ...
    def list_running(self) -> list[Dataset]:
        """Every dataset with a `run`."""
        ...

    def put_orphan_marks(self, datasets: Iterable[Dataset]) -> None:
        """Replace datasets that this transaction has read and of which only the orphan mark has changed."""
        ...

    def put(self, dataset: Dataset) -> None:
        """Insert or replace.

        Raises DatasetConflictError when another live one holds the same client, stage and type.
        """
        ...

    def get_progress(self, dataset_id: str) -> Progress | None: ...


class ConnectorRepository(Protocol):
    """Connectors, and the errors that were met on their behalf."""

    def get(self, connector_id: str) -> Connector | None: ...
    def list_connected(
        self, *, client_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Connector]:
        """Those that are not DISCONNECTED, in the order of `connector_id`."""
        ...

    def put(self, connector: Connector) -> None: ...

    def record_error(self, connector_id: str, at: datetime, code: str) -> None:
        """One failed call on a connector's behalf, for the error count of our own ledger."""
        ...

    def count_errors(self, connector_id: str, since: datetime, until: datetime) -> int:
        """How many there were; those that a clock which ran ahead has put past `until` do not count."""
        ...


class CompensationRepository(Protocol):
    """Compensations that could not be carried out yet."""

    def find(self, dataset_id: str | None = None) -> list[PendingCompensation]: ...
    def put(self, undo: PendingCompensation) -> None:
        """Insert or replace, by dataset, attempt and what."""
        ...

    def delete(self, undo: PendingCompensation) -> None: ...


class ApprovalRepository(Protocol):
    """Approval requests."""

    def get(self, approval_id: str) -> Approval | None: ...
    def find(
        self,
        *,
        dataset_id: str | None = None,
        states: tuple[ApprovalState, ...] = (),
        after: str | None = None,
        limit: int = 100,
    ) -> list[Approval]:
        """Approval requests, in the order of `approval_id`; `states` as they were kept, empty for all."""
        ...

    def put(self, approval: Approval) -> None: ...


class ArchiveRepository(Protocol):
    """What is on record of each archive."""

    def get(self, dataset_id: str) -> Json | None:
        """What is known of a dataset's archive: `{path, restorable_until, purged_at?, …}`."""
        ...

    def put(self, dataset_id: str, facts: Json) -> None: ...
    def find(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, Json]]: ...


class EventRepository(Protocol):
    """Events, numbered in the order of their commits."""

    def append(self, *events: Event) -> None: ...
    def find(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        """Events with their sequence number, in order."""
        ...

    def get(self, seq: int) -> Event:
        """The event of that number, which was given before."""
        ...

    def last_number(self) -> int:
        """The highest number of an event, 0 when nothing has happened.

        Whatever has a lower number is seen by the same reader: a number shows only after all those before it.
        """
        ...

    def list_latest(self, before: int | None, dataset_id: str | None, limit: int) -> list[tuple[int, Event]]:
        """Events with their sequence number, the last first: all of them, or those before that number."""
        ...


class DeliveryRepository(Protocol):
    """Webhooks' cursors, and the deliveries of events to them."""

    def get_cursor(self, webhook: str) -> WebhookCursor | None: ...
    def list_cursors(self) -> list[WebhookCursor]:
        """Every webhook that was ever delivered to, in the order of its name."""
        ...

    def put_cursor(self, post: WebhookCursor) -> None: ...

    def find(
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

    def put(self, delivery: Delivery) -> None:
        """Insert or replace, by webhook and event."""
        ...

    def count_waiting(self, webhook: str) -> int: ...
    def list_due(
        self, webhook: str, *, due_until: datetime, due_from: datetime, limit: int
    ) -> list[Delivery]:
        """The first delivery of each dataset that waits for this webhook, in the order of events.

        Only those that are due: up to the one instant, or after the other.
        """
        ...


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """The key of one small JSON value of the installation: its name in the store, and the type of its value.

    A value that is no `kind` is an error, since a rule must not take what it cannot read for what is not there. Only
    where nothing hangs on it but what is shown, or where it is found out anew, is it `absent_if_unreadable`.
    """

    name: str
    kind: type[T]
    absent_if_unreadable: bool = field(default=False, kw_only=True)


class SettingRepository(Protocol):
    """Small JSON values of the installation, by their keys: the last orphan scan, and the like."""

    def get(self, setting: Setting[T]) -> T | None:
        """The value, None when there is none. Raises StoreFailedError when it is not of the setting's type."""
        ...

    def put(self, setting: Setting[T], value: T | None) -> None:
        """Insert or replace; None for a value that is there no longer."""
        ...


class RateLimitRepository(Protocol):
    """Uses of a kind by a principal, inside one transaction."""

    def add(self, kind: str, principal: str, at: datetime) -> int:
        """Keep one use, and give its number."""
        ...

    def nth_latest(self, kind: str, principal: str, after: datetime, n: int) -> datetime | None:
        """When that principal used it the `n`-th last time; None for fewer than that many after that instant."""
        ...

    def delete(self, number: int) -> None:
        """Forget one use; one that is gone already is fine."""
        ...

    def delete_outside(self, kind: str, *, until: datetime, after: datetime) -> None:
        """Forget every principal's uses up to the one instant, and after the other."""
        ...
