"""Event payloads: the shape of the data of each kind of event.

Events and the reference page are built from these classes, so a field that is not described here cannot be sent, and a
missing one does not type-check. Fields may be added to an event; none is removed or given another meaning.

A field without a default is always sent, as null when it has no value. A field with a default is then left out.
The payloads belong to the model because both `connectors` and `lifecycle` publish events.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypedDict

import msgspec
from msgspec import Meta, Struct

from domain.model.enums import (
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    OrphanReason,
    Stage,
    TeardownReason,
)
from domain.model.event import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.model.dataset import Dataset

Count = Annotated[int, Meta(ge=0)]
Score = Annotated[float, Meta(ge=0, le=100)]
Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Attempt = Annotated[
    int,
    Meta(ge=1, description="Which population of the dataset this is; a retry or a refresh is the next one."),
]


class EventData(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every event says of its dataset, as it is after the change."""

    kind: ClassVar[EventKind]

    dataset_id: Annotated[str, Meta(description="The dataset's id; never used again for another.")]
    client_id: Annotated[str, Meta(description="The client that it belongs to.")]
    name: Annotated[str, Meta(description="The dataset's name, as people know it.")]
    journey_id: Annotated[str, Meta(description="The journey that it is for.")]
    stage: Annotated[Stage, Meta(description="The stage that it is made for.")]
    dataset_type: Annotated[DatasetType, Meta(description="What it is made of.")]
    status: Annotated[DatasetStatus, Meta(description="Its status.")]


class ProvisioningStarted(EventData, kw_only=True, forbid_unknown_fields=True):
    """A dataset was admitted, or is populated again."""

    kind = EventKind.PROVISIONING_STARTED

    attempt: Attempt
    template_id: Annotated[
        str | None, Meta(description="The template; not said of a retry, a refresh or a restore.")
    ] = None
    restored_from: Annotated[
        str | None, Meta(description="The archived dataset whose documents it is made of.")
    ] = None


class Provisioned(EventData, kw_only=True, forbid_unknown_fields=True):
    """A dataset is ready for use (DatasetProvisionCompleted)."""

    kind = EventKind.PROVISIONED

    attempt: Attempt
    record_count: Annotated[Count | None, Meta(description="Documents that it serves.")]
    size_bytes: Annotated[Count | None, Meta(description="Their size, uncompressed.")]
    score: Annotated[Score | None, Meta(description="Quality, from 0 to 100.")]
    connector_id: Annotated[str | None, Meta(description="Our own id of its connector.")]


class ProvisionFailed(EventData, kw_only=True, forbid_unknown_fields=True):
    """A provision ended without success (DatasetProvisionFailed); `status` says what is left of the dataset."""

    kind = EventKind.PROVISION_FAILED

    attempt: Attempt
    step: Annotated[str, Meta(description="The step at which it failed.")]
    code: Annotated[str, Meta(description="The error's code, one of the error reference.")]
    message: Annotated[str, Meta(description="A sentence for a person.")]
    to_undo: Annotated[
        list[str], Meta(description="Steps that could not be taken back yet; they are tried again.")
    ]


class Issue(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One check that not everything passed."""

    check: Annotated[str, Meta(description="The check or gate.")]
    failed: Annotated[Count, Meta(description="How many did not pass.")]
    of: Annotated[Count, Meta(description="How many were looked at.")]
    examples: Annotated[list[str], Meta(description="Up to five positions and ids, never content.")]


class ReadinessFigures(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many golden questions are answered with the first results; never the questions."""

    asked: Annotated[Count, Meta(description="How many there are.")]
    answered: Annotated[Count | None, Meta(description="How many are answered.")] = None
    share: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="The share of them, from 0 to 1.")
    ] = None
    unknown: Annotated[str | None, Meta(description="Why that is not known, when it is not.")] = None


class QualityEvaluated(EventData, kw_only=True, forbid_unknown_fields=True):
    """A dataset's quality was judged: in its provision, or again."""

    kind = EventKind.QUALITY_EVALUATED

    score: Annotated[Score, Meta(description="Quality, from 0 to 100.")]
    passed: Annotated[bool, Meta(description="Whether it may be served as ready.")]
    issues: Annotated[list[Issue], Meta(description="What did not pass, gates first.")]
    readiness: Annotated[
        ReadinessFigures | None, Meta(description="Demo-readiness; not said where no question was asked.")
    ] = None


