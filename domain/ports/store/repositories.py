"""One repository per aggregate: the rows of the store, inside one transaction.

Reads see the writes of the same transaction. A missing row is None. A row that cannot be decoded is an `UnreadableRow`
where the signature says so, otherwise StoreFailedError; lists leave such a row out and log it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime, timedelta

    from domain.model import (
        Approval,
        ApprovalState,
        Client,
        ClockReading,
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
JourneyKey: TypeAlias = "tuple[str, str]"
"""The key of a journey: the id of its client, and its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetQuery:
    """Query of datasets, in the order of `dataset_id`, after the id `after`. Empty filters match all."""

    client_id: str | None = None
    journey_id: str | None = None
    stage: Stage | None = None
    dataset_type: DatasetType | None = None
    statuses: tuple[DatasetStatus, ...] = ()
    created_before: datetime | None = None
    after: str | None = None
    limit: int = 100


class ClientRepository(Protocol):
    """Repository of clients. Ids are compared with case; `get_spelt_like` compares them without."""

    def get(self, client_id: str) -> Client | None: ...
    def get_spelt_like(self, client_id: str) -> Client | None: ...
    def all(self) -> list[Client]: ...
    def find(self, *, after: str | None = None, limit: int = 100) -> list[Client]:
        """Clients, in the order of `client_id`, after that id."""
        ...

    def put(self, client: Client) -> None: ...


