"""The answer of `list_orphans`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from domain.model import DatasetStatus, DatasetType, JourneyState, OrphanReason, Stage
from tools.edge.results import Answer, Instant

if TYPE_CHECKING:
    from domain.errors import BlockingCheck
    from domain.governance import OrphanFacts, OrphanPage


class BlockAnswer(Answer):
    """One check that blocks the teardown of the dataset as an orphan."""

    check: str
    what: str
    since: Instant | None = None
    clears: str
    recovery: str


class OrphanItem(Answer):
    """One orphan with the evidence."""

    name: str
    dataset_id: str
    client_id: str
    journey_id: str
    stage: Stage
    dataset_type: DatasetType
    status: DatasetStatus
    reason: OrphanReason
    age_days: float
    journey_state: JourneyState | None = Field(
        default=None, description="Absent when there is no such journey."
    )
    last_used_at: Instant = Field(description="The latest of creation, restore, renewal and protection.")
    orphaned_at: Instant | None = Field(default=None, description="When a scan first found it so.")
    eligible_at: Instant | None = Field(
        default=None, description="When its grace will have passed; an estimate."
    )
    eligible: bool = Field(description="Whether it may be taken down as an orphan now.")
    blocking: list[BlockAnswer]
    record_count: int
    size_bytes: int
    connector_id: str | None = None


class OrphansAnswer(Answer):
    """A page of orphans."""

    items: list[OrphanItem]
    count: int = Field(description="How many items this answer has.")
    unknown: list[str] | None = Field(
        default=None, description="Ids of datasets whose journey could not be read; they count as no orphans."
    )
    next_cursor: str | None = Field(default=None, description="Present when there are more.")
    scanned_at: Instant = Field(description="When these facts were read.")


def orphans_answer(page: OrphanPage) -> OrphansAnswer:
    """Build the answer for a page of orphans."""
    return OrphansAnswer(
        items=[orphan_item(each) for each in page.items],
        count=len(page.items),
        unknown=list(page.unknown) or None,
        next_cursor=page.next_cursor,
        scanned_at=page.scanned_at,
    )


def orphan_item(facts: OrphanFacts) -> OrphanItem:
    """Build the item of one orphan."""
    dataset = facts.dataset
    return OrphanItem(
        name=dataset.name,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        journey_id=dataset.journey_id,
        stage=dataset.stage,
        dataset_type=dataset.dataset_type,
        status=dataset.status,
        reason=facts.reason,
        age_days=facts.age_days,
        journey_state=facts.journey_state,
        last_used_at=dataset.last_used_at,
        orphaned_at=facts.orphaned_at,
        eligible_at=facts.eligible_at,
        eligible=facts.eligible,
        blocking=[_block(each) for each in facts.blocking],
        record_count=dataset.record_count,
        size_bytes=dataset.size_bytes,
        connector_id=dataset.connector_id,
    )


def _block(check: BlockingCheck) -> BlockAnswer:
    return BlockAnswer(
        check=check.code, what=check.what, since=check.since, clears=check.clears, recovery=check.recovery
    )
