"""An event as others are told of it: one CloudEvents 1.0 message in its JSON format.

The attributes are those of https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, `sequence` is the
extension of that name.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

import msgspec

from domain.ports import CloudEventMessage

if TYPE_CHECKING:
    from domain.model import Event

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_PREFIX: Final = "evt"
_SHOWN: Final = 12
_DIGITS: Final = 19


def event_id(installation: str, seq: int) -> str:
    """The id by which others know the event of that number; no other installation gives the same in practice."""
    return f"{_PREFIX}_{installation[:_SHOWN]}_{seq}"


def parse_event_id(installation: str, given: str) -> int | None:
    """The number of the event of that id; None for what is no id of this installation's."""
    number = given.rpartition("_")[2]
    if not number.isdecimal() or not number.isascii() or len(number) > _DIGITS:
        return None
    return int(number) if event_id(installation, int(number)) == given else None


def build_message(installation: str, seq: int, event: Event) -> CloudEventMessage:
    """The event as a message."""
    named = event_id(installation, seq)
    body = {
        "specversion": "1.0",
        "id": named,
        "source": f"/dataset-lifecycle/{installation}",
        "type": event.kind.value,
        "subject": event.dataset_id,
        "time": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": f"{seq:0{_DIGITS}d}",
        "data": {"dataset_id": event.dataset_id, "client_id": event.client_id, **event.data},
    }
    return CloudEventMessage(id=named, body=msgspec.json.encode(body))
