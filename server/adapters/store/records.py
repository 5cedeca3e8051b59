"""All rows of the store, inside one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.adapters.store.approvals import ApprovalRows
from server.adapters.store.audit import AuditRows
from server.adapters.store.clients import ClientRows
from server.adapters.store.connectors import ConnectorRows
from server.adapters.store.datasets import DatasetRows
from server.adapters.store.deliveries import DeliveryRows
from server.adapters.store.ledger import LedgerRows
from server.adapters.store.uses import UseRows

if TYPE_CHECKING:
    from server.adapters.store.rows import Connection


class StoredRecords(
    ClientRows, DatasetRows, ConnectorRows, LedgerRows, ApprovalRows, AuditRows, UseRows, DeliveryRows
):
    """Implements `domain.records.Records` on a connection that is in a transaction."""

    def __init__(self, db: Connection, installation: str) -> None:
        super().__init__(db)
        self._installation = installation

    @property
    def installation(self) -> str:
        return self._installation
