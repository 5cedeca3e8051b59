"""Status of webhooks: waiting, parked and not yet enqueued events of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.model import DeliveryState

if TYPE_CHECKING:
    from datetime import datetime

    from domain.ports import UnitOfWork

MAX_PARKED_COUNT: Final = 1000
"""How many parked events are counted at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus:
    """Status of one webhook that was ever delivered to.

    `waiting` events are on their way, the oldest since `since`; `behind` further events are not enqueued yet. `parked`
    events wait for a person. `error` is the last error of the oldest waiting or parked event that has one.
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
        """How many events have not arrived, including those that are not enqueued yet."""
        return self.waiting + self.behind + self.parked


def load_webhook_statuses(uow: UnitOfWork) -> dict[str, WebhookStatus]:
    """Load the status of every webhook, by its name."""
    last = uow.events.last_number()
    statuses: dict[str, WebhookStatus] = {}
    for cursor in uow.deliveries.list_cursors():
        waiting = uow.deliveries.find(webhook=cursor.webhook, states=(DeliveryState.WAITING,), limit=1)
        parked = uow.deliveries.find(
            webhook=cursor.webhook, states=(DeliveryState.PARKED,), limit=MAX_PARKED_COUNT
        )
        statuses[cursor.webhook] = WebhookStatus(
            webhook=cursor.webhook,
            owned=bool(cursor.owner),
            waiting=uow.deliveries.count_waiting(cursor.webhook),
            behind=last - cursor.cursor,
            parked=len(parked),
            since=uow.events.get(waiting[0].seq).at if waiting else None,
            error=next((each.error for each in (*waiting, *parked) if each.error), None),
        )
    return statuses
