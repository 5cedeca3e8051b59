"""TODO describe domain.model."""

from __future__ import annotations

from domain.model.approval import (
    Approval,
    ApprovalItem,
    ApprovalOrigin,
    ApprovalState,
    ConfirmationRequest,
    Confirmer,
)
from domain.model.connector import Connector, Fingerprint, OwnerTag
from domain.model.content import CheckResult, Content, QualityReport, Readiness, TemplateChoice
from domain.model.dataset import Confirmation, Dataset, OrphanMark, Recheck, Teardown
from domain.model.delivery import (
    Delivery,
    DeliveryResult,
    DeliveryState,
    RetryPolicy,
    Subscription,
    WebhookCursor,
    delivery_after_attempt,
    redelivery,
)
from domain.model.enums import (
    JOURNEY_TRANSITIONS,
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    DataSource,
    JourneyState,
    OrphanReason,
    Stage,
    TeardownReason,
    TemplateMatch,
    Waiver,
)
from domain.model.event import Event, EventKind, dataset_event
from domain.model.identifiers import IDENTIFIER, closest_names, require_identifier
from domain.model.journey import Client, Journey, UnreadableRow
from domain.model.principal import SCOPE_APPROVE, Principal, RequestContext
from domain.model.run import Failure, PendingCompensation, Progress, Run, SagaId
from domain.model.settings import LifecycleSettings
from domain.model.template import GoldenQuestion, Template
from domain.model.timestamps import parse_duration, parse_timestamp, to_utc

__all__ = [
    "IDENTIFIER",
    "JOURNEY_TRANSITIONS",
    "SCOPE_APPROVE",
    "Approval",
    "ApprovalItem",
    "ApprovalOrigin",
    "ApprovalState",
    "CheckResult",
    "Client",
    "Confirmation",
    "ConfirmationRequest",
    "Confirmer",
    "Connector",
    "ConnectorOutcome",
    "ConnectorStatus",
    "Content",
    "DataSource",
    "Dataset",
    "DatasetStatus",
    "DatasetType",
    "Delivery",
    "DeliveryResult",
    "DeliveryState",
    "Event",
    "EventKind",
    "Failure",
    "Fingerprint",
    "GoldenQuestion",
    "Journey",
    "JourneyState",
    "LifecycleSettings",
    "OrphanMark",
    "OrphanReason",
    "OwnerTag",
    "PendingCompensation",
    "Principal",
    "Progress",
    "QualityReport",
    "Readiness",
    "Recheck",
    "RequestContext",
    "RetryPolicy",
    "Run",
    "SagaId",
    "Stage",
    "Subscription",
    "Teardown",
    "TeardownReason",
    "Template",
    "TemplateChoice",
    "TemplateMatch",
    "UnreadableRow",
    "Waiver",
    "WebhookCursor",
    "closest_names",
    "dataset_event",
    "delivery_after_attempt",
    "parse_duration",
    "parse_timestamp",
    "redelivery",
    "require_identifier",
    "to_utc",
]