class JourneyRepository(Protocol):
    """Repository of journeys, as stored: the caller applies a lapsed lease with `Journey.as_of`."""

    def get(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None: ...
    def get_spelt_like(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None: ...
    def find(
        self, *, client_id: str | None = None, journey_id: str | None = None
    ) -> list[Journey | UnreadableRow]: ...
    def list_keyed(
        self, *, client_id: str | None = None, after: JourneyKey | None = None, limit: int = 100
    ) -> list[tuple[JourneyKey, Journey | UnreadableRow]]:
        """Journeys with their keys, in the order of the keys, after that key."""
        ...

    def put(self, journey: Journey) -> None: ...


class DatasetRepository(Protocol):
    """Repository of datasets, and of the progress of the sagas that work on them."""

    def get(self, dataset_id: str) -> Dataset | None: ...
    def get_live(self, client_id: str, stage: Stage, dataset_type: DatasetType) -> Dataset | None: ...
    def find(self, query: DatasetQuery) -> list[Dataset]: ...
    def list_with_journeys(self, dataset_ids: Collection[str]) -> list[DatasetWithJourney]:
        """Those datasets, in the order of their ids, each with its journey as stored."""
        ...

    def list_unprotected(self, query: DatasetQuery, now: datetime) -> list[DatasetWithJourney]:
        """Like `find`, each with its journey as stored, without the datasets whose journey protects them at `now`."""
        ...

    def stream_for_scan(
        self, statuses: tuple[DatasetStatus, ...], now: datetime
    ) -> Iterator[DatasetWithJourney]:
        """Stream the datasets of those statuses that nothing protects at `now`, then the others with an orphan mark.

        In bounded memory, however many there are. Run no other query in this transaction until the stream has ended.
        """
        ...

    def count_live(self, client_id: str | None = None) -> int: ...
    def list_running(self) -> list[Dataset]:
        """Every dataset that a saga works on."""
        ...

    def put_orphan_marks(self, datasets: Iterable[Dataset]) -> None:
        """Replace datasets that this transaction has read, and of which only the orphan mark has changed."""
        ...

    def put(self, dataset: Dataset) -> None:
        """Insert or replace.

        Raises DatasetConflictError when another live dataset has the same client, stage and type.
        """
        ...

    def get_progress(self, dataset_id: str) -> Progress | None: ...


class ConnectorRepository(Protocol):
    """Repository of connectors, and of the errors of calls made for them."""

    def get(self, connector_id: str) -> Connector | None: ...
    def list_connected(
        self, *, client_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Connector]:
        """The connectors that are not DISCONNECTED, in the order of `connector_id`."""
        ...

    def put(self, connector: Connector) -> None: ...

    def record_error(self, connector_id: str, at: datetime, code: str) -> None:
        """Record one failed call that was made for a connector."""
        ...

    def count_errors(self, connector_id: str, since: datetime, until: datetime) -> int:
        """Count the errors between two instants.

        Errors after `until` do not count: a clock that ran ahead has recorded them.
        """
        ...


class CompensationRepository(Protocol):
    """Repository of pending compensations."""

    def find(self, dataset_id: str | None = None) -> list[PendingCompensation]: ...
    def put(self, pending: PendingCompensation) -> None:
        """Insert or replace, by dataset, attempt and step (`what`)."""
        ...

    def delete(self, pending: PendingCompensation) -> None: ...


class ApprovalRepository(Protocol):
    """Repository of approval requests."""

    def get(self, approval_id: str) -> Approval | None: ...
    def find(
        self,
        *,
        dataset_id: str | None = None,
        states: tuple[ApprovalState, ...] = (),
        after: str | None = None,
        limit: int = 100,
    ) -> list[Approval]:
        """Approval requests, in the order of `approval_id`; `states` are the stored states, empty for all."""
        ...

    def list_oldest(
        self, *, states: tuple[ApprovalState, ...] = (), after: str | None = None, limit: int = 100
    ) -> list[Approval]:
        """Approval requests in the order in which they were filed, after the request of that id."""
        ...

    def put(self, approval: Approval) -> None: ...


class ArchiveRepository(Protocol):
    """Repository of facts about each archive."""

    def get(self, dataset_id: str) -> Json | None:
        """The facts about a dataset's archive: `{path, restorable_until, purged_at?, …}`; None when there is none."""
        ...

    def put(self, dataset_id: str, facts: Json) -> None: ...
    def find(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, Json]]: ...


class EventRepository(Protocol):
    """Repository of events, numbered in the order of their commits."""

    def append(self, *events: Event) -> None: ...
    def find(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        """Events with their sequence number, in order."""
        ...

    def get(self, seq: int) -> Event:
        """The event of that number, which must exist."""
        ...

    def last_number(self) -> int:
        """The highest number of an event, 0 when there is none.

        The same transaction sees every event with a lower number: numbers become visible in order.
        """
        ...

    def list_latest(self, before: int | None, dataset_id: str | None, limit: int) -> list[tuple[int, Event]]:
        """Events with their sequence number, newest first: all of them, or those before that number."""
        ...


class DeliveryRepository(Protocol):
    """Repository of webhook cursors and deliveries."""

    def get_cursor(self, webhook: str) -> WebhookCursor | None: ...
    def list_cursors(self) -> list[WebhookCursor]:
        """The cursors of all webhooks that were ever delivered to, in the order of their names."""
        ...

    def put_cursor(self, cursor: WebhookCursor) -> None: ...

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
        """The first waiting delivery of each dataset to this webhook, in the order of events.

        Only deliveries that are due: at `due_until` at the latest, or after `due_from`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """Setting: the key of one small JSON value of the installation, with its name in the store and its type.

    A value of another type is an error, because a rule must not mistake an unreadable value for an absent one. A
    setting is `absent_if_unreadable` only where nothing but a display depends on it, or its value is computed anew.
    """

    name: str
    kind: type[T]
    absent_if_unreadable: bool = field(default=False, kw_only=True)


class SettingRepository(Protocol):
    """Repository of small JSON values of the installation, such as the last orphan scan, by their keys."""

    def get(self, setting: Setting[T]) -> T | None:
        """The value; None when there is none. Raises StoreFailedError when it is not of the setting's type."""
        ...

    def put(self, setting: Setting[T], value: T | None) -> None:
        """Insert or replace; None removes the value."""
        ...


class RateLimitRepository(Protocol):
    """Repository of uses: what a principal used of each rate limit, and when."""

    def add(self, kind: str, principal: str, reading: ClockReading) -> int:
        """Record one use at that reading of the clock, and return its number."""
        ...

    def nth_latest_age(
        self, kind: str, principal: str, reading: ClockReading, window: timedelta, n: int
    ) -> timedelta | None:
        """How long before that reading the principal's `n`-th latest use was; None when there are fewer in the window.

        Uses of the reading's own boot are dated by the uptime, all others by the clock. An age may be negative.
        """
        ...

    def delete(self, number: int) -> None:
        """Delete one use; do nothing when it is absent."""
        ...

    def delete_outside(
        self, kind: str, reading: ClockReading, *, oldest: timedelta, ahead: timedelta
    ) -> None:
        """Delete uses of that age or older, and those further ahead of the reading, whoever made them.

        At least those that the clock and the uptime both find outside.
        """
        ...
