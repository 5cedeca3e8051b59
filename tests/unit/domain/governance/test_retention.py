from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from domain.errors import (
    ArchiveFailedError,
    PreconditionUnknownError,
    QuotaExceededError,
    Recovery,
    UnknownDatasetError,
)
from domain.governance.orphans import OrphanService
from domain.governance.retention import PurgePlan, RetentionService, is_purgeable
from domain.lifecycle.archives.archive import Archive
from domain.model.content import TemplateChoice
from domain.model.dataset import Dataset
from domain.model.enums import DatasetStatus, DatasetType, DataSource, JourneyState, Stage, TemplateMatch
from domain.model.event import Event, EventKind
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.policy.orphans import SweepCaps
from server.adapters.archives.local import LocalArchives
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.content.archive_orders import archive_order
from tests.support.entities import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports import UnitOfWork
    from domain.ports.engine import Json

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ANYONE = Principal(subject="person:ann")


class StoppedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def uptime(self) -> None:
        return None

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def dataset(
    dataset_id: str, *, client_id: str = "acme", status: DatasetStatus = DatasetStatus.ARCHIVED
) -> Dataset:
    return Dataset(
        dataset_id=dataset_id,
        name=dataset_id.upper(),
        client_id=client_id,
        journey_id="j1",
        stage=Stage.PILOT,
        dataset_type=DatasetType.JIRA_ISSUES,
        template=TemplateChoice(template_id="default/default/jira_issues", match=TemplateMatch.DEFAULT),
        data_source=DataSource.MOCK_TEMPLATE,
        status=status,
        created_at=NOW - timedelta(days=100),
        last_used_at=NOW - timedelta(days=100),
    )


def archive(of: Dataset, *, until: datetime = NOW - timedelta(days=1)) -> Archive:
    place = f"{of.client_id}/pilot/jira_issues/{of.dataset_id}"
    return Archive(
        dataset_id=of.dataset_id,
        name=of.name,
        client_id=of.client_id,
        journey_id="j1",
        stage="pilot",
        dataset_type="jira_issues",
        place=place,
        path=f"/archives/{place}",
        archived_at=until - timedelta(days=90),
        restorable_until=until,
        record_count=250,
        size_bytes=10_000,
        stored_bytes=1_000,
        full_data=True,
    )


class RetentionSetup:
    """A real store and real archives, with what a test puts there."""

    def __init__(self, store: SqliteStore, archives: LocalArchives) -> None:
        self.store = store
        self.archives = archives
        self.keeper = RetentionService(store, archives, StoppedClock())

    async def put_archive(self, of: Dataset, kept: Archive | None = None) -> Archive:
        kept = kept or archive(of)
        until = kept.restorable_until.strftime("%Y-%m-%dT%H:%M:%SZ")
        await self.archives.write(archive_order(place=kept.place, metadata={"restorable_until": until}))

        def put(uow: UnitOfWork) -> None:
            client = Client(client_id=of.client_id, name="n", industry="i", use_case="u")
            uow.clients.put(client)
            uow.journeys.put(
                Journey(
                    journey_id="j1", client_id=of.client_id, stage=Stage.PILOT, state=JourneyState.COMPLETED
                )
            )
            uow.datasets.put(of)
            uow.archives.put(of.dataset_id, kept.as_dict())

        await self.store.transact(put)
        return kept

    async def facts(self, dataset_id: str) -> Json | None:
        return await self.store.read(lambda uow: uow.archives.get(dataset_id))

    async def events(self) -> list[Event]:
        return [event for _, event in await self.store.read(lambda uow: uow.events.find())]


@pytest.fixture
async def retention_setup(tmp_path: Path) -> AsyncIterator[RetentionSetup]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield RetentionSetup(store, LocalArchives(tmp_path / "archives"))


