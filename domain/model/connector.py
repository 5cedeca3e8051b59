"""TODO describe domain.model.dataset.connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.model.dataset import Layout
from domain.model.enums import ConnectorStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Which platform answered: dialect, address, tenant (None when the platform does not say)."""

    dialect: str
    url: str
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerTag:
    """How we know a datasource for ours: this installation, and the dataset it serves."""

    installation: str
    dataset_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """The thing in Glean that serves one dataset. `handle` is the platform's own id for it.

    `config` holds no secret. `made_by_attempt` says which attempt created it, `rechecked_at` when its state last put
    the dataset's quality to another check, `left` what a person may still remove of one that an undo took away.
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
