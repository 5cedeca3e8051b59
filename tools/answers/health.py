"""The answer of `check_connector_health`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

from domain.model import ConnectorStatus, DatasetType, Stage, encode_cursor
from tools.edge.results import Answer, Instant, PlatformAnswer, platform_answer

if TYPE_CHECKING:
    from domain.connectors import ConnectorHealth, DriftItem, HealthPage

CONNECTOR_LISTING: Final = "connectors"
"""The name of the listing in its cursors."""


class FindingAnswer(Answer):
    """One thing that is not as it should be."""

    code: str
    message: str
    suggested_action: str | None = None


class HealthItem(Answer):
    """One connector, and how it is."""

    name: str
    connector_id: str
    client_id: str
    dataset_id: str
    stage: Stage | None = Field(
        default=None, description="Absent, like the type, when our record of it is broken."
    )
    dataset_type: DatasetType | None = None
    status: ConnectorStatus
    last_successful_sync: Instant | None = None
    freshness_s: int | None = Field(default=None, description="Age of the last successful sync, in seconds.")
    error_count_24h: int | None = Field(default=None, description="Absent when it is not known.")
    checked_at: Instant
    findings: list[FindingAnswer]


class DriftAnswer(Answer):
    """Where Glean and our records differ."""

    kind: str = Field(
        description=(
            "unowned_connector (in Glean, of no dataset), missing_connector (not in Glean) or changed_connector "
            "(configured differently than by us, or without our owner tag)."
        )
    )
    name: str
    dataset_id: str
    client_id: str | None = None
    connector_id: str | None = None
    suggested_action: str


class HealthAnswer(Answer):
    """A page of connectors, with the drift on the first one."""

    platform: PlatformAnswer
    warning: str | None = Field(
        default=None,
        description="Present when the data folder belongs to another Glean: nothing is begun then.",
    )
    items: list[HealthItem]
    drift: list[DriftAnswer]
    count: int = Field(description="How many items this answer has.")
    next_cursor: str | None = Field(default=None, description="Present when there are more.")


def health_answer(page: HealthPage) -> HealthAnswer:
    """Build the answer for a page of connectors."""
    return HealthAnswer(
        platform=platform_answer(page.platform),
        warning=page.warning,
        items=[_item(each) for each in page.items],
        drift=[_drift(each) for each in page.drift],
        count=len(page.items),
        next_cursor=page.next_cursor and encode_cursor(CONNECTOR_LISTING, page.next_cursor),
    )


def _item(seen: ConnectorHealth) -> HealthItem:
    connector, dataset, health = seen.connector, seen.dataset, seen.health
    return HealthItem(
        name=connector.name,
        connector_id=connector.connector_id,
        client_id=connector.client_id,
        dataset_id=connector.dataset_id,
        stage=dataset.stage if dataset else None,
        dataset_type=dataset.dataset_type if dataset else None,
        status=health.status,
        last_successful_sync=health.last_successful_sync,
        freshness_s=health.freshness_s,
        error_count_24h=health.error_count_24h,
        checked_at=health.checked_at,
        findings=[
            FindingAnswer(
                code=each.code, message=each.message, suggested_action=each.suggested_action or None
            )
            for each in health.findings
        ],
    )


def _drift(item: DriftItem) -> DriftAnswer:
    return DriftAnswer(
        kind=item.kind,
        name=item.name,
        dataset_id=item.dataset_id,
        client_id=item.client_id,
        connector_id=item.connector_id,
        suggested_action=item.suggested_action,
    )
