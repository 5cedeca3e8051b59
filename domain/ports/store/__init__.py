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
from domain.ports.store.repositories import DatasetQuery, DatasetWithJourney, JourneyKey, Setting
from domain.ports.store.unit_of_work import Store, UnitOfWork

__all__ = [
    "AuditQuery",
    "AuditRepository",
    "ChainLink",
    "DatasetQuery",
    "DatasetWithJourney",
    "JourneyKey",
    "SealedEntry",
    "Setting",
    "Store",
    "StoredEntry",
    "UnitOfWork",
    "UnsealedTail",
    "iterate_pages",
    "paginate",
]
