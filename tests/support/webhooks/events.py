"""Events that happen in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.model.event import EventKind
from tests.support.entities import NOW, dataset, sample_event

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork


async def append_events(
    store: Store, *dataset_ids: str, client_id: str = "acme", kind: EventKind = EventKind.ORPHANED
) -> None:
    """One event of each dataset, in that order, in one transaction."""

    def work(uow: UnitOfWork) -> None:
        for each in dataset_ids:
            uow.events.append(sample_event(kind, dataset(each, client_id=client_id), NOW))

    await store.transact(work)
