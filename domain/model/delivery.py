"""Deliveries of events to webhooks: retried with growing backoff, and parked in the end.

    WAITING --accepted--> DELIVERED
    WAITING --failed----> WAITING, due later        while attempts are left
    WAITING --failed----> PARKED                    at the last attempt, or when the webhook answers 410 (gone)
    DELIVERED, PARKED --redelivery--> WAITING, as if never tried

Order: of one dataset's events, only the first that waits is sent to a webhook, so a later event follows when those
before it were delivered or parked. A parked event does not block the events after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.model.event import Event, EventKind


class DeliveryState(StrEnum):
    """State of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Delivery of one event to one webhook.

    `seq` is the event's number, `due_at` when it may be tried next, `settled_at` when it was delivered or parked.
    `error` is the error of the last attempt, in words that hold neither an address nor the response.
    """

    webhook: str
    seq: int
    dataset_id: str
    due_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    settled_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCursor:
    """Webhook cursor: every event up to number `cursor` was enqueued for the webhook, or does not match it.

    `owner` is the process that delivers to it, empty for none. `fence` goes up with every owner; `beats` is the owner's
    heartbeat, which goes up while it lives.
    """

    webhook: str
    cursor: int
    owner: str = ""
    fence: int = 0
    beats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Subscription: the kinds and clients whose events a webhook receives, None for all."""

    webhook: str
    kinds: frozenset[EventKind] | None = None
    clients: frozenset[str] | None = None

    def matches(self, event: Event) -> bool:
        """Whether the webhook receives this event."""
        return (self.kinds is None or event.kind in self.kinds) and (
            self.clients is None or event.client_id in self.clients
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """Result of one attempt: `error` in words, None when the webhook accepted the event.

    `gone` means that the webhook takes no more events. `retry_after_s` is how long it asks us to wait, in seconds.
    """

    error: str | None = None
    gone: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Retry policy: the number of attempts, and the backoff, doubled from the first to the longest, in seconds."""

    attempts: int = 20
    first_s: float = 5.0
    longest_s: float = 3600.0

    @property
    def longest_backoff(self) -> timedelta:
        """The longest backoff."""
        return timedelta(seconds=self.longest_s)

    def backoff(self, attempts: int, chance: float, retry_after_s: float | None = None) -> timedelta:
        """The backoff after that many attempts.

        Args:
            attempts: attempts so far, at least 1.
            chance: from 0 to 1; it picks a backoff between half and all of the full one, so that retries spread out.
            retry_after_s: how long the webhook asks us to wait; kept up to the longest backoff.
        """
        whole = min(self.longest_s, self.first_s * 2.0 ** (attempts - 1))
        asked = min(self.longest_s, retry_after_s or 0.0)
        return timedelta(seconds=max(asked, whole * (1 + chance) / 2))


def delivery_after_attempt(
    delivery: Delivery, result: DeliveryResult, *, now: datetime, retrying: RetryPolicy, chance: float
) -> Delivery:
    """The delivery after one more attempt with that result."""
    tried = replace(delivery, attempts=delivery.attempts + 1, error=result.error)
    if result.error is None:
        return replace(tried, state=DeliveryState.DELIVERED, settled_at=now)
    if result.gone or tried.attempts >= retrying.attempts:
        return replace(tried, state=DeliveryState.PARKED, settled_at=now)
    return replace(tried, due_at=now + retrying.backoff(tried.attempts, chance, result.retry_after_s))


def redelivery(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery as if it had never been tried."""
    return Delivery(webhook=delivery.webhook, seq=delivery.seq, dataset_id=delivery.dataset_id, due_at=now)