async def test_archives_are_paged_in_order_for_those_who_may_see_them(
    retention_setup: RetentionSetup,
) -> None:
    kept = [await retention_setup.put_archive(dataset(each)) for each in ("a", "b", "c")]
    theirs = await retention_setup.put_archive(dataset("d", client_id="beta"))
    only_beta = Principal(subject="agent:x", clients=frozenset({"beta"}))

    assert await retention_setup.keeper.list_archives(ANYONE) == [*kept, theirs]
    assert await retention_setup.keeper.list_archives(ANYONE, limit=2) == kept[:2]
    assert await retention_setup.keeper.list_archives(ANYONE, after="b") == [kept[2], theirs]
    assert await retention_setup.keeper.list_archives(ANYONE, client_id="acme", limit=9) == kept
    assert await retention_setup.keeper.list_archives(only_beta) == [theirs]
    assert await retention_setup.keeper.list_archives(only_beta, client_id="acme") == []


async def test_an_archive_is_shown_with_its_manifest_as_it_stands(retention_setup: RetentionSetup) -> None:
    kept = await retention_setup.put_archive(dataset("a"))

    assert await retention_setup.keeper.load_archive(ANYONE, "a") == (
        kept,
        await retention_setup.archives.read_manifest(kept.place),
    )
    assert await retention_setup.keeper.verify_archive(
        ANYONE, "a"
    ) == await retention_setup.archives.read_manifest(kept.place)


async def test_an_archive_that_somebody_deleted_is_shown_without_a_manifest(
    retention_setup: RetentionSetup,
) -> None:
    kept = await retention_setup.put_archive(dataset("a"))
    await retention_setup.archives.purge(kept.place)

    assert await retention_setup.keeper.load_archive(ANYONE, "a") == (kept, None)
    with pytest.raises(ArchiveFailedError, match="no archive"):
        await retention_setup.keeper.verify_archive(ANYONE, "a")


async def test_an_unknown_archive_is_answered_with_the_nearest_that_the_caller_may_see(
    retention_setup: RetentionSetup,
) -> None:
    await retention_setup.put_archive(dataset("acme-pilot-jira-1"))
    await retention_setup.put_archive(dataset("beta-pilot-jira-1", client_id="beta"))
    only_beta = Principal(subject="agent:x", clients=frozenset({"beta"}))

    with pytest.raises(UnknownDatasetError) as caught:
        await retention_setup.keeper.load_archive(ANYONE, "acme-pilot-jira-2")
    assert caught.value.candidates == ("acme-pilot-jira-1",)
    with pytest.raises(UnknownDatasetError) as caught:
        await retention_setup.keeper.verify_archive(only_beta, "acme-pilot-jira-1")
    assert caught.value.candidates == ()
    with pytest.raises(UnknownDatasetError) as caught:
        await retention_setup.keeper.verify_archive(only_beta, "BETA_pilot_jira_1")
    assert caught.value.candidates == ("beta-pilot-jira-1",)


async def test_a_purge_is_a_dry_run_until_it_is_applied(retention_setup: RetentionSetup) -> None:
    kept = await retention_setup.put_archive(dataset("a"))

    assert await retention_setup.keeper.purge_archives(ANYONE, apply=False) == PurgePlan(
        applied=False, due=(kept,)
    )
    assert await retention_setup.archives.verify(kept.place)
    assert await retention_setup.facts("a") == kept.as_dict()
    assert await retention_setup.events() == []


async def test_an_applied_purge_deletes_what_is_past_its_time_and_keeps_the_rest(
    retention_setup: RetentionSetup,
) -> None:
    due = await retention_setup.put_archive(dataset("a"))
    young = await retention_setup.put_archive(dataset("b"), archive(dataset("b"), until=NOW))

    assert await retention_setup.keeper.purge_archives(ANYONE, apply=True) == PurgePlan(
        applied=True, due=(due,), purged=("a",)
    )

    assert await retention_setup.archives.list_places() == [young.place]
    assert (
        await retention_setup.facts("a")
        == msgspec.structs.replace(due, purging_since=NOW, purged_at=NOW).as_dict()
    )
    assert await retention_setup.facts("b") == young.as_dict()
    assert await retention_setup.events() == [
        Event(
            kind=EventKind.ARCHIVE_PURGED,
            at=NOW,
            dataset_id="a",
            client_id="acme",
            data={
                "name": "A",
                "journey_id": "j1",
                "stage": "pilot",
                "dataset_type": "jira_issues",
                "status": "archived",
                "path": due.path,
                "restorable_until": "2026-05-31T00:00:00Z",
            },
        )
    ]


