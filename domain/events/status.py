"""How webhooks stand: what each is still to be told, and what it could not be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.model import DeliveryState

if TYPE_CHECKING:
    from datetime import datetime

    from domain.ports import UnitOfWork

MAX_PARKED_COUNT: Final = 1000
"""So many parked events are counted at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus:
    """One webhook that was ever delivered to.

    `waiting` events are on their way to it, since `since`, and `behind` more were not looked at for it yet. `parked`
    ones wait for a person. `error` is what the oldest of either met last.
    """

    webhook: str
    owned: bool
    waiting: int
    behind: int
    parked: int
    since: datetime | None
    error: str | None

    @property
    def unsettled(self) -> int:
        """How many events have not arrived, those that nobody looked at included."""
        return self.waiting + self.behind + self.parked


def load_webhook_statuses(uow: UnitOfWork) -> dict[str, WebhookStatus]:
    """Every webhook by its name; fit for any look at the store."""
    last = uow.events.last_number()
    found: dict[str, WebhookStatus] = {}
    for post in uow.deliveries.list_cursors():
        waiting = uow.deliveries.find(webhook=post.webhook, states=(DeliveryState.WAITING,), limit=1)
        parked = uow.deliveries.find(
            webhook=post.webhook, states=(DeliveryState.PARKED,), limit=MAX_PARKED_COUNT
        )
        found[post.webhook] = WebhookStatus(
            webhook=post.webhook,
            owned=bool(post.owner),
            waiting=uow.deliveries.count_waiting(post.webhook),
            behind=last - post.cursor,
            parked=len(parked),
            since=uow.events.get(waiting[0].seq).at if waiting else None,
            error=next((each.error for each in (*waiting, *parked) if each.error), None),
        )
    return found
