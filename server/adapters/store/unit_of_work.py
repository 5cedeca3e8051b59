"""Unit of work: all repositories, on one connection inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.adapters.store.repositories.approvals import ApprovalRepository
from server.adapters.store.repositories.archives import ArchiveRepository
from server.adapters.store.repositories.audit import AuditRepository
from server.adapters.store.repositories.clients import ClientRepository, JourneyRepository
from server.adapters.store.repositories.compensations import CompensationRepository
from server.adapters.store.repositories.connectors import ConnectorRepository
from server.adapters.store.repositories.datasets import DatasetRepository
from server.adapters.store.repositories.events import DeliveryRepository, EventRepository
from server.adapters.store.repositories.rate_limits import RateLimitRepository
from server.adapters.store.repositories.settings import SettingRepository

if TYPE_CHECKING:
    from server.adapters.store.repository import Connection


class SqlUnitOfWork:
    """Implements `ports.UnitOfWork`."""

    def __init__(self, db: Connection, installation: str) -> None:
        self.installation = installation
        self.clients = ClientRepository(db)
        self.journeys = JourneyRepository(db)
        self.datasets = DatasetRepository(db)
        self.connectors = ConnectorRepository(db)
        self.compensations = CompensationRepository(db)
        self.approvals = ApprovalRepository(db)
        self.archives = ArchiveRepository(db)
        self.events = EventRepository(db)
        self.deliveries = DeliveryRepository(db)
        self.audit = AuditRepository(db)
        self.rate_limits = RateLimitRepository(db)
        self.settings = SettingRepository(db)