async def test_what_is_purged_stays_listed_and_is_purged_once(retention_setup: RetentionSetup) -> None:
    await retention_setup.put_archive(dataset("a"))
    await retention_setup.keeper.purge_archives(ANYONE, apply=True)

    assert await retention_setup.keeper.purge_archives(ANYONE, apply=True) == PurgePlan(applied=True, due=())
    assert [each.purged_at for each in await retention_setup.keeper.list_archives(ANYONE)] == [NOW]
    with pytest.raises(ArchiveFailedError, match="was purged at 2026-06-01T00:00:00Z") as caught:
        await retention_setup.keeper.verify_archive(ANYONE, "a")
    assert caught.value.recovery is Recovery.NEVER
    assert len(await retention_setup.events()) == 1


async def test_a_purge_that_a_crash_broke_off_is_finished_by_the_next(
    retention_setup: RetentionSetup,
) -> None:
    kept = msgspec.structs.replace(archive(dataset("a")), purging_since=NOW - timedelta(days=1))
    await retention_setup.put_archive(dataset("a"), kept)
    await retention_setup.archives.purge(kept.place)

    assert await retention_setup.keeper.purge_archives(ANYONE, apply=True) == PurgePlan(
        applied=True, due=(kept,), purged=("a",)
    )
    assert await retention_setup.facts("a") == msgspec.structs.replace(kept, purged_at=NOW).as_dict()
    assert len(await retention_setup.events()) == 1


async def test_one_that_cannot_be_purged_is_named_and_holds_up_no_other(
    retention_setup: RetentionSetup, tmp_path: Path
) -> None:
    stuck = await retention_setup.put_archive(dataset("a"))
    await retention_setup.put_archive(dataset("b"))
    (tmp_path / "archives" / stuck.place / "notes.txt").touch()

    plan = await retention_setup.keeper.purge_archives(ANYONE, apply=True)

    assert plan.purged == ("b",)
    assert [(dataset_id, error.code) for dataset_id, error in plan.failed] == [("a", "archive_failed")]
    assert [
        each.dataset_id for each in (await retention_setup.keeper.purge_archives(ANYONE, apply=False)).due
    ] == ["a"]


async def test_a_manifest_that_promises_longer_than_the_store_remembers_is_believed(
    retention_setup: RetentionSetup,
) -> None:
    kept = archive(dataset("a"))
    longer = msgspec.structs.replace(kept, restorable_until=NOW + timedelta(days=1))
    await retention_setup.put_archive(dataset("a"), longer)
    await retention_setup.store.transact(lambda uow: uow.archives.put("a", kept.as_dict()))

    plan = await retention_setup.keeper.purge_archives(ANYONE, apply=True)

    assert plan.purged == ()
    assert [error.message for _, error in plan.failed] == [
        "The manifest says that it can be restored until 2026-06-02T00:00:00Z."
    ]
    assert await retention_setup.archives.verify(kept.place)


class ConcurrentPurgeArchives(LocalArchives):
    """Archives of which another purge deletes the same one, just before a call of this name."""

    other: RetentionService
    before: str

    async def _race(self, call: str) -> None:
        if call == self.before:
            await self.other.purge_archives(ANYONE, apply=True)

    async def read_manifest(self, place: str) -> Json | None:
        await self._race("manifest")
        return await super().read_manifest(place)

    async def purge(self, place: str) -> None:
        await self._race("purge")
        await super().purge(place)


@pytest.mark.parametrize(("before", "purged"), [("manifest", ()), ("purge", ("a",))])
async def test_two_purges_at_once_purge_it_once(
    retention_setup: RetentionSetup, tmp_path: Path, before: str, purged: tuple[str, ...]
) -> None:
    kept = await retention_setup.put_archive(dataset("a"))
    racing = ConcurrentPurgeArchives(tmp_path / "archives")
    racing.other, racing.before = retention_setup.keeper, before

    plan = await RetentionService(retention_setup.store, racing, StoppedClock()).purge_archives(
        ANYONE, apply=True
    )

    assert plan == PurgePlan(applied=True, due=(kept,), purged=purged)
    assert [each.kind for each in await retention_setup.events()] == [EventKind.ARCHIVE_PURGED]
    assert await retention_setup.archives.list_places() == []


