"""What a transaction of the store promises."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import DatasetConflictError, QuotaExceededError
from domain.model.enums import DatasetStatus, DatasetType, Stage
from domain.model.event import Event, EventKind
from domain.model.run import Progress
from domain.policy.provision import ProvisionLimits, require_within_limits
from domain.ports import DatasetQuery, Setting
from tests.support.entities import DATASET, NOW, client, dataset, journey, sample_event
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork
    from tests.support.stores.store_adapters import StoreLocation


def started_event() -> Event:
    return sample_event(EventKind.PROVISIONING_STARTED, DATASET, NOW)


async def test_an_exception_takes_everything_back_and_comes_out_as_it_is(store: Store) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.clients.put(client())
        uow.datasets.put(DATASET)
        uow.events.append(started_event())
        raise KeyError("as it is")

    with pytest.raises(KeyError, match="as it is"):
        await store.transact(work)

    seen = await store.read(
        lambda uow: (uow.clients.all(), uow.datasets.get(DATASET.dataset_id), uow.events.find())
    )
    assert seen == ([], None, [])


async def test_reads_inside_a_transaction_see_what_it_wrote(store: Store) -> None:
    def work(uow: UnitOfWork) -> object:
        uow.journeys.put(journey())
        return uow.journeys.get("acme", "j1")

    assert await store.transact(work) == journey()


async def test_events_are_there_if_and_only_if_their_transaction_was_committed(store: Store) -> None:
    async def one(number: int) -> None:
        def work(uow: UnitOfWork) -> None:
            uow.settings.put(Setting(f"n{number}", int), number)
            uow.events.append(sample_event(EventKind.PROVISIONED, DATASET, NOW, number=number))
            if number % 2:
                raise ValueError(number)

        await store.transact(work)

    await asyncio.gather(*(one(number) for number in range(10)), return_exceptions=True)

    events = await store.read(lambda uow: uow.events.find())
    facts = await store.read(
        lambda uow: [uow.settings.get(Setting(f"n{number}", int)) for number in range(10)]
    )
    assert sorted(event.data["number"] for _seq, event in events) == [0, 2, 4, 6, 8]
    assert facts == [0, None, 2, None, 4, None, 6, None, 8, None]


async def test_a_limit_of_two_holds_for_ten_callers_at_once(store: Store) -> None:
    """The rule runs inside the transaction, so nobody decides on a count that is out of date."""
    keys = [(stage, kind) for stage in Stage for kind in DatasetType]

    async def one(number: int) -> None:
        stage, kind = keys[number]

        def work(uow: UnitOfWork) -> None:
            require_within_limits(
                ProvisionLimits(live_datasets_per_client=2), live=uow.datasets.count_live("acme"), wanted=None
            )
            uow.datasets.put(dataset(f"d{number}", stage=stage, dataset_type=kind))

        await store.transact(work)

    outcomes = await asyncio.gather(*(one(number) for number in range(10)), return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 2
    assert sum(isinstance(outcome, QuotaExceededError) for outcome in outcomes) == 8
    assert await store.read(lambda uow: uow.datasets.count_live()) == 2


async def test_ten_callers_of_one_key_make_one_dataset(store: Store) -> None:
    async def one(number: int) -> None:
        await store.transact(lambda uow: uow.datasets.put(dataset(f"d{number}")))

    outcomes = await asyncio.gather(*(one(number) for number in range(10)), return_exceptions=True)

    assert sum(isinstance(outcome, DatasetConflictError) for outcome in outcomes) == 9
    assert len(await store.read(lambda uow: uow.datasets.find(DatasetQuery()))) == 1


async def test_a_caller_that_is_cancelled_leaves_a_whole_transaction_or_none(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        uow.clients.put(client("first"))
        inside.set()
        assert go_on.wait(10)
        uow.clients.put(client("second"))

    running = asyncio.create_task(store.transact(slow))
    waiting = asyncio.create_task(store.transact(lambda uow: uow.clients.put(client("never"))))
    await wait_for(inside.is_set)
    for task in (running, waiting):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    go_on.set()

    await store.transact(lambda uow: uow.clients.put(client("third")))
    names = [each.client_id for each in await store.read(lambda uow: uow.clients.all())]
    assert names == ["first", "second", "third"]


async def test_what_is_to_be_done_regardless_is_done_whatever_becomes_of_the_caller(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        uow.clients.put(client("first"))
        inside.set()
        assert go_on.wait(10)

    running = asyncio.create_task(store.transact(slow))
    await wait_for(inside.is_set)
    with anyio.CancelScope() as gone:
        gone.cancel()
        await store.transact(lambda uow: uow.clients.put(client("second")), regardless=True)
    go_on.set()
    await running

    assert gone.cancelled_caught
    await store.transact(lambda uow: uow.clients.put(client("third")), regardless=True)
    names = [each.client_id for each in await store.read(lambda uow: uow.clients.all())]
    assert names == ["first", "second", "third"]


async def test_a_read_waits_for_no_writer_and_sees_nothing_of_its_transaction(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        uow.clients.put(client())
        inside.set()
        assert go_on.wait(10)

    writing = asyncio.create_task(store.transact(slow))
    await wait_for(inside.is_set)

    assert await store.read(lambda uow: uow.clients.all()) == []
    go_on.set()
    await writing
    assert await store.read(lambda uow: uow.clients.all()) == [client()]


async def test_one_look_sees_one_state_however_long_it_takes(store: Store, location: StoreLocation) -> None:
    looked, changed = threading.Event(), threading.Event()

    def count_twice(uow: UnitOfWork) -> tuple[int, int]:
        before = uow.datasets.count_live()
        looked.set()
        assert changed.wait(10)
        return before, uow.datasets.count_live()

    looking = asyncio.create_task(store.read(count_twice))
    await wait_for(looked.is_set)
    await store.transact(lambda uow: uow.datasets.put(DATASET))
    changed.set()

    assert await looking == (0, 0)
    assert await store.read(lambda uow: uow.datasets.count_live()) == 1


async def test_a_look_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match="read-only"):
        await store.read(lambda uow: uow.clients.put(client()))

    assert await store.read(lambda uow: uow.clients.all()) == []


async def test_what_was_committed_is_there_for_the_next_store(location: StoreLocation) -> None:
    async with location.open_store() as first:
        await first.transact(lambda uow: uow.datasets.put(DATASET))
        installation = await first.read(lambda uow: uow.installation)
    async with location.open_store() as second:
        assert await second.read(lambda uow: uow.datasets.get(DATASET.dataset_id)) == DATASET
        assert await second.read(lambda uow: uow.installation) == installation


async def test_a_dataset_gives_its_place_free_only_when_it_is_archived(store: Store) -> None:
    await store.transact(lambda uow: uow.datasets.put(DATASET))
    with pytest.raises(DatasetConflictError, match=DATASET.dataset_id) as refused:
        await store.transact(lambda uow: uow.datasets.put(dataset("other")))
    assert refused.value.facts == {"dataset_id": DATASET.dataset_id}

    await store.transact(
        lambda uow: uow.datasets.put(dataset(status=DatasetStatus.ARCHIVED, archived_at=NOW))
    )
    await store.transact(lambda uow: uow.datasets.put(dataset("other")))

    held = await store.read(lambda uow: uow.datasets.get_live("acme", Stage.SANDBOX, DATASET.dataset_type))
    assert held == dataset("other")


async def test_only_the_latest_progress_counts_and_none_takes_it_away(location: StoreLocation) -> None:
    async with location.open_store() as store:
        for done in range(1000):
            store.report("d1", Progress(step="populate", done=done, total=1000))
        store.report("d2", Progress(step="push"))
        store.report("d2", None)
    async with location.open_store() as store:
        seen = await store.read(
            lambda uow: (uow.datasets.get_progress("d1"), uow.datasets.get_progress("d2"))
        )
        store.report("d1", None)
    async with location.open_store() as store:
        after = await store.read(lambda uow: uow.datasets.get_progress("d1"))

    assert seen == (Progress(step="populate", done=999, total=1000), None)
    assert after is None


async def test_progress_may_be_reported_by_any_thread_and_at_any_time(location: StoreLocation) -> None:
    store = location.open_store()
    store.report("early", Progress(step="populate"))
    async with store:
        threads = [
            threading.Thread(target=store.report, args=(f"d{number}", Progress(step="push", done=number)))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    store.report("late", Progress(step="populate"))

    async with location.open_store() as other:
        early = await other.read(lambda uow: uow.datasets.get_progress("early"))
        seen = await other.read(lambda uow: [uow.datasets.get_progress(f"d{number}") for number in range(8)])
    assert early == Progress(step="populate")
    assert seen == [Progress(step="push", done=number) for number in range(8)]
