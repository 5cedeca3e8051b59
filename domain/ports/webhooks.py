"""Port of webhook delivery: one message to one webhook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from domain.model import DeliveryResult


class Courier(Protocol):
    """Courier: sends messages to one webhook."""

    async def send(self, message: CloudEventMessage) -> DeliveryResult:
        """Send the message once, in bounded time, and return the result. Never raises, whatever the webhook does."""
        ...


@dataclass(frozen=True, slots=True)
class CloudEventMessage:
    """CloudEvent message of one event: the same id and the same bytes at every attempt."""

    id: str
    body: bytes