async def test_the_archive_of_a_dataset_that_is_not_archived_is_kept_however_old(
    retention_setup: RetentionSetup,
) -> None:
    kept = await retention_setup.put_archive(dataset("a", status=DatasetStatus.READY))

    assert await retention_setup.keeper.purge_archives(ANYONE, apply=True) == PurgePlan(applied=True, due=())
    assert await retention_setup.archives.verify(kept.place)


@pytest.mark.parametrize(
    ("caps", "past", "young", "why"),
    [
        (SweepCaps(count=2), 3, 0, "3 archives are past their time, and one purge takes 2 at most."),
        (
            SweepCaps(share_from=1, share=0.5),
            2,
            1,
            "2 of 3 archives are past their time, and one purge takes 50% of them at most.",
        ),
        (SweepCaps(share_from=1, share=0.5), 2, 2, None),
        (SweepCaps(share_from=2, share=0.5), 2, 0, None),
        (SweepCaps(count=2), 2, 0, None),
    ],
)
async def test_a_purge_beyond_its_cap_deletes_nothing_and_names_the_human_step(
    retention_setup: RetentionSetup, caps: SweepCaps, past: int, young: int, why: str | None
) -> None:
    for number in range(past + young):
        of = dataset(f"d{number}")
        await retention_setup.put_archive(
            of, archive(of, until=NOW - timedelta(days=1) if number < past else NOW)
        )
    keeper = RetentionService(retention_setup.store, retention_setup.archives, StoppedClock(), caps)
    before = await retention_setup.archives.list_places()

    assert (await keeper.purge_archives(ANYONE, apply=False)).refused == why
    if why is None:
        assert len((await keeper.purge_archives(ANYONE, apply=True)).purged) == past
        return
    with pytest.raises(QuotaExceededError) as caught:
        await keeper.purge_archives(ANYONE, apply=True)

    assert caught.value.message == f"Nothing was purged. {why}"
    assert caught.value.suggested_action.startswith("Ask the operator")
    assert await retention_setup.archives.list_places() == before
    assert await retention_setup.events() == []


async def test_what_a_purge_had_begun_is_finished_whatever_the_cap(retention_setup: RetentionSetup) -> None:
    for each in ("a", "b"):
        kept = msgspec.structs.replace(archive(dataset(each)), purging_since=NOW - timedelta(days=1))
        await retention_setup.put_archive(dataset(each), kept)
    keeper = RetentionService(
        retention_setup.store, retention_setup.archives, StoppedClock(), SweepCaps(count=1)
    )

    assert (await keeper.purge_archives(ANYONE, apply=True)).purged == ("a", "b")


@pytest.mark.parametrize(
    ("status", "until", "since", "purged", "answer"),
    [
        (DatasetStatus.ARCHIVED, NOW - timedelta(seconds=1), None, None, True),
        (DatasetStatus.ARCHIVED, NOW, None, None, False),
        (DatasetStatus.READY, NOW - timedelta(days=900), None, None, False),
        (DatasetStatus.FAILED, NOW - timedelta(days=900), NOW, None, False),
        (DatasetStatus.TEARDOWN, NOW - timedelta(days=900), None, None, False),
        (None, NOW - timedelta(days=900), None, None, False),
        (DatasetStatus.ARCHIVED, NOW + timedelta(days=1), NOW, None, True),
        (DatasetStatus.ARCHIVED, NOW - timedelta(days=1), NOW, NOW, False),
    ],
)
def test_an_archive_is_purged_after_its_time_unless_its_dataset_still_needs_it(
    status: DatasetStatus | None,
    until: datetime,
    since: datetime | None,
    purged: datetime | None,
    answer: bool,
) -> None:
    of = dataset("a", status=status or DatasetStatus.READY)
    kept = msgspec.structs.replace(archive(of, until=until), purging_since=since, purged_at=purged)

    assert is_purgeable(kept, of if status else None, NOW) is answer


def retention_after(world: RetentionSetup, days: int, caps: SweepCaps | None = None) -> RetentionService:
    """The keeper so many days later."""
    return RetentionService(world.store, world.archives, StoppedClock(NOW + timedelta(days=days)), caps)


