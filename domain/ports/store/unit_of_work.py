"""The store: transactions over our rows. Adapters raise only errors of `domain.errors`."""

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
    """One transaction of the store, with a repository per aggregate."""

    @property
    def installation(self) -> str:
        """The id of this installation, minted once with the store."""
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
    """Entities and events, with real transactions."""

    async def transact(
        self, work: Callable[[UnitOfWork], T], *, lasting: bool = True, regardless: bool = False
    ) -> T:
        """Run a pure function inside one serialised write transaction; its exception rolls everything back.

        `work` may run more than once (a serialisation conflict), so it has no effect but on the records. What is not
        `lasting` outlives the process, and may be lost with the machine's power until the next one that is. A caller
        who is cancelled takes back what has not begun, but not what is to be done `regardless`.
        """
        ...

    async def read(self, look: Callable[[UnitOfWork], T]) -> T:
        """Run a function over one consistent snapshot; it cannot write."""
        ...

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        """Show how far a saga is (None: nothing to show). Never blocks, never fails; only the latest counts.

        May be called from any thread.
        """
        ...
