"""The nouns, and what each holds.

Every instant is an aware `datetime` in UTC. Every value here is immutable: a change is a new value, made by
`Dataset.evolve`, which is the only place that knows when a generation goes up.

A row is stored in the shape of its value, so fields that rows have already stay where they are, however many they are;
what belongs together and comes and goes together is a part of its own: `Content`, `Run`, `Teardown`, `Recheck`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

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
"""How rows that sagas change are laid out.

A release that gives them something which an earlier one must not lose adds a number: the earlier one, beside it while
replicas are upgraded, then leaves such a row alone. Something that may be lost needs no new number.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A person's word for one teardown: a fact that the claim takes, whoever obtained it.

    `how` is `typed_name`, `elicitation` or `approval`; it is bound to dataset, generation, reason, requester and what
    is conceded. An approval names the request that was answered, and the claim looks it up. `shown` is what the person
    saw before they gave it.
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
        """Whether the approval is by the one who asked for the teardown."""
        return self.how == "approval" and self.by == self.requester


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """How far a dataset's taking-down has come.

    `disconnecting` is the point of no return. `run` counts the sagas that worked on it. `archive_incomplete` and
    `abandon_connector` say what it may go without, `conceded` who allowed that.
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

    def with_waiver(self, given: Confirmation) -> Teardown:
        """The teardown, with what a person has conceded."""
        return replace(
            self,
            conceded=(*self.conceded, given),
            archive_incomplete=self.archive_incomplete or given.concession is Waiver.INCOMPLETE_ARCHIVE,
            abandon_connector=self.abandon_connector or given.concession is Waiver.ABANDON_CONNECTOR,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanMark:
    """A dataset found without a living journey.

    `orphaned_at` is written once; `served` is the grace already counted, in seconds.
    """

    orphaned_at: datetime
    reason: str
    served: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """A quality re-check that is queued or running; past its deadline it is pending no more.

    One that runs as a saga may be gone on with by another process: it is known by `saga_id`.
    """

    requested_at: datetime
    deadline: datetime
    saga_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset of a client's journey, at one stage, of one type.

    `content` is what is served, `staged` what the running attempt has populated. `requested_count` is the number of
    records asked for, None for all that the template has. `attempt` counts populations, from 1. `restored_from` is the
    archived dataset whose documents this one holds, None for one that is populated from a template. `rechecked_by` is
    the last saga that has judged it again.
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
        """Whether it holds its (client, stage, type): every status but ARCHIVED."""
        return self.status is not DatasetStatus.ARCHIVED

    @property
    def record_count(self) -> int:
        """Documents of the content that is served, or is about to be."""
        content = self.content or self.staged
        return content.record_count if content else 0

    @property
    def size_bytes(self) -> int:
        """Bytes of that content, as staged."""
        content = self.content or self.staged
        return content.size_bytes if content else 0

    @property
    def stalled(self) -> bool:
        """Whether its taking-down has stopped: in TEARDOWN, and nothing works on it."""
        return self.status is DatasetStatus.TEARDOWN and self.run is None

    @property
    def stalled_teardown(self) -> Teardown | None:
        """The teardown that has stopped and can be gone on with; None when there is none."""
        return self.teardown if self.stalled else None

    def evolve(self, **changes: Any) -> Dataset:
        """The dataset with these changes; the generation goes up when content, status, journey or protection does.

        Raises `IllegalTransitionError` for a status that the table does not allow.
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


_GENERATION_FIELDS: Final = ("content", "status", "journey_id", "protected_until")
