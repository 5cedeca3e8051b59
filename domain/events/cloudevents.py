"""CloudEvents: an event as a CloudEvents 1.0 message in JSON format.

The attributes are those of https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md; `sequence` is the
extension of that name.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

import msgspec

from domain.model import printable_json
from domain.ports import CloudEventMessage

if TYPE_CHECKING:
    from domain.model import Event

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_PREFIX: Final = "evt"
_INSTALLATION_LENGTH: Final = 12
_DIGITS: Final = 19


def event_id(installation: str, seq: int) -> str:
    """The public id of the event with that number; in practice unique over all installations."""
    return f"{_PREFIX}_{installation[:_INSTALLATION_LENGTH]}_{seq}"


def parse_event_id(installation: str, given: str) -> int | None:
    """The number of the event with that id; None when it is no id of this installation."""
    number = given.rpartition("_")[2]
    if not number.isdecimal() or not number.isascii() or len(number) > _DIGITS:
        return None
    return int(number) if event_id(installation, int(number)) == given else None


def build_message(installation: str, seq: int, event: Event) -> CloudEventMessage:
    """Build the CloudEvents message of an event."""
    message_id = event_id(installation, seq)
    body = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"/dataset-lifecycle/{installation}",
        "type": event.kind.value,
        "subject": event.dataset_id,
        "time": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": f"{seq:0{_DIGITS}d}",
        "data": printable_json({"dataset_id": event.dataset_id, "client_id": event.client_id, **event.data}),
    }
    return CloudEventMessage(id=message_id, body=msgspec.json.encode(body))
