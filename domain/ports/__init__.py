"""Ports: what the domain needs from outside, in its own words.

Every adapter raises only errors of `domain.errors`; each translates foreign errors in one place.
"""

from __future__ import annotations

from domain.ports.archives import ArchiveOrder, Archives
from domain.ports.clock import Clock, Ids
from domain.ports.credentials import ConnectorTemplates, Secrets
from domain.ports.engine import DeadLetter, Engine, Json, Saga, StepRunner, Worker
from domain.ports.platform import (
    Capabilities,
    Datasource,
    DatasourceSpec,
    Observation,
    Platform,
    ReadOnlyPlatform,
    Removal,
    SearchHit,
    SyncJob,
)
from domain.ports.staging import Staged, Staging
from domain.ports.store import (
    STORE_PATIENCE,
    AuditQuery,
    AuditRepository,
    ChainLink,
    DatasetQuery,
    DatasetWithJourney,
    JourneyKey,
    SealedEntry,
    Setting,
    Store,
    StoredEntry,
    StorePatience,
    UnitOfWork,
    UnsealedTail,
    iterate_pages,
    one_store_patience,
    paginate,
)
from domain.ports.templates import ProductionExport, RecordStream, SanitizedStream, Templates
from domain.ports.webhooks import CloudEventMessage, Courier

__all__ = [
    "STORE_PATIENCE",
    "ArchiveOrder",
    "Archives",
    "AuditQuery",
    "AuditRepository",
    "Capabilities",
    "ChainLink",
    "Clock",
    "CloudEventMessage",
    "ConnectorTemplates",
    "Courier",
    "DatasetQuery",
    "DatasetWithJourney",
    "Datasource",
    "DatasourceSpec",
    "DeadLetter",
    "Engine",
    "Ids",
    "JourneyKey",
    "Json",
    "Observation",
    "Platform",
    "ProductionExport",
    "ReadOnlyPlatform",
    "RecordStream",
    "Removal",
    "Saga",
    "SanitizedStream",
    "SealedEntry",
    "SearchHit",
    "Secrets",
    "Setting",
    "Staged",
    "Staging",
    "StepRunner",
    "Store",
    "StorePatience",
    "StoredEntry",
    "SyncJob",
    "Templates",
    "UnitOfWork",
    "UnsealedTail",
    "Worker",
    "iterate_pages",
    "one_store_patience",
    "paginate",
]
