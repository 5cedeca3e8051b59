"""Events: immutable facts, written in the transaction of the change that they report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """Kind of event; subscribers rely on these names."""

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
    """Event: a fact about one dataset.

    `data` is plain JSON, as `domain.model.event_payloads` describes it; it never holds a secret or a record's text.
    """

    kind: EventKind
    at: datetime
    dataset_id: str
    client_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
