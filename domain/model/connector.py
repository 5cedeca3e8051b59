"""Connector: the datasource in Glean that serves one dataset, and what proves that it is ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from domain.model.dataset import Layout
from domain.model.enums import ConnectorStatus
from domain.model.text import quote_foreign

EMBEDDED_SANDBOX: Final = "embedded sandbox"
"""The address of the embedded sandbox in a fingerprint: its port changes at every start."""
_UNSEEN: Final = "nobody else sees it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Fingerprint: which platform answered, by dialect, address and tenant (None when it does not name one)."""

    dialect: str
    url: str
    tenant: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether it is the embedded sandbox of a data folder."""
        return self.url == EMBEDDED_SANDBOX

    @property
    def kind(self) -> str:
        """The kind of platform: `embedded_sandbox`, or the dialect of a real Glean."""
        return "embedded_sandbox" if self.embedded else self.dialect

    @property
    def shown_address(self) -> str:
        """The address as people read it. It never contains a credential."""
        return f"{self.url}, {_UNSEEN}" if self.embedded else self.url

    def is_same(self, other: Fingerprint) -> bool:
        """Whether both are one platform. A tenant that is not known counts as the same as any."""
        same_tenant = self.tenant == other.tenant or None in (self.tenant, other.tenant)
        return (self.dialect, self.url) == (other.dialect, other.url) and same_tenant

    def describe(self) -> str:
        """The platform within a sentence, with dialect and tenant."""
        tenant = f", tenant {quote_foreign(self.tenant)}" if self.tenant else ""
        if self.embedded:
            return f"the {self.url} ({_UNSEEN}; {self.dialect} dialect{tenant})"
        return f"{self.url} ({self.dialect} dialect{tenant})"


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
