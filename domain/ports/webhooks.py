"""TODO describe domain.ports.clock.webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from domain.model import DeliveryResult


class Courier(Protocol):
    """Carries messages to one webhook."""

    async def send(self, message: CloudEventMessage) -> DeliveryResult:
        """Send it once, in bounded time, and say what came of it; whatever the webhook does, nothing is raised."""
        ...


@dataclass(frozen=True, slots=True)
class CloudEventMessage:
    """What is sent of one event: the same id and the same bytes, however often."""

    id: str
    body: bytes
