"""Pages: complete, stable, and agreeing with the domain's own rule of what a journey protects."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.ports import DatasetQuery
from tests.contracts.store.conftest import make_location
from tests.support.entities import NOW, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.model.dataset import Dataset
    from domain.model.journey import Journey
    from domain.ports import Store, UnitOfWork

LEASES: Final = (None, NOW - timedelta(microseconds=1), NOW, NOW + timedelta(microseconds=1))
JOURNEYS: Final = [
    journey(f"{state}-{stage}-{number}", state=state, stage=stage, lease_expires_at=lease)
    for state, stage, (number, lease) in product(JourneyState, Stage, enumerate(LEASES))
]
MANY: Final = [
    dataset(
        f"{owner.journey_id}-{stage}-{kind}",
        client_id=owner.client_id,
        journey_id=owner.journey_id,
        stage=stage,
        dataset_type=kind,
        status=status,
        created_at=NOW - timedelta(days=days),
        orphan=OrphanMark(orphaned_at=NOW, reason="r") if days else None,
    )
    for number, (owner, stage) in enumerate(product(JOURNEYS, Stage))
    for kind in [list(DatasetType)[number % 4]]
    for status in [list(DatasetStatus)[number % 6]]
    for days in [number % 10]
]
QUERIES: Final = [
    DatasetQuery(),
    DatasetQuery(client_id="acme"),
    DatasetQuery(client_id="none"),
    DatasetQuery(journey_id="active-pilot-2"),
    DatasetQuery(client_id="acme", journey_id="active-pilot-2"),
    DatasetQuery(stage=Stage.PILOT),
    DatasetQuery(dataset_type=DatasetType.JIRA_ISSUES),
    DatasetQuery(statuses=(DatasetStatus.READY, DatasetStatus.FAILED)),
    DatasetQuery(client_id="acme", statuses=(DatasetStatus.READY,)),
    DatasetQuery(statuses=(DatasetStatus.READY, DatasetStatus.ARCHIVED)),
    DatasetQuery(created_before=NOW - timedelta(days=7)),
]


@pytest.fixture(scope="module")
async def filled_store(
    adapter: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Store]:
    """One store for every test that only reads."""
    with make_location(adapter, tmp_path_factory.mktemp("filled"), request) as location:
        async with location.open_store() as opened:
            await opened.transact(fill)
            yield opened


def fill(uow: UnitOfWork) -> None:
    owners = {owner.journey_id: owner for owner in JOURNEYS}

    def free(each: Dataset) -> bool:
        return uow.datasets.get_live(each.client_id, each.stage, each.dataset_type) is None

    def apart(each: Dataset, number: int) -> Dataset:
        moved = replace(each, client_id=f"client-{number}")
        found = uow.journeys.get(each.client_id, each.journey_id)
        if found:
            uow.journeys.put(replace(owners[each.journey_id], client_id=moved.client_id))
        return moved

    for number, owner in enumerate(JOURNEYS):
        if number % 5:
            uow.journeys.put(owner)
    for number, each in enumerate(MANY):
        # One client cannot have them all live: each has its own, and acme has every tenth.
        uow.datasets.put(each if not number % 10 and free(each) else apart(each, number))


def matches_query(each: Dataset, query: DatasetQuery) -> bool:
    return (
        query.client_id in {None, each.client_id}
        and query.journey_id in {None, each.journey_id}
        and query.stage in {None, each.stage}
        and query.dataset_type in {None, each.dataset_type}
        and (not query.statuses or each.status in query.statuses)
        and (query.created_before is None or each.created_at < query.created_before)
    )


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_pages_of_any_query_are_complete_and_in_order(filled_store: Store, query: DatasetQuery) -> None:
    def query_store(uow: UnitOfWork) -> tuple[list[Dataset], list[Dataset]]:
        pages, after = [], None
        while page := uow.datasets.find(replace(query, after=after, limit=7)):
            assert len(page) <= 7
            pages += page
            after = page[-1].dataset_id
        return pages, uow.datasets.find(DatasetQuery(limit=1000))

    found, everything = await filled_store.read(query_store)

    assert len(everything) == len(MANY)
    assert found == sorted(
        (each for each in everything if matches_query(each, query)), key=lambda each: each.dataset_id
    )


@pytest.mark.parametrize("every", [1, 3])
async def test_datasets_come_with_the_journeys_that_are_stored(filled_store: Store, every: int) -> None:
    def query_store(uow: UnitOfWork) -> tuple[list[tuple[Dataset, object]], list[tuple[Dataset, object]]]:
        some = uow.datasets.find(DatasetQuery(limit=1000))[::every]
        asked = [*(each.dataset_id for each in reversed(some)), "nothing", 'with "quotes"']
        return list(uow.datasets.list_with_journeys(asked)), [
            (each, uow.journeys.get(each.client_id, each.journey_id)) for each in some
        ]

    found, expected = await filled_store.read(query_store)

    assert found == expected
    assert await filled_store.read(lambda uow: uow.datasets.list_with_journeys([])) == []


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_what_is_unprotected_is_what_the_rule_of_journeys_says(
    filled_store: Store, query: DatasetQuery
) -> None:
    def query_store(uow: UnitOfWork) -> tuple[list[tuple[Dataset, object]], list[tuple[Dataset, object]]]:
        pages, after = [], None
        while page := uow.datasets.list_unprotected(replace(query, after=after, limit=7), NOW):
            pages += page
            after = page[-1][0].dataset_id
        owned = [
            (each, uow.journeys.get(each.client_id, each.journey_id))
            for each in uow.datasets.find(replace(query, limit=1000))
        ]
        return list(pages), [(each, owner) for each, owner in owned if not is_protected(each, owner)]

    found, expected = await filled_store.read(query_store)

    assert found == expected


@pytest.mark.parametrize("statuses", [tuple(DatasetStatus), (DatasetStatus.READY, DatasetStatus.FAILED)])
async def test_a_scan_is_given_what_nothing_protects_and_what_is_marked_all_the_same(
    filled_store: Store, statuses: tuple[DatasetStatus, ...]
) -> None:
    def query_store(uow: UnitOfWork) -> tuple[list[tuple[Dataset, object]], list[tuple[Dataset, object]]]:
        owned = [
            (each, uow.journeys.get(each.client_id, each.journey_id))
            for each in uow.datasets.find(DatasetQuery(statuses=statuses, limit=1000))
        ]
        return list(uow.datasets.stream_for_scan(statuses, NOW)), [
            *((each, owner) for each, owner in owned if not is_protected(each, owner)),
            *((each, owner) for each, owner in owned if is_protected(each, owner) and each.orphan),
        ]

    found, expected = await filled_store.read(query_store)

    assert found == expected
    assert any(each.orphan and is_protected(each, owner) for each, owner in found)


async def test_marks_are_written_for_all_at_once_and_change_nothing_else(store: Store) -> None:
    await store.transact(fill)

    def work(uow: UnitOfWork) -> tuple[list[Dataset], list[Dataset]]:
        before = uow.datasets.find(DatasetQuery(limit=1000))
        marks = [
            None
            if number % 3
            else OrphanMark(orphaned_at=NOW, reason="journey_completed", served=number * 0.5)
            for number in range(len(before) // 2)
        ]
        changed = [each.evolve(orphan=mark) for each, mark in zip(before, marks, strict=False)]
        uow.datasets.put_orphan_marks(changed)
        uow.datasets.put_orphan_marks([])
        return [*changed, *before[len(changed) :]], before

    after, before = await store.transact(work)

    assert await store.read(lambda uow: uow.datasets.find(DatasetQuery(limit=1000))) == after
    scanned = await store.read(lambda uow: list(uow.datasets.stream_for_scan(tuple(DatasetStatus), NOW)))
    marked = {each.dataset_id for each in after if each.orphan}
    assert marked <= {each.dataset_id for each, _owner in scanned}
    assert after != before


def is_protected(each: Dataset, owner: object) -> bool:
    return owner is not None and as_journey(owner).as_of(NOW).protects(each.stage)


def as_journey(owner: object) -> Journey:
    assert owner is not None
    return owner  # type: ignore[return-value]  # every journey here can be read


async def test_a_page_begins_after_the_last_one_whatever_came_or_went_in_between(store: Store) -> None:
    names = [f"d{number:02d}" for number in range(0, 20, 2)]

    def fill(uow: UnitOfWork) -> None:
        for name in names:
            uow.datasets.put(dataset(name, client_id=name))

    await store.transact(fill)
    first = await store.read(lambda uow: uow.datasets.find(DatasetQuery(limit=4)))

    def change(uow: UnitOfWork) -> None:
        uow.datasets.put(dataset("d01", client_id="d01"))
        uow.datasets.put(dataset("d07", client_id="d07"))
        uow.datasets.put(replace(first[-1], status=DatasetStatus.ARCHIVED))

    await store.transact(change)
    rest = await store.read(lambda uow: uow.datasets.find(DatasetQuery(after=first[-1].dataset_id)))

    assert [each.dataset_id for each in (*first, *rest)] == [*names[:4], "d07", *names[4:]]
