"""Events as they are really emitted, held against what the reference says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from domain.model.event_payloads import EVENT_DATA_TYPES

if TYPE_CHECKING:
    from domain.model.event import Event
    from domain.model.event_payloads import EventData
    from domain.ports import Store


def parse_event_data(event: Event) -> EventData:
    """The event's data by its description. Raises msgspec.ValidationError for a field more, less or otherwise."""
    data = {"dataset_id": event.dataset_id, "client_id": event.client_id, **event.data}
    return msgspec.convert(data, EVENT_DATA_TYPES[event.kind])


async def load_events(store: Store) -> list[Event]:
    """Everything that has happened."""
    return [event for _seq, event in await store.read(lambda uow: uow.events.find(limit=10_000))]
