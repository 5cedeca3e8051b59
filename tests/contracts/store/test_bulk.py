"""Many rows at once: written under the same rules as one, and read in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.audit.entry import publish_events
from domain.errors import InvalidArgumentError
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus
from domain.model.event import EventKind
from domain.ports import AuditQuery, DatasetQuery
from tests.support.entities import DATASET, NOW, dataset, sample_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.model.event import Event
    from domain.ports import Store, UnitOfWork

MARK = OrphanMark(orphaned_at=NOW, reason="journey_completed")


def sample_events(*numbers: int) -> list[Event]:
    return [sample_event(EventKind.ORPHANED, DATASET, NOW, number=number) for number in numbers]


@pytest.mark.parametrize("batches", [[[0]], [[]], [[0, 1, 2], [], [3], [4, 5]]])
async def test_events_that_are_told_together_are_numbered_one_after_another(
    store: Store, batches: Sequence[Sequence[int]]
) -> None:
    for each in batches:
        await store.transact(lambda uow, each=each: publish_events(uow, *sample_events(*each)))  # type: ignore[misc]

    events, entries = await store.read(lambda uow: (uow.events.find(), uow.audit.find(AuditQuery(limit=100))))
    everything = [number for each in batches for number in each]
    assert [(seq, event.data["number"]) for seq, event in events] == [
        (number + 1, number) for number in everything
    ]
    assert [entry.seq for entry in entries] == [number + 1 for number in reversed(everything)]


async def test_of_many_that_are_written_together_all_are_kept_or_none(store: Store) -> None:
    rows = [dataset(f"d{number}", client_id=f"c{number}") for number in range(3)]

    def put(uow: UnitOfWork) -> None:
        for each in rows:
            uow.datasets.put(each)

    def fail(uow: UnitOfWork) -> None:
        publish_events(uow, *sample_events(0, 1))
        uow.datasets.put_orphan_marks(each.evolve(orphan=MARK) for each in rows[:2])
        uow.datasets.put_orphan_marks([rows[0], rows[2].evolve(orphan=MARK), dataset("nul\0")])

    await store.transact(put)
    with pytest.raises(InvalidArgumentError, match="NUL"):
        await store.transact(fail)

    kept = await store.read(lambda uow: (uow.datasets.find(DatasetQuery()), uow.events.find()))
    assert kept == (rows, [])


async def test_a_reader_that_breaks_off_half_way_leaves_the_store_as_good_as_new(store: Store) -> None:
    rows = [dataset(f"d{number:03d}", client_id=f"c{number}") for number in range(300)]

    def put(uow: UnitOfWork) -> None:
        for each in rows:
            uow.datasets.put(each)

    def fail(uow: UnitOfWork) -> None:
        for each, _owner in uow.datasets.stream_for_scan((DatasetStatus.READY,), NOW):
            raise KeyError(each.dataset_id)

    def stop(uow: UnitOfWork) -> tuple[str, int]:
        scanned = uow.datasets.stream_for_scan((DatasetStatus.READY,), NOW)
        first, _owner = next(scanned)
        del scanned
        return first.dataset_id, uow.datasets.count_live()

    await store.transact(put)
    for _ in range(6):  # more often than there are readers
        with pytest.raises(KeyError, match="d000"):
            await store.read(fail)
    assert await store.read(stop) == ("d000", 300)
    assert (
        len(await store.transact(lambda uow: list(uow.datasets.stream_for_scan((DatasetStatus.READY,), NOW))))
        == 300
    )
