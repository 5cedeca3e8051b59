"""One event on its way to one webhook: tried, tried again later and later, and parked in the end.

    WAITING --accepted--> DELIVERED
    WAITING --failed----> WAITING, due later        while tries are left
    WAITING --failed----> PARKED                    at the last try, or when the webhook says that it is gone (410)
    DELIVERED, PARKED --asked for by a person--> WAITING, as if never tried

Order: of one dataset's events only the first that waits is sent to a webhook, so a later one follows when those before
it were delivered or parked. A parked event holds up nothing: what comes after it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.model.event import Event, EventKind


class DeliveryState(StrEnum):
    """How an event stands with a webhook."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event and one webhook.

    `seq` is the event's number; `due_at` when it may be tried, `settled_at` when it was delivered or parked; `error`
    what the last try met, in words that hold neither an address nor what was answered.
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
    """Where a webhook stands: every event up to number `cursor` was looked at for it.

    `owner` is the process that delivers to it, empty for none; `fence` goes up with every owner, and `beats` as long as
    that one lives.
    """

    webhook: str
    cursor: int
    owner: str = ""
    fence: int = 0
    beats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Which events a webhook is told: of these kinds and clients, None for all."""

    webhook: str
    kinds: frozenset[EventKind] | None = None
    clients: frozenset[str] | None = None

    def matches(self, event: Event) -> bool:
        """Whether the webhook is told of it."""
        return (self.kinds is None or event.kind in self.kinds) and (
            self.clients is None or event.client_id in self.clients
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What came of one try: `error` in words, None when the event was accepted.

    `gone` says that the webhook wants no more, `retry_after_s` when it wants to be asked again.
    """

    error: str | None = None
    gone: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an event is tried, and how long the pauses are: doubled from the first to the longest, in seconds."""

    attempts: int = 20
    first_s: float = 5.0
    longest_s: float = 3600.0

    @property
    def longest_backoff(self) -> timedelta:
        """No pause is longer."""
        return timedelta(seconds=self.longest_s)

    def backoff(self, attempts: int, chance: float, retry_after_s: float | None = None) -> timedelta:
        """How long to wait after that many tries.

        Args:
            attempts: tries so far, at least 1.
            chance: from 0 to 1; between half the pause and all of it is waited, so that not everybody comes at once.
            retry_after_s: what the webhook asked for; waited for up to the longest pause.
        """
        whole = min(self.longest_s, self.first_s * 2.0 ** (attempts - 1))
        asked = min(self.longest_s, retry_after_s or 0.0)
        return timedelta(seconds=max(asked, whole * (1 + chance) / 2))


def delivery_after_attempt(
    delivery: Delivery, answer: DeliveryResult, *, now: datetime, retrying: RetryPolicy, chance: float
) -> Delivery:
    """The delivery after one more try that was answered so."""
    tried = replace(delivery, attempts=delivery.attempts + 1, error=answer.error)
    if answer.error is None:
        return replace(tried, state=DeliveryState.DELIVERED, settled_at=now)
    if answer.gone or tried.attempts >= retrying.attempts:
        return replace(tried, state=DeliveryState.PARKED, settled_at=now)
    return replace(tried, due_at=now + retrying.backoff(tried.attempts, chance, answer.retry_after_s))


def redelivery(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery as if it had never been tried."""
    return Delivery(webhook=delivery.webhook, seq=delivery.seq, dataset_id=delivery.dataset_id, due_at=now)
