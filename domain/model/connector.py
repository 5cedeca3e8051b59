"""Connector: the datasource in Glean that serves one dataset, and what proves that it is ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.model.dataset import Layout
from domain.model.enums import ConnectorStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Fingerprint: which platform answered, by dialect, address and tenant (None when it does not name one)."""

    dialect: str
    url: str
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerTag:
    """Owner tag: the mark on a datasource that names the installation and the dataset it serves."""

    installation: str
    dataset_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """Connector: the datasource in Glean that serves one dataset. `handle` is the platform's own id for it.

    `config` holds no secret. `made_by_attempt` is the attempt that created it. `rechecked_at` is when its health last
    started a re-check of the dataset's quality. `left` is what a person may still remove after a compensation deleted
    the datasource.
    """

    connector_id: str
    dataset_id: str
    client_id: str
    name: str
    kind: str
    status: ConnectorStatus
    created_at: datetime
    fingerprint: Fingerprint
    made_by_attempt: int = 1
    handle: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    last_health_check: datetime | None = None
    last_successful_sync: datetime | None = None
    rechecked_at: datetime | None = None
    message: str | None = None
    left: str | None = None
    layout: Layout = 1
