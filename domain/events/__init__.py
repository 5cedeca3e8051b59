"""Events: delivery of events to webhooks, and what operators see of it."""

from __future__ import annotations

from domain.events.cloudevents import CONTENT_TYPE
from domain.events.outbox import Outbox, OwnershipLostError
from domain.events.service import EventService, EventWithDeliveries
from domain.events.status import MAX_PARKED_COUNT, WebhookStatus, load_webhook_statuses

__all__ = [
    "CONTENT_TYPE",
    "MAX_PARKED_COUNT",
    "EventService",
    "EventWithDeliveries",
    "Outbox",
    "OwnershipLostError",
    "WebhookStatus",
    "load_webhook_statuses",
]
