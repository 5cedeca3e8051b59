"""Store and unit of work: transactions over our own rows. Adapters raise only errors of `domain.errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from domain.model import Progress
    from domain.ports.store.audit import AuditRepository
    from domain.ports.store.repositories import (
        ApprovalRepository,
        ArchiveRepository,
        ClientRepository,
        CompensationRepository,
        ConnectorRepository,
        DatasetRepository,
        DeliveryRepository,
        EventRepository,
        JourneyRepository,
        RateLimitRepository,
        SettingRepository,
    )

    T = TypeVar("T")


class UnitOfWork(Protocol):
    """Unit of work: one transaction of the store, with a repository per aggregate."""

    @property
    def installation(self) -> str:
        """The id of this installation, created once with the store."""
        ...

    @property
    def clients(self) -> ClientRepository: ...
    @property
    def journeys(self) -> JourneyRepository: ...
    @property
    def datasets(self) -> DatasetRepository: ...
    @property
    def connectors(self) -> ConnectorRepository: ...
    @property
    def compensations(self) -> CompensationRepository: ...
    @property
    def approvals(self) -> ApprovalRepository: ...
    @property
    def archives(self) -> ArchiveRepository: ...
    @property
    def events(self) -> EventRepository: ...
    @property
    def deliveries(self) -> DeliveryRepository: ...
    @property
    def audit(self) -> AuditRepository: ...
    @property
    def rate_limits(self) -> RateLimitRepository: ...
    @property
    def settings(self) -> SettingRepository: ...


class Store(Protocol):
    """Store: entities, events and the audit log, in transactions."""

    async def transact(
        self, work: Callable[[UnitOfWork], T], *, lasting: bool = True, regardless: bool = False
    ) -> T:
        """Run a pure function inside one serialised write transaction; its exception rolls everything back.

        `work` may run more than once (after a serialisation conflict), so its only effects are on the unit of work. A
        transaction that is not `lasting` survives the process, but a power cut may lose it until the next lasting one.
        Cancelling the caller drops a transaction that has not begun, unless it is to be done `regardless`.
        """
        ...

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a function over one consistent snapshot; it cannot write."""
        ...

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        """Publish a saga's progress (None: clear it). Never blocks and never fails; only the latest report counts.

        May be called from any thread.
        """
        ...
