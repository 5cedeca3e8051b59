"""Frozen facts, written in the same transaction as the change they tell of."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # the store reads these annotations at run time
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # the same
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domain.model.dataset import Dataset


class EventKind(StrEnum):
    """What can happen, by the names that subscribers rely on."""

    PROVISIONING_STARTED = "dataset:provisioning_started"
    PROVISIONED = "dataset:provisioned"
    PROVISION_FAILED = "dataset:provision_failed"
    QUALITY_EVALUATED = "dataset:quality_evaluated"
    TORN_DOWN = "dataset:torn_down"
    TEARDOWN_FAILED = "dataset:teardown_failed"
    ORPHANED = "dataset:orphaned"
    ORPHAN_CLEARED = "dataset:orphan_cleared"
    RESTORED = "dataset:restored"
    HEALTH_CHANGED = "connector:health_changed"
    ARCHIVE_PURGED = "archive:purged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one dataset. `data` is plain JSON and never holds a secret or a record's text."""

    kind: EventKind
    at: datetime
    dataset_id: str
    client_id: str
    data: Mapping[str, Any] = field(default_factory=dict)


def dataset_event(kind: EventKind, dataset: Dataset, at: datetime, **data: Any) -> Event:
    """The event of that kind about a dataset; every one names it, its journey, stage and type."""
    return Event(
        kind=kind,
        at=at,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        data={
            "name": dataset.name,
            "journey_id": dataset.journey_id,
            "stage": dataset.stage.value,
            "dataset_type": dataset.dataset_type.value,
            "status": dataset.status.value,
            **data,
        },
    )