class TornDown(EventData, kw_only=True, forbid_unknown_fields=True):
    """A dataset was archived and removed; its content is nowhere outside the archive (DatasetTeardownCompleted)."""

    kind = EventKind.TORN_DOWN

    reason: Annotated[TeardownReason, Meta(description="The reason that was given, and checked.")]
    requester: Annotated[str, Meta(description="Who asked for it.")]
    archived_path: Annotated[
        str | None, Meta(description="Where its archive is; none for one that held nothing.")
    ]
    connector_outcome: Annotated[
        ConnectorOutcome | None, Meta(description="What became of its connector; null when there was none.")
    ]
    record_count: Annotated[Count | None, Meta(description="Documents that it served.")]
    manual_step: Annotated[
        str | None,
        Meta(description="What is left in Glean, and who can remove it; not said where nothing is."),
    ] = None


class TeardownFailed(EventData, kw_only=True, forbid_unknown_fields=True):
    """A teardown stopped at a step; the same call goes on from there."""

    kind = EventKind.TEARDOWN_FAILED

    reason: Annotated[TeardownReason, Meta(description="The reason that was given, and checked.")]
    step: Annotated[str, Meta(description="The step at which it stopped.")]
    code: Annotated[str, Meta(description="The error's code, one of the error reference.")]
    message: Annotated[str, Meta(description="A sentence for a person.")]
    given_back: Annotated[bool, Meta(description="Whether the dataset has its former status again.")]


class _Marked(EventData, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[OrphanReason, Meta(description="Why nothing protects it.")]
    orphaned_at: Annotated[Instant, Meta(description="When a scan marked it.")]


class Orphaned(_Marked, kw_only=True, forbid_unknown_fields=True):
    """A scan found that no journey protects a dataset, and marked it."""

    kind = EventKind.ORPHANED


class OrphanCleared(_Marked, kw_only=True, forbid_unknown_fields=True):
    """A dataset's orphan mark was taken away, for it is wanted again or marked for another reason."""

    kind = EventKind.ORPHAN_CLEARED


class Restored(EventData, kw_only=True, forbid_unknown_fields=True):
    """An archive's documents are served again, by a new dataset."""

    kind = EventKind.RESTORED

    restored_from: Annotated[str | None, Meta(description="The archived dataset.")]
    record_count: Annotated[Count | None, Meta(description="Documents that it serves.")]
    checksum: Annotated[str | None, Meta(description="SHA-256 of them, in hexadecimal, as in the archive.")]
    protected_until: Annotated[Instant | None, Meta(description="Until when nobody may take it down.")]


class HealthChanged(EventData, kw_only=True, forbid_unknown_fields=True):
    """The health of a dataset's connector is another than at the look before."""

    kind = EventKind.HEALTH_CHANGED

    connector_id: Annotated[str, Meta(description="Our own id of the connector.")]
    former_health: Annotated[ConnectorStatus, Meta(description="How it was.")]
    health: Annotated[ConnectorStatus, Meta(description="How it is.")]
    findings: Annotated[list[str], Meta(description="Codes of what is not as it should be.")]


class ArchivePurged(EventData, kw_only=True, forbid_unknown_fields=True):
    """An archive past its retention was deleted."""

    kind = EventKind.ARCHIVE_PURGED

    path: Annotated[str, Meta(description="Where it was.")]
    restorable_until: Annotated[
        Instant,
        Meta(description="Until when it was kept at least; a complete archive could be restored until then."),
    ]


EVENT_DATA_TYPES: Final[Mapping[EventKind, type[EventData]]] = MappingProxyType(
    {
        each.kind: each
        for each in (
            ProvisioningStarted,
            Provisioned,
            ProvisionFailed,
            QualityEvaluated,
            TornDown,
            TeardownFailed,
            Orphaned,
            OrphanCleared,
            Restored,
            HealthChanged,
            ArchivePurged,
        )
    }
)
"""The payload class of every kind of event."""


class DatasetFacts(TypedDict):
    """The fields that every payload has, as arguments of its constructor."""

    dataset_id: str
    client_id: str
    name: str
    journey_id: str
    stage: Stage
    dataset_type: DatasetType
    status: DatasetStatus


def dataset_facts(dataset: Dataset) -> DatasetFacts:
    """The fields of the dataset that every event carries."""
    return {
        "dataset_id": dataset.dataset_id,
        "client_id": dataset.client_id,
        "name": dataset.name,
        "journey_id": dataset.journey_id,
        "stage": dataset.stage,
        "dataset_type": dataset.dataset_type,
        "status": dataset.status,
    }


def build_event(payload: EventData, at: datetime) -> Event:
    """Build the event of a payload. Dataset and client have their own fields in `Event`, and are left out of `data`."""
    data: dict[str, Any] = msgspec.to_builtins(payload)
    return Event(
        kind=payload.kind,
        at=at,
        dataset_id=data.pop("dataset_id"),
        client_id=data.pop("client_id"),
        data=data,
    )
