"""Entities as tests need them: everything filled in, with only what matters said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.model.approval import Approval
from domain.model.clock import Uptime
from domain.model.connector import Connector, Fingerprint
from domain.model.content import TemplateChoice
from domain.model.dataset import Dataset
from domain.model.enums import (
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    DataSource,
    JourneyState,
    Stage,
    TeardownReason,
    TemplateMatch,
)
from domain.model.event import Event, EventKind
from domain.model.journey import Client, Journey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATASET = Dataset(
    dataset_id="acme-sandbox-confluence-abc123",
    name="ACME-Sandbox-Confluence",
    client_id="acme",
    journey_id="j1",
    stage=Stage.SANDBOX,
    dataset_type=DatasetType.CONFLUENCE_PAGES,
    template=TemplateChoice(
        template_id="fintech/developer_productivity/confluence_pages", match=TemplateMatch.EXACT
    ),
    data_source=DataSource.MOCK_TEMPLATE,
    status=DatasetStatus.READY,
    created_at=NOW - timedelta(days=30),
    last_used_at=NOW - timedelta(days=30),
)
CONNECTOR = Connector(
    connector_id="k1",
    dataset_id=DATASET.dataset_id,
    client_id="acme",
    name="ACME-Sandbox-Confluence",
    kind="confluence",
    status=ConnectorStatus.HEALTHY,
    created_at=NOW,
    fingerprint=Fingerprint(dialect="admin", url="http://glean.test", tenant="t1"),
)


def client(client_id: str = "acme", **changes: Any) -> Client:
    made = Client(client_id=client_id, name="ACME", industry="fintech", use_case="developer_productivity")
    return replace(made, **changes)


def sample_event(kind: EventKind, about: Dataset, at: datetime, **data: Any) -> Event:
    """An event with the status of its dataset and whatever the test says: for whoever carries events."""
    return Event(
        kind=kind,
        at=at,
        dataset_id=about.dataset_id,
        client_id=about.client_id,
        data={"status": about.status.value, **data},
    )


def journey(journey_id: str = "j1", **changes: Any) -> Journey:
    made = Journey(journey_id=journey_id, client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    return replace(made, **changes)


def dataset(dataset_id: str = DATASET.dataset_id, **changes: Any) -> Dataset:
    return replace(DATASET, dataset_id=dataset_id, **changes)


def approval(about: Dataset = DATASET, **changes: Any) -> Approval:
    made = Approval(
        approval_id="ap-000001",
        dataset_id=about.dataset_id,
        client_id=about.client_id,
        generation=about.generation,
        reason=TeardownReason.MANUAL,
        requester="agent:kim",
        filed_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
        shown={"dataset": about.name, "record_count": 7},
    )
    return replace(made, **changes)


def connector(connector_id: str = "k1", **changes: Any) -> Connector:
    return replace(CONNECTOR, connector_id=connector_id, **changes)


def uptime_at(instant: datetime, boot: str | None) -> Uptime | None:
    """The uptime of a machine at a true instant; None where there is none."""
    return Uptime(boot=boot, seconds=instant.timestamp()) if boot else None


@dataclass
class ManualClock:
    """A clock that stands until it is set; its sleep is over at once and moves it on.

    `off` is how far it is wrong: the machine's uptime goes by the true time. Without a `boot` there is no uptime.
    """

    instant: datetime = field(default=NOW)
    off: timedelta = timedelta()
    boot: str | None = "boot-1"

    def now(self) -> datetime:
        return self.instant + self.off

    def uptime(self) -> Uptime | None:
        return uptime_at(self.instant, self.boot)

    def monotonic(self) -> float:
        return self.instant.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)
