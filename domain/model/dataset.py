"""Datasets: the aggregate that sagas work on, and its parts.

Every instant is an aware `datetime` in UTC. Every value is immutable: `Dataset.evolve` makes the changed value, and it
alone decides when the generation goes up.

A row is stored in the shape of its value, so a field stays where existing rows have it, however many fields there are.
Fields that are set and cleared together form a part of their own: `Content`, `Run`, `Teardown`, `Recheck`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from domain.model.clock import ClockReading, Uptime
from domain.model.content import Content, QualityReport, TemplateChoice
from domain.model.enums import (
    TRANSITIONS,
    ConnectorOutcome,
    DatasetStatus,
    DatasetType,
    DataSource,
    IllegalTransitionError,
    Stage,
    TeardownReason,
    Waiver,
)
from domain.model.run import Failure, Run

Layout: TypeAlias = Literal[1]
"""The layout of the rows that sagas change.

A release that stores something in them which an earlier release must not lose adds a number. While replicas are
upgraded, the earlier release then leaves such a row alone. What may be lost needs no new number.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Confirmation: a person's consent to one teardown, which the claim requires.

    `how` is `typed_name`, `elicitation` or `approval`. A confirmation is bound to dataset, generation, reason,
    requester and waiver (`concession`). An approval names the request that was answered, and the claim looks that
    request up. `shown` are the facts that the person saw before they consented.
    """

    how: str
    by: str
    at: datetime
    dataset_id: str
    generation: int
    reason: TeardownReason
    requester: str
    approval_id: str | None = None
    concession: Waiver = Waiver.NONE
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def self_approved(self) -> bool:
        """Whether the requester of the teardown approved it themselves."""
        return self.how == "approval" and self.by == self.requester


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """Teardown of a dataset: its reason, its progress, and the waivers that a person granted.

    `disconnecting` is the point of no return. `run` counts the sagas that worked on it. `archive_incomplete` and
    `abandon_connector` are the waivers in force, `conceded` the confirmations that granted them.
    """

    reason: TeardownReason
    requester: str
    former_status: DatasetStatus
    started_at: datetime
    run: int = 1
    confirmation: Confirmation | None = None
    conceded: tuple[Confirmation, ...] = ()
    archived_path: str | None = None
    archive_incomplete: bool = False
    abandon_connector: bool = False
    restorable_until: datetime | None = None
    disconnecting: bool = False
    connector_outcome: ConnectorOutcome | None = None
    manual_step: str | None = None
    staging_deleted: bool = False
    failure: Failure | None = None

    def with_waiver(self, confirmation: Confirmation) -> Teardown:
        """The teardown with the waiver that a confirmation grants."""
        waiver = confirmation.concession
        return replace(
            self,
            conceded=(*self.conceded, confirmation),
            archive_incomplete=self.archive_incomplete or waiver is Waiver.INCOMPLETE_ARCHIVE,
            abandon_connector=self.abandon_connector or waiver is Waiver.ABANDON_CONNECTOR,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanMark:
    """Orphan mark: since when and why no journey protects the dataset.

    `orphaned_at` is written once; `served` is the grace counted so far, in seconds.
    """

    orphaned_at: datetime
    reason: str
    served: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """Re-check of quality, queued or running; after its deadline it no longer counts as pending.

    `saga_id` names the saga that runs it, so that another process can continue it. `uptime` is that of the machine when
    it was requested.
    """

    requested_at: datetime
    deadline: datetime
    saga_id: str | None = None
    uptime: Uptime | None = None

    @property
    def requested(self) -> ClockReading:
        """The reading of the clock at the request."""
        return ClockReading(at=self.requested_at, uptime=self.uptime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset of a client's journey, at one stage, of one type.

    `content` is served; `staged` is what the running attempt has populated. `requested_count` is the number of records
    asked for, None for all of the template's. `attempt` counts populations, from 1. `restored_from` is the archived
    dataset whose documents this one holds, None for one that is populated from a template. `rechecked_by` is the last
    saga that re-checked its quality.
    """

    dataset_id: str
    name: str
    client_id: str
    journey_id: str
    stage: Stage
    dataset_type: DatasetType
    template: TemplateChoice
    data_source: DataSource
    status: DatasetStatus
    created_at: datetime
    last_used_at: datetime
    requested_count: int | None = None
    attempt: int = 1
    generation: int = 1
    content: Content | None = None
    staged: Content | None = None
    quality: QualityReport | None = None
    connector_id: str | None = None
    archived_at: datetime | None = None
    protected_until: datetime | None = None
    failure: Failure | None = None
    run: Run | None = None
    teardown: Teardown | None = None
    orphan: OrphanMark | None = None
    recheck: Recheck | None = None
    rechecked_by: str | None = None
    restored_from: str | None = None
    layout: Layout = 1

    @property
    def live(self) -> bool:
        """Whether it occupies its (client, stage, type): in every status but ARCHIVED."""
        return self.status is not DatasetStatus.ARCHIVED

    @property
    def record_count(self) -> int:
        """Number of documents in the content that is served, or else staged."""
        content = self.content or self.staged
        return content.record_count if content else 0

    @property
    def size_bytes(self) -> int:
        """Size of that content as staged, in bytes."""
        content = self.content or self.staged
        return content.size_bytes if content else 0

    @property
    def populated_at(self) -> datetime | None:
        """When the content that is served was populated; None when none is."""
        return self.content.report.evaluated_at if self.content else None

    @property
    def stalled(self) -> bool:
        """Whether its teardown has stopped: it is in TEARDOWN, and no saga works on it."""
        return self.status is DatasetStatus.TEARDOWN and self.run is None

    @property
    def stalled_teardown(self) -> Teardown | None:
        """The teardown that has stopped and can be continued; None when there is none."""
        return self.teardown if self.stalled else None

    def evolve(self, **changes: Any) -> Dataset:
        """The dataset with these changes; the generation goes up when content, status, journey or protection changes.

        Raises IllegalTransitionError for a status that the table does not allow.
        """
        status = changes.get("status", self.status)
        if (
            status is not self.status
            and status not in TRANSITIONS[self.status]
            and not self._may_revert_to(status)
        ):
            msg = f"{self.dataset_id}: {self.status} cannot become {status}"
            raise IllegalTransitionError(msg)
        changed = any(
            changes.get(name, getattr(self, name)) != getattr(self, name) for name in _GENERATION_FIELDS
        )
        return replace(self, generation=self.generation + changed, **changes)

    def _may_revert_to(self, status: DatasetStatus) -> bool:
        teardown = self.teardown
        return (
            self.status is DatasetStatus.TEARDOWN
            and teardown is not None
            and not teardown.disconnecting
            and status is teardown.former_status
        )


# A confirmation is bound to a generation: it must not outlive a change of what the person was shown.
_GENERATION_FIELDS: Final = ("content", "status", "journey_id", "protected_until")
