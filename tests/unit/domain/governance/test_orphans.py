"""Orphans listed, marked by scans, and taken down by sweeps, over the real store."""

from __future__ import annotations

import sqlite3
from base64 import urlsafe_b64encode
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import (
    InvalidArgumentError,
    JourneyActiveError,
    Recovery,
    StoreFailedError,
    UnknownClientError,
)
from domain.governance.orphan_facts import OrphanPage, SweepPlan
from domain.governance.orphans import OrphanService
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, OrphanReason, Stage
from domain.model.event import EventKind
from domain.model.principal import Principal
from domain.model.run import Run
from domain.policy.orphans import SweepCaps
from domain.ports import DatasetQuery, Setting
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock, approval, client, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from domain.model.approval import Approval
    from domain.model.dataset import Dataset
    from domain.model.event import Event
    from domain.model.journey import Journey
    from domain.ports import Store, UnitOfWork

DAY = timedelta(days=1)
ANYONE = Principal(subject="person:kim")
SERVED = OrphanMark(orphaned_at=NOW - 9 * DAY, reason="journey_completed", served=7 * 86400.0)
GIVEN_UP = journey("done", state=JourneyState.COMPLETED)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def orphans(store: SqliteStore, clock: ManualClock) -> OrphanService:
    return OrphanService(store, clock)


def orphan_dataset(number: int, **changes: Any) -> Dataset:
    """A dataset of a client of its own, whose journey `done` is completed unless it has another one."""
    name = f"c{number:03d}"
    return dataset(**{"dataset_id": f"{name}-d", "client_id": name, "journey_id": "done"} | changes)


async def put_datasets(store: Store, *datasets: Dataset, journeys: tuple[Journey, ...] = ()) -> None:
    """Put datasets, the completed journeys that they name, and other journeys."""

    def work(uow: UnitOfWork) -> None:
        for each in datasets:
            uow.clients.put(client(each.client_id))
            uow.datasets.put(each)
            if each.journey_id == "done":
                uow.journeys.put(replace(GIVEN_UP, client_id=each.client_id))
        for one in journeys:
            uow.journeys.put(one)

    await store.transact(work)


async def all_of(store: Store) -> list[Dataset]:
    return await store.read(lambda uow: uow.datasets.find(DatasetQuery(limit=10_000)))


async def load_event_kinds(store: Store) -> list[tuple[EventKind, str, str]]:
    events: list[tuple[int, Event]] = await store.read(lambda uow: uow.events.find(limit=10_000))
    return [(event.kind, event.dataset_id, event.data["reason"]) for _seq, event in events]


# --- listing -----------------------------------------------------------------------------------------------------


async def test_a_list_shows_each_orphan_with_its_evidence_and_writes_nothing(
    store: SqliteStore, orphans: OrphanService
) -> None:
    one = orphan_dataset(
        1, created_at=NOW - timedelta(days=8, hours=12), orphan=replace(SERVED, served=3 * 86400.0)
    )
    await put_datasets(
        store,
        one,
        orphan_dataset(2, journey_id="j1"),
        orphan_dataset(3, journey_id="none"),
        orphan_dataset(4, journey_id="past", orphan=SERVED),
        journeys=(journey(client_id="c002"), journey("past", client_id="c004", stage=Stage.PILOT)),
    )
    await store.transact(
        lambda uow: uow.settings.put(Setting("orphans.last_scan", str), (NOW - DAY).isoformat())
    )
    before = await all_of(store)

    page = await orphans.list(ANYONE)

    shown = [
        (
            each.dataset.dataset_id,
            each.reason,
            each.age_days,
            each.journey_state,
            each.orphaned_at,
            each.eligible_at,
            each.eligible,
            [check.what for check in each.blocking],
        )
        for each in page.items
    ]
    assert shown == [
        (
            "c001-d",
            OrphanReason.JOURNEY_COMPLETED,
            8.5,
            JourneyState.COMPLETED,
            SERVED.orphaned_at,
            NOW + 3 * DAY,
            False,
            ["It has served 3 of the 7 days of grace."],
        ),
        (
            "c003-d",
            OrphanReason.JOURNEY_MISSING,
            30.0,
            None,
            None,
            None,
            False,
            ["It is an orphan for the reason journey_missing, on which a person decides."],
        ),
        (
            "c004-d",
            OrphanReason.STAGE_PASSED,
            30.0,
            JourneyState.ACTIVE,
            SERVED.orphaned_at,
            None,
            False,
            ["It is an orphan for the reason stage_passed, on which a person decides."],
        ),
    ]
    assert (page.unknown, page.next_cursor, page.scanned_at) == ((), None, NOW)
    assert await all_of(store) == before
    assert await load_event_kinds(store) == []


