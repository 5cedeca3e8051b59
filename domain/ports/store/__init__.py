"""Port of the store: a unit of work with one repository per aggregate, and their queries and results."""

from __future__ import annotations

from domain.ports.store.audit import (
    AuditQuery,
    AuditRepository,
    ChainLink,
    SealedEntry,
    StoredEntry,
    UnsealedTail,
)
from domain.ports.store.paging import iterate_pages, paginate
from domain.ports.store.patience import STORE_PATIENCE, StorePatience, one_store_patience
from domain.ports.store.repositories import DatasetQuery, DatasetWithJourney, JourneyKey, Setting
from domain.ports.store.unit_of_work import Store, UnitOfWork

__all__ = [
    "STORE_PATIENCE",
    "AuditQuery",
    "AuditRepository",
    "ChainLink",
    "DatasetQuery",
    "DatasetWithJourney",
    "JourneyKey",
    "SealedEntry",
    "Setting",
    "Store",
    "StorePatience",
    "StoredEntry",
    "UnitOfWork",
    "UnsealedTail",
    "iterate_pages",
    "one_store_patience",
    "paginate",
]