async def test_a_daily_purge_takes_what_runs_of_two_days_found_past_its_time(
    retention_setup: RetentionSetup,
) -> None:
    kept = await retention_setup.put_archive(dataset("a"))
    young = await retention_setup.put_archive(
        dataset("b"), archive(dataset("b"), until=NOW + timedelta(days=30))
    )
    marked = msgspec.structs.replace(kept, found_past="2026-06-01")

    for _ in range(2):  # also when the day's run is had again
        assert await retention_after(retention_setup, 0).purge_daily(ANYONE) == PurgePlan(
            applied=True, due=()
        )
    assert await retention_setup.facts("a") == marked.as_dict()

    plan = await retention_after(retention_setup, 1).purge_daily(ANYONE)
    assert plan == PurgePlan(applied=True, due=(marked,), purged=("a",))
    assert await retention_setup.facts("b") == young.as_dict()
    assert await retention_after(retention_setup, 2).purge_daily(ANYONE) == PurgePlan(applied=True, due=())


async def test_what_a_wrong_clock_found_is_forgotten_when_it_is_right_again(
    retention_setup: RetentionSetup,
) -> None:
    young = await retention_setup.put_archive(
        dataset("a"), archive(dataset("a"), until=NOW + timedelta(days=30))
    )
    await retention_after(retention_setup, 100).purge_daily(ANYONE)
    assert (
        await retention_setup.facts("a") == msgspec.structs.replace(young, found_past="2026-09-09").as_dict()
    )
    await retention_after(retention_setup, 0).purge_daily(ANYONE)
    assert await retention_setup.facts("a") == young.as_dict()
    await retention_after(retention_setup, 101).purge_daily(ANYONE)
    assert (await retention_setup.events()) == []


async def test_a_daily_purge_beyond_the_caps_takes_nothing(retention_setup: RetentionSetup) -> None:
    for each in ("a", "b"):
        await retention_setup.put_archive(dataset(each))
    few = SweepCaps(count=1)
    await retention_after(retention_setup, 0, few).purge_daily(ANYONE)
    plan = await retention_after(retention_setup, 1, few).purge_daily(ANYONE)
    assert (plan.applied, len(plan.due), plan.purged) == (False, 2, ())
    assert plan.refused is not None
    assert await retention_setup.events() == []


async def test_a_clock_that_leaps_from_day_to_day_makes_no_two_days_of_a_moment(
    retention_setup: RetentionSetup,
) -> None:
    young = await retention_setup.put_archive(
        dataset("a"), archive(dataset("a"), until=NOW + timedelta(days=30))
    )
    clock = ManualClock(NOW)
    keeper = RetentionService(retention_setup.store, retention_setup.archives, clock)
    assert await keeper.purge_daily(ANYONE) == PurgePlan(applied=True, due=())
    for days in (100, 101, 102, 0, 200):
        clock.off = timedelta(days=days)
        clock.instant += timedelta(seconds=10)
        plan = await keeper.purge_daily(ANYONE)
        assert (plan.applied, plan.due) == (False, ())
        assert "It is not known how much time has passed." in (plan.refused or "")
    assert await retention_setup.facts("a") == young.as_dict()

    clock.instant, clock.off = NOW + timedelta(days=60), timedelta(days=200)
    assert (await keeper.purge_daily(ANYONE)).refused is None
    clock.instant += timedelta(days=1)
    assert (await keeper.purge_daily(ANYONE)).purged == ("a",)


async def test_while_the_clock_is_in_doubt_a_purge_by_hand_deletes_nothing(
    retention_setup: RetentionSetup,
) -> None:
    await retention_setup.put_archive(dataset("a"))
    clock = ManualClock(NOW)
    keeper = RetentionService(retention_setup.store, retention_setup.archives, clock)
    await OrphanService(retention_setup.store, clock).scan(ANYONE)
    clock.off = timedelta(days=100)

    dry = await keeper.purge_archives(ANYONE, apply=False)
    with pytest.raises(PreconditionUnknownError, match=r"^Nothing was purged. It is not known how much time"):
        await keeper.purge_archives(ANYONE, apply=True)
    daily = await keeper.purge_daily(ANYONE)

    assert [each.dataset_id for each in dry.due] == ["a"]
    assert dry.refused is not None
    assert dry.refused.startswith("It is not known how much time has passed.")
    assert (daily.applied, daily.refused) == (False, dry.refused)
    assert await retention_setup.events() == []