async def test_an_eligible_orphan_says_since_when_and_a_kept_one_what_keeps_it(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(
        store,
        orphan_dataset(1, orphan=SERVED),
        orphan_dataset(2, orphan=replace(SERVED, served=0.0), protected_until=NOW + DAY),
    )

    first, second = (await orphans.list(ANYONE)).items

    assert (first.eligible, first.blocking, first.eligible_at) == (True, (), SERVED.orphaned_at)
    assert [check.code for check in second.blocking] == ["reason_not_true", "dataset_protected"]


async def test_the_age_is_a_filter_and_seven_days_are_not_older_than_seven_days(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(
        store,
        orphan_dataset(1, created_at=NOW - 7 * DAY),
        orphan_dataset(2, created_at=NOW - 7 * DAY - timedelta(microseconds=1)),
        orphan_dataset(3, created_at=NOW),
    )

    shown = [
        [each.dataset.dataset_id for each in (await orphans.list(ANYONE, min_age_days=days)).items]
        for days in (7, 0, 0.5, 8)
    ]

    assert shown == [["c002-d"], ["c001-d", "c002-d", "c003-d"], ["c001-d", "c002-d"], []]


async def test_filters_narrow_the_list(store: SqliteStore, orphans: OrphanService) -> None:
    await put_datasets(store, orphan_dataset(1), orphan_dataset(2, stage=Stage.PILOT))

    by_client = await orphans.list(ANYONE, client_id="c001")
    by_stage = await orphans.list(ANYONE, stage=Stage.PILOT)

    assert [each.dataset.dataset_id for each in by_client.items] == ["c001-d"]
    assert [each.dataset.dataset_id for each in by_stage.items] == ["c002-d"]


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
@pytest.mark.parametrize("clients", [None, frozenset({"c003", "c001", "c005", "c006", "none"})])
async def test_pages_are_complete_and_hold_only_what_the_caller_may_see(
    store: SqliteStore, orphans: OrphanService, limit: int, clients: frozenset[str] | None
) -> None:
    principal = Principal(subject="agent:x", clients=clients)
    at_work = Run(saga_id="s", started_at=NOW)
    await put_datasets(
        store,
        *(orphan_dataset(number) for number in range(8)),
        orphan_dataset(9, run=at_work),
        orphan_dataset(10, status=DatasetStatus.TEARDOWN),
    )
    seen: list[str] = []
    page = OrphanPage(items=(), unknown=(), next_cursor=None, scanned_at=NOW)
    while page.next_cursor or not seen:
        page = await orphans.list(principal, limit=limit, cursor=page.next_cursor)
        assert 0 < len(page.items) <= limit
        seen += [each.dataset.client_id for each in page.items]

    everyone = [f"c{number:03d}" for number in range(8)]
    assert seen == [name for name in everyone if principal.can_access_client(name)]


async def test_a_client_that_the_caller_may_not_touch_is_unknown(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(store, orphan_dataset(1), orphan_dataset(2))

    with pytest.raises(UnknownClientError) as refused:
        await orphans.list(Principal(subject="agent:x", clients=frozenset({"c001"})), client_id="c002")

    assert refused.value.candidates == ("c001",)


async def test_a_journey_that_cannot_be_read_makes_no_orphan_but_an_unknown(
    store: SqliteStore, orphans: OrphanService, tmp_path: Path
) -> None:
    await put_datasets(store, orphan_dataset(1), orphan_dataset(2, run=Run(saga_id="s", started_at=NOW)))
    break_journeys(tmp_path)

    page = await orphans.list(ANYONE)

    assert (page.items, page.unknown) == ((), ("c001-d",))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("limit", {"limit": 0}),
        ("limit", {"limit": 201}),
        ("min_age_days", {"min_age_days": -1}),
        ("min_age_days", {"min_age_days": 36_501}),
        ("min_age_days", {"min_age_days": float("nan")}),
        ("cursor", {"cursor": ""}),
        ("cursor", {"cursor": "no cursor"}),
        ("cursor", {"cursor": "c001-d"}),
        ("cursor", {"cursor": "ä"}),
        ("cursor", {"cursor": urlsafe_b64encode(b"\xff\xfe").decode()}),
        ("cursor", {"cursor": urlsafe_b64encode(b"other:c001-d").decode()}),
    ],
)
async def test_arguments_out_of_range_are_refused_by_name(
    orphans: OrphanService, field: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        await orphans.list(ANYONE, **arguments)

    assert refused.value.field == field


def break_journeys(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("update journeys set state = 'zombie'")


# --- scanning ----------------------------------------------------------------------------------------------------


async def test_a_scan_marks_every_orphan_counts_on_the_next_and_clears_what_is_in_use_again(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(
        store, orphan_dataset(1), orphan_dataset(2, journey_id="j1"), journeys=(journey(client_id="c002"),)
    )

    first = await orphans.scan(ANYONE)
    clock.instant += DAY
    second = await orphans.scan(ANYONE)
    marks = [each.orphan for each in await all_of(store)]
    await put_datasets(
        store,
        journeys=(journey("done", client_id="c001"), journey(client_id="c002", state=JourneyState.CANCELLED)),
    )
    clock.instant += DAY
    third = await orphans.scan(ANYONE)

    assert (first.seen, first.marked, first.cleared, first.scanned_at) == (1, ("c001-d",), (), NOW)
    assert (second.seen, second.marked, second.cleared) == (1, (), ())
    assert marks == [OrphanMark(orphaned_at=NOW, reason="journey_completed", served=86400.0), None]
    assert (third.seen, third.marked, third.cleared) == (1, ("c002-d",), ("c001-d",))
    assert await load_event_kinds(store) == [
        (EventKind.ORPHANED, "c001-d", "journey_completed"),
        (EventKind.ORPHAN_CLEARED, "c001-d", "journey_completed"),
        (EventKind.ORPHANED, "c002-d", "journey_cancelled"),
    ]
    assert {each.generation for each in await all_of(store)} == {1}


async def test_use_since_the_mark_gives_a_fresh_grace_and_a_fresh_notice(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(store, orphan_dataset(1, orphan=SERVED, last_used_at=NOW - DAY))

    result = await orphans.scan(ANYONE)

    [after] = await all_of(store)
    assert (result.marked, result.cleared) == (("c001-d",), ("c001-d",))
    assert after.orphan == OrphanMark(orphaned_at=NOW, reason="journey_completed")
    assert [kind for kind, _id, _reason in await load_event_kinds(store)] == [
        EventKind.ORPHAN_CLEARED,
        EventKind.ORPHANED,
    ]


async def test_a_dataset_that_is_kept_loses_its_mark(store: SqliteStore, orphans: OrphanService) -> None:
    await put_datasets(store, orphan_dataset(1, orphan=SERVED, protected_until=NOW + DAY))

    result = await orphans.scan(ANYONE)

    [after] = await all_of(store)
    assert (result.seen, result.cleared, after.orphan) == (1, ("c001-d",), None)


async def test_a_changed_reason_is_written_and_announced_to_nobody(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(store, orphan_dataset(1, orphan=replace(SERVED, reason="journey_expired")))

    result = await orphans.scan(ANYONE)

    assert (result.marked, result.cleared) == ((), ())
    assert [each.orphan for each in await all_of(store)] == [SERVED]
    assert await load_event_kinds(store) == []


async def test_what_is_unknown_or_at_work_keeps_its_mark_and_serves_nothing(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock, tmp_path: Path
) -> None:
    at_work = Run(saga_id="s", started_at=NOW)
    await put_datasets(
        store,
        orphan_dataset(1, orphan=SERVED),
        orphan_dataset(2),
        orphan_dataset(3, orphan=SERVED, run=at_work),
    )
    await orphans.scan(ANYONE)
    before = await all_of(store)
    break_journeys(tmp_path)
    clock.instant += DAY

    result = await orphans.scan(ANYONE)

    assert (result.seen, result.unknown) == (0, ("c001-d", "c002-d"))
    assert await all_of(store) == before


async def test_a_scan_that_fails_marks_clears_and_counts_nothing(
    store: SqliteStore, clock: ManualClock
) -> None:
    """It fails at its last word, after every row was written."""
    await put_datasets(
        store,
        *(orphan_dataset(number) for number in range(3)),
        orphan_dataset(4, orphan=SERVED, protected_until=NOW + DAY),
    )
    before = await all_of(store)

    class Failing:
        read = staticmethod(store.read)

        async def transact(self, work: Callable[[UnitOfWork], Any]) -> Any:  # noqa: ANN401  # whatever the work gives
            def fail(uow: UnitOfWork) -> None:
                work(uow)
                raise StoreFailedError("The disk is full.")

            return await store.transact(fail)

    broken: Any = Failing()
    with pytest.raises(StoreFailedError):
        await OrphanService(broken, clock).scan(ANYONE)

    clock.instant += DAY
    assert await all_of(store) == before
    assert await load_event_kinds(store) == []
    await OrphanService(store, clock).scan(ANYONE)
    assert next(each.orphan for each in await all_of(store)) == OrphanMark(
        orphaned_at=NOW + DAY, reason="journey_completed"
    )


class InterleavingStore:
    """A store on which something happens between a look and the change that comes of it."""

    def __init__(self, store: Store, *happens: Callable[[], Awaitable[object]]) -> None:
        self.transact = store.transact
        self._store = store
        self._happens = happens

    async def read(self, look: Callable[[UnitOfWork], Any]) -> Any:  # noqa: ANN401  # whatever the look gives
        found = await self._store.read(look)
        for each in self._happens:
            await each()
        return found


async def test_what_changes_while_a_scan_looks_is_judged_as_it_is_when_it_would_be_marked(
    store: SqliteStore, clock: ManualClock
) -> None:
    at_work = Run(saga_id="s", started_at=NOW)
    first = [
        orphan_dataset(1),
        orphan_dataset(2),
        orphan_dataset(3, orphan=SERVED),
        orphan_dataset(4),
        orphan_dataset(5, orphan=SERVED),
    ]
    later = [
        first[0],
        orphan_dataset(2, run=at_work),
        orphan_dataset(3, orphan=SERVED, last_used_at=NOW),
        orphan_dataset(4, status=DatasetStatus.ARCHIVED),
        orphan_dataset(5, orphan=SERVED, protected_until=NOW + DAY),
        orphan_dataset(6),
    ]
    await put_datasets(store, *first)
    await store.transact(
        lambda uow: uow.settings.put(Setting("orphans.last_scan", str), (NOW - DAY).isoformat())
    )
    busy: Any = InterleavingStore(
        store,
        lambda: put_datasets(store, *later),
        lambda: put_datasets(store, journeys=(journey("done", client_id="c001"),)),
    )

    result = await OrphanService(busy, clock).scan(ANYONE)

    afresh = OrphanMark(orphaned_at=NOW, reason="journey_completed")
    kept = [*later[:2], replace(later[2], orphan=afresh), later[3], replace(later[4], orphan=None), later[5]]
    assert (result.seen, result.marked, result.cleared) == (5, ("c003-d",), ("c003-d", "c005-d"))
    assert await all_of(store) == kept


async def test_two_scans_at_once_count_the_time_once(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    await orphans.scan(ANYONE)
    clock.instant += DAY
    busy: Any = InterleavingStore(store, lambda: orphans.scan(ANYONE))

    result = await OrphanService(busy, clock).scan(ANYONE)

    assert (result.seen, result.marked) == (1, ())
    assert [each.orphan for each in await all_of(store)] == [
        OrphanMark(orphaned_at=NOW, reason="journey_completed", served=86400.0)
    ]


async def test_a_scan_finds_every_orphan_however_many_pages_they_fill(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(
        store,
        *(orphan_dataset(number, journey_id="done" if number % 3 else "none") for number in range(1050)),
    )

    first, second = await orphans.scan(ANYONE), await orphans.scan(ANYONE)

    assert (first.seen, len(first.marked)) == (1050, 1050)
    assert (second.seen, second.marked, second.cleared) == (1050, (), ())


async def test_a_scan_clears_however_many_are_in_use_again(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(
        store,
        *(orphan_dataset(number, journey_id="j1", orphan=SERVED) for number in range(1050)),
        journeys=tuple(journey(client_id=f"c{number:03d}") for number in range(1050)),
    )

    result = await orphans.scan(ANYONE)

    assert (result.seen, len(result.cleared)) == (0, 1050)
    assert {each.orphan for each in await all_of(store)} == {None}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    states=st.lists(
        st.tuples(st.none() | st.sampled_from(JourneyState), st.sampled_from(Stage), st.sampled_from(Stage)),
        min_size=1,
        max_size=6,
    ),
    hours=st.lists(st.integers(-100, 100), min_size=1, max_size=4),
)
async def test_after_every_scan_exactly_the_orphans_are_marked(
    tmp_path_factory: pytest.TempPathFactory,
    states: list[tuple[JourneyState | None, Stage, Stage]],
    hours: list[int],
) -> None:
    clock = ManualClock()
    async with SqliteStore(tmp_path_factory.mktemp("scan") / "store.sqlite") as store:
        orphans = OrphanService(store, clock)
        for turn, hour in enumerate(hours):
            clock.instant += timedelta(hours=hour)
            expected = set()
            rows, journeys = [], []
            known = {each.dataset_id: each for each in await all_of(store)}
            for number in range(len(states)):
                state, at, stage = states[(number + turn) % len(states)]
                one = known.get(f"c{number:03d}-d") or orphan_dataset(number, journey_id="j", stage=stage)
                owner = journey("j", client_id=one.client_id, state=state or JourneyState.DRAFT, stage=at)
                rows.append(one)
                if state or turn:
                    journeys.append(owner)
                behind = (
                    owner.state in {JourneyState.ACTIVE, JourneyState.PAUSED} and at.order < one.stage.order
                )
                if behind and (state or turn):
                    expected |= {one.dataset_id} if one.orphan else set()
                elif not (state or turn) or not owner.protects(one.stage):
                    expected.add(one.dataset_id)
            await put_datasets(store, *rows, journeys=tuple(journeys))

            await orphans.scan(ANYONE)

            assert {each.dataset_id for each in await all_of(store) if each.orphan} == expected


# --- sweeping ----------------------------------------------------------------------------------------------------


async def test_a_plan_takes_served_sandbox_orphans_and_leaves_the_rest_to_a_person(
    store: SqliteStore, orphans: OrphanService, tmp_path: Path
) -> None:
    kinds = list(DatasetType)
    await put_datasets(
        store,
        orphan_dataset(1, orphan=SERVED),
        orphan_dataset(2, orphan=replace(SERVED, served=1.0)),
        orphan_dataset(3, orphan=SERVED, stage=Stage.PRODUCTION),
        orphan_dataset(4, orphan=SERVED, journey_id="none"),
        orphan_dataset(5, orphan=SERVED, journey_id="past"),
        orphan_dataset(6, orphan=SERVED, protected_until=NOW + DAY),
        orphan_dataset(7, journey_id="none"),
        orphan_dataset(8, journey_id="j1", orphan=SERVED),
        orphan_dataset(9, orphan=SERVED, run=Run(saga_id="s", started_at=NOW)),
        orphan_dataset(
            1, dataset_id="c001-e", dataset_type=kinds[1], status=DatasetStatus.FAILED, orphan=SERVED
        ),
        journeys=(journey("past", client_id="c005", stage=Stage.PILOT), journey(client_id="c008")),
    )
    await put_datasets(
        store,
        orphan_dataset(10, journey_id="behind", stage=Stage.PILOT),
        journeys=(journey("behind", client_id="c010"),),
    )

    plan = await orphans.plan_sweep()

    assert [each.dataset_id for each in plan.eligible] == ["c001-d", "c001-e"]
    assert [(each.dataset_id, check.code) for each, check in plan.skipped] == [
        ("c003-d", "confirmation_required"),
        ("c004-d", "reason_not_true"),
        ("c005-d", "reason_not_true"),
        ("c006-d", "dataset_protected"),
        ("c010-d", "precondition_unknown"),
    ]
    assert {check.recovery for _dataset, check in plan.skipped} == {Recovery.NEEDS_HUMAN}
    assert plan.refused is None
    assert (plan.more_eligible, plan.more_skipped) == (0, 0)

    shown = await orphans.plan_sweep(1)

    assert (shown.eligible, shown.more_eligible) == (plan.eligible[:1], 1)
    assert (shown.skipped, shown.more_skipped) == (plan.skipped[:1], 4)
    assert (await OrphanService(store, ManualClock(), caps=SweepCaps(count=1)).plan_sweep(1)).refused


class FakeTeardowns:
    """What was asked to be taken down; those of `refuse` are refused."""

    def __init__(self, *refuse: str) -> None:
        self.asked: list[tuple[str, int]] = []
        self.refuse = refuse

    async def __call__(self, one: Dataset) -> None:
        self.asked.append((one.dataset_id, one.generation))
        if one.dataset_id in self.refuse:
            raise JourneyActiveError("It is in use again.")


class FakeApprovals:
    """Files approval requests, and keeps for which dataset."""

    def __init__(self) -> None:
        self.about: list[str] = []

    async def __call__(self, one: Dataset) -> Approval:
        self.about.append(one.dataset_id)
        return approval(one)


async def file_no_batch(_plan: SweepPlan) -> None:
    """Files no list."""


async def test_a_sweep_is_a_dry_run_until_told_otherwise(store: SqliteStore, orphans: OrphanService) -> None:
    await put_datasets(store, orphan_dataset(1, orphan=SERVED))
    asked, teardowns = FakeApprovals(), FakeTeardowns()

    result = await orphans.sweep(teardowns, asked, file_no_batch, apply=False)

    assert [each.dataset_id for each in result.plan.eligible] == ["c001-d"]
    assert (result.taken, result.failed, teardowns.asked) == ((), (), [])


async def test_a_sweep_takes_each_at_its_generation_and_goes_on_past_a_refusal(
    store: SqliteStore, orphans: OrphanService
) -> None:
    await put_datasets(
        store, *(orphan_dataset(number, orphan=SERVED, generation=number) for number in (1, 2, 3))
    )
    asked, teardowns = FakeApprovals(), FakeTeardowns("c002-d")

    result = await orphans.sweep(teardowns, asked, file_no_batch, apply=True)

    assert teardowns.asked == [("c001-d", 1), ("c002-d", 2), ("c003-d", 3)]
    assert [each.dataset_id for each in result.taken] == ["c001-d", "c003-d"]
    assert [(each.dataset_id, error.code) for each, error in result.failed] == [("c002-d", "journey_active")]


async def test_a_sweep_asks_a_person_about_each_that_only_lacks_an_approval(
    store: SqliteStore, orphans: OrphanService
) -> None:
    pilot = orphan_dataset(2, orphan=SERVED, stage=Stage.PILOT)
    kept = orphan_dataset(3, orphan=SERVED, stage=Stage.PILOT, protected_until=NOW + timedelta(days=1))
    await put_datasets(store, orphan_dataset(1, orphan=SERVED), pilot, kept)
    asked, teardowns = FakeApprovals(), FakeTeardowns()

    dry = await orphans.sweep(teardowns, asked, file_no_batch, apply=False)
    assert (dry.requests, asked.about, [each.dataset_id for each in dry.plan.to_approve]) == (
        (),
        [],
        ["c002-d"],
    )

    result = await orphans.sweep(teardowns, asked, file_no_batch, apply=True)
    assert (asked.about, result.requests) == (["c002-d"], (approval(pilot),))
    assert [each.dataset_id for each in result.taken] == ["c001-d"]


async def test_a_bug_in_a_teardown_ends_the_sweep(store: SqliteStore, orphans: OrphanService) -> None:
    await put_datasets(store, orphan_dataset(1, orphan=SERVED))

    async def fail_by_bug(_one: Dataset) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await orphans.sweep(fail_by_bug, FakeApprovals(), file_no_batch, apply=True)


async def test_a_sweep_beyond_its_cap_takes_nothing_at_all(store: SqliteStore, clock: ManualClock) -> None:
    await put_datasets(store, *(orphan_dataset(number, orphan=SERVED) for number in range(3)))
    asked, teardowns = FakeApprovals(), FakeTeardowns()

    result = await OrphanService(store, clock, caps=SweepCaps(count=2)).sweep(
        teardowns, asked, file_no_batch, apply=True
    )

    assert result.plan.refused == "3 datasets are due, and one sweep takes 2 at most."
    assert len(result.plan.eligible) == 3
    assert (result.taken, teardowns.asked) == ((), [])


async def test_without_grace_an_orphan_goes_after_its_first_scan(
    store: SqliteStore, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    orphans = OrphanService(store, clock, grace_days=0)

    before = await orphans.plan_sweep()
    await orphans.scan(ANYONE)
    after = await orphans.plan_sweep()

    assert (len(before.eligible), len(after.eligible)) == (0, 1)


async def test_seven_daily_scans_after_the_first_an_orphan_goes(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    due = []
    for _ in range(8):
        await orphans.scan(ANYONE)
        due.append(len((await orphans.plan_sweep()).eligible))
        clock.instant += DAY

    assert due == [0] * 7 + [1]


# --- a clock that cannot be believed --------------------------------------------------------------------------------


async def scan_and_sweep(orphans: OrphanService) -> list[str]:
    """What a turn of the schedules takes."""
    await orphans.scan(ANYONE)
    result = await orphans.sweep(FakeTeardowns(), FakeApprovals(), file_no_batch, apply=True)
    return [each.dataset_id for each in result.taken]


async def load_served(store: Store) -> float:
    [one] = await all_of(store)
    assert one.orphan is not None
    return one.orphan.served


async def test_a_clock_that_goes_to_and_fro_serves_only_the_time_that_passed(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    taken = []
    for number in range(17):
        clock.off = DAY * (number % 2)
        taken += await scan_and_sweep(orphans)
        clock.instant += timedelta(seconds=2)

    assert await load_served(store) <= 17 * 2
    assert taken == []


async def test_leaps_of_thirty_days_serve_only_the_time_that_passed(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    taken = []
    for _ in range(9):
        taken += await scan_and_sweep(orphans)
        clock.off += 30 * DAY
        clock.instant += timedelta(seconds=5)

    assert await load_served(store) <= 9 * 5
    assert taken == []


async def test_without_an_uptime_a_clock_that_goes_to_and_fro_serves_one_day_at_most(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    clock.boot = None
    for number in range(17):
        clock.off = DAY * (number % 2)
        await orphans.scan(ANYONE)

    assert await load_served(store) == DAY.total_seconds()


async def test_a_scan_tells_that_the_clock_disagrees_with_the_uptime(
    orphans: OrphanService, clock: ManualClock
) -> None:
    first = await orphans.scan(ANYONE)
    clock.instant, clock.off = clock.instant + DAY, 2 * DAY
    second = await orphans.scan(ANYONE)
    clock.instant += DAY
    third = await orphans.scan(ANYONE)

    assert (first.disagreement, third.disagreement) == (None, None)
    assert second.disagreement is not None
    assert second.disagreement.off_s == 2 * 86_400


async def test_while_the_clock_is_in_doubt_a_sweep_takes_nothing_and_asks_nobody(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(
        store, orphan_dataset(1, orphan=SERVED), orphan_dataset(2, orphan=SERVED, stage=Stage.PILOT)
    )
    asked, teardowns, lists = FakeApprovals(), FakeTeardowns(), []

    async def file_list(plan: SweepPlan) -> None:
        lists.append(plan)

    await orphans.scan(ANYONE)
    clock.off = DAY
    await orphans.scan(ANYONE)
    clock.off = timedelta()
    await orphans.scan(ANYONE)
    dry = await orphans.sweep(teardowns, asked, file_list, apply=False)
    real = await orphans.sweep(teardowns, asked, file_list, apply=True)
    page = await orphans.list(ANYONE, min_age_days=0)

    assert dry.plan == real.plan
    assert dry.plan.clock is not None
    assert dry.plan.refused == dry.plan.clock.what
    assert [each.dataset_id for each in dry.plan.eligible] == ["c001-d"]
    assert (real.taken, real.requests, teardowns.asked, asked.about, lists) == ((), (), [], [], [])
    assert [(each.eligible, each.blocking) for each in page.items] == [(False, (dry.plan.clock,))] * 2

    clock.instant += DAY
    assert await scan_and_sweep(orphans) == ["c001-d"]


async def test_a_clock_that_leaps_after_the_scan_is_noticed_by_the_sweep(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1, orphan=SERVED))
    await orphans.scan(ANYONE)
    before = await orphans.plan_sweep()
    clock.off = timedelta(minutes=61)

    plan = await orphans.plan_sweep()

    assert (before.clock, before.refused) == (None, None)
    assert plan.clock is not None


async def test_the_estimate_counts_from_the_latest_instant_that_a_scan_has_seen(
    store: SqliteStore, orphans: OrphanService, clock: ManualClock
) -> None:
    await put_datasets(store, orphan_dataset(1))
    await orphans.scan(ANYONE)
    clock.off = 30 * DAY
    await orphans.scan(ANYONE)
    clock.off = timedelta()

    [item] = (await orphans.list(ANYONE, min_age_days=0)).items

    assert item.eligible_at == NOW + 37 * DAY
