"""The use case over a real store and a real Glean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain import health_check
from domain.callers import Caller
from domain.errors import (
    InvalidArgumentError,
    PlatformUnavailableError,
    UnknownClientError,
    UnknownConnectorError,
    UnknownDatasetError,
)
from domain.health_check import HealthPage, HealthService
from domain.model import Mark
from domain.platform import Can, Observation
from domain.vocabulary import ConnectorStatus, DatasetStatus
from server.adapters.store.sqlite import SqliteStore
from server.adapters.system import SystemClock
from server.sandbox.faults import Fault
from server.sandbox.serve import EmbeddedSandbox
from tests.entities import client, connector, dataset
from tests.gleaning import admin, line, served, source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from domain.model import Connector
    from domain.records import Records
    from server.adapters.glean.admin import AdminGlean

ALL = Caller(subject="person:kim")
ACME = Caller(subject="agent:acme", clients=frozenset({"acme"}))


@dataclass
class Room:
    """A store, a Glean, and the use case between them."""

    store: SqliteStore
    platform: AdminGlean
    glean: EmbeddedSandbox
    health: HealthService

    async def live(self, number: int, client_id: str = "acme", **changes: Any) -> Connector:
        """A dataset of that client whose connector serves one document."""
        dataset_id, connector_id = f"{client_id}-{number}", f"k-{client_id}-{number:03}"
        installation = await self.store.read(lambda records: records.installation)
        mark = Mark(installation=installation, dataset_id=dataset_id)
        handle = await served(self.platform, "run-1", [line(1)], connector_id, mark)
        made = connector(
            connector_id,
            dataset_id=dataset_id,
            client_id=client_id,
            name=connector_id,
            handle=handle,
            fingerprint=await self.platform.fingerprint(),
        )
        return await self.row(replace(made, **changes))

    async def row(self, made: Connector) -> Connector:
        """That connector in the store, and its dataset; live ones of one client are at different types and stages."""
        held = dataset(
            made.dataset_id,
            client_id=made.client_id,
            connector_id=made.connector_id,
            status=DatasetStatus.ARCHIVED,
        )
        await self.store.transact(lambda records: records.put_dataset(held))
        await self.store.transact(lambda records: records.put_connector(made))
        return made

    async def told(self, caller: Caller = ALL, **chosen: Any) -> dict[str, list[str]]:
        """The findings of each connector, by its id."""
        page = await self.health.check(caller, **chosen)
        return {
            each.connector.connector_id: [found.code for found in each.health.findings] for each in page.items
        }

    async def drift(self, caller: Caller = ALL, **chosen: Any) -> list[tuple[str, str, str | None]]:
        """What differs: kind, name and client."""
        page = await self.health.check(caller, **chosen)
        return [(each.kind, each.name, each.client_id) for each in page.drift]


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db") as running:
        running.sandbox.set_rate(1e9, minimum_seconds=0)
        yield running


@pytest.fixture
async def room(tmp_path: Path, glean: EmbeddedSandbox) -> AsyncIterator[Room]:
    async with SqliteStore(tmp_path / "store.sqlite") as store, admin(glean, timeout_s=0.5) as platform:

        def arrive(records: Records) -> None:
            for each in ("acme", "zeta"):
                records.put_client(client(each))

        await store.transact(arrive)
        yield Room(store, platform, glean, HealthService(store, platform, SystemClock()))


async def test_nothing_to_look_at_is_an_empty_page(room: Room) -> None:
    assert await room.health.check(ALL) == HealthPage(items=())


async def test_a_healthy_connector_is_told_with_its_dataset(room: Room) -> None:
    made = await room.live(1)

    (item,) = (await room.health.check(ALL)).items

    assert item.connector == made
    assert item.dataset is not None
    assert item.dataset.dataset_id == "acme-1"
    assert (item.health.status, item.health.findings) == (ConnectorStatus.HEALTHY, ())
    assert item.health.last_successful_sync is not None


async def test_looking_changes_nothing(room: Room) -> None:
    await room.live(1)
    room.glean.sandbox.delete("k-acme-001")
    ledger = room.glean.sandbox.ledger()
    before = await room.store.read(lambda records: (records.connectors(), records.events()))

    await room.health.check(ALL)

    assert await room.store.read(lambda records: (records.connectors(), records.events())) == before
    assert room.glean.sandbox.ledger() == ledger


async def test_the_list_of_datasources_is_read_once_for_all_connectors(room: Room) -> None:
    for number in range(5):
        await room.live(number)
    before = room.glean.sandbox.requests()

    await room.health.check(ALL)

    after = room.glean.sandbox.requests()
    assert {
        which: count - before.get(which, 0) for which, count in after.items() if count > before.get(which, 0)
    } == {
        ("tenant.get", 200): 1,
        ("datasources.list", 200): 1,
        ("health.get", 200): 5,
    }


async def test_one_connector_one_dataset_or_one_client_may_be_chosen(room: Room) -> None:
    await room.live(1)
    await room.live(2)
    await room.live(1, "zeta")

    assert await room.told(connector_id="k-acme-002") == {"k-acme-002": []}
    assert await room.told(dataset_id="zeta-1") == {"k-zeta-001": []}
    assert await room.told(client_id="acme") == {"k-acme-001": [], "k-acme-002": []}
    assert await room.told(ACME) == {"k-acme-001": [], "k-acme-002": []}
    assert await room.told() == {"k-acme-001": [], "k-acme-002": [], "k-zeta-001": []}


async def test_more_than_one_choice_is_refused(room: Room) -> None:
    with pytest.raises(InvalidArgumentError, match="at most one"):
        await room.health.check(ALL, connector_id="k", client_id="acme")


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_limit_out_of_range_is_refused(room: Room, limit: int) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await room.health.check(ALL, limit=limit)

    assert caught.value.field == "limit"


@pytest.mark.parametrize(
    ("chosen", "kind", "candidates"),
    [
        ({"connector_id": "k-acme-01"}, UnknownConnectorError, ("k-acme-001",)),
        ({"connector_id": "k-zeta-001"}, UnknownConnectorError, ("k-acme-001",)),
        ({"dataset_id": "zeta-1"}, UnknownDatasetError, ("acme-1",)),
        ({"client_id": "zeta"}, UnknownClientError, ("acme",)),
        ({"client_id": "nobody"}, UnknownClientError, ("acme",)),
    ],
)
async def test_what_is_unknown_or_of_another_client_is_told_alike_with_candidates(
    room: Room, chosen: dict[str, Any], kind: type[Exception], candidates: tuple[str, ...]
) -> None:
    await room.live(1)
    await room.live(1, "zeta")

    with pytest.raises(kind) as caught:
        await room.health.check(ACME, **chosen)

    assert getattr(caught.value, "candidates", None) == candidates


async def test_pages_follow_one_another_and_the_drift_is_in_the_first(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_check, "_BATCH", 2)
    for number in range(5):
        await room.live(number)
    await room.live(9, "zeta")
    room.glean.sandbox.delete("k-acme-004")

    pages: list[HealthPage] = []
    cursor = None
    while not pages or cursor:
        pages.append(await room.health.check(ACME, limit=2, cursor=cursor))
        cursor = pages[-1].next_cursor

    assert [[each.connector.connector_id[-1] for each in page.items] for page in pages] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]
    assert [len(page.drift) for page in pages] == [1, 0, 0]


async def test_a_dataset_without_a_connector_has_nothing_to_look_at(room: Room) -> None:
    await room.store.transact(lambda records: records.put_dataset(dataset("bare")))

    assert await room.told(dataset_id="bare") == {}


async def test_one_that_was_disconnected_is_told_as_that_and_not_looked_at(room: Room) -> None:
    await room.live(1, status=ConnectorStatus.DISCONNECTED)

    (item,) = (await room.health.check(ALL, dataset_id="acme-1")).items

    assert item.health.status is ConnectorStatus.DISCONNECTED
    assert ("health.get", 200) not in room.glean.sandbox.requests()


async def test_one_that_is_being_made_is_told_as_that(room: Room) -> None:
    await room.row(connector("k-acme-001", dataset_id="acme-1", status=ConnectorStatus.CREATING))

    (item,) = (await room.health.check(ALL)).items

    assert (item.health.status, item.health.findings) == (ConnectorStatus.CREATING, ())


async def test_our_own_ledger_of_errors_counts_for_a_day(room: Room) -> None:
    await room.live(1)
    now = SystemClock().now()

    def note(records: Records) -> None:
        for hours in (1, 2, 25):
            records.note_error("k-acme-001", now - timedelta(hours=hours), "platform_denied")

    await room.store.transact(note)

    (item,) = (await room.health.check(ALL)).items

    assert item.health.error_count_24h == 2


async def test_an_unreachable_glean_makes_every_item_unknown_and_the_page_still_answers(room: Room) -> None:
    await room.live(1)
    await room.live(2)
    room.glean.sandbox.faults.add(Fault(kind="status", status=503, times=None))

    page = await room.health.check(ALL)

    assert [each.health.status for each in page.items] == [ConnectorStatus.UNHEALTHY] * 2
    assert await room.told() == {each: ["platform_unavailable"] for each in ("k-acme-001", "k-acme-002")}
    assert page.drift == ()


async def test_one_that_cannot_be_looked_at_leaves_the_others_alone(room: Room) -> None:
    await room.live(1)
    await room.live(2)
    room.glean.sandbox.faults.add(Fault(kind="status", status=500, times=None, datasource="k-acme-001"))

    assert await room.told() == {"k-acme-001": ["platform_unavailable"], "k-acme-002": []}


async def test_an_unreachable_glean_and_nothing_to_carry_the_finding_is_an_error(room: Room) -> None:
    room.glean.sandbox.faults.add(Fault(kind="status", status=503, times=None))

    with pytest.raises(PlatformUnavailableError):
        await room.health.check(ALL)


async def test_another_tenant_is_a_mismatch_and_nothing_of_it_is_believed(room: Room) -> None:
    await room.live(1)
    room.glean.sandbox.replace_tenant()

    assert await room.told() == {"k-acme-001": ["platform_mismatch"]}
    assert await room.drift() == []
    assert await room.health.reach() == await room.platform.fingerprint()


async def test_a_connector_without_our_mark_is_not_ours(room: Room) -> None:
    made = await room.live(1)
    foreign = room.glean.sandbox.create_foreign("by-hand")
    await room.row(replace(made, handle=foreign["id"]))

    assert await room.told() == {"k-acme-001": ["not_ours"]}


async def test_a_connector_that_was_deleted_in_glean_is_missing_there_and_here(room: Room) -> None:
    await room.live(1)
    room.glean.sandbox.delete("k-acme-001")

    assert await room.told() == {"k-acme-001": ["missing"]}
    assert await room.drift() == [("missing_connector", "k-acme-001", "acme")]
    assert await room.drift(connector_id="k-acme-001") == [("missing_connector", "k-acme-001", "acme")]
    assert await room.drift(dataset_id="acme-1") == [("missing_connector", "k-acme-001", "acme")]
    assert await room.drift(client_id="zeta") == []


async def test_what_carries_our_mark_and_nobody_owns_is_told_to_those_who_may_know(room: Room) -> None:
    await room.live(1, "zeta", status=ConnectorStatus.DISCONNECTED)
    installation = await room.store.read(lambda records: records.installation)
    await room.platform.ensure(source("stray", Mark(installation=installation, dataset_id="unheard-of")))
    room.glean.sandbox.create_foreign("by-hand")

    abandoned, stray = ("unowned_connector", "k-zeta-001", "zeta"), ("unowned_connector", "stray", None)
    assert await room.drift() == [abandoned, stray]
    assert await room.drift(client_id="zeta") == [abandoned]
    assert await room.drift(dataset_id="zeta-1") == [abandoned]
    assert await room.drift(ACME) == []
    assert await room.drift(ACME, client_id="acme") == []


async def test_a_platform_that_cannot_list_has_the_drift_of_each_page(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.live(1)
    await room.live(2)
    monkeypatch.setattr(type(room.platform), "can", Can(list=False))
    room.glean.sandbox.delete("k-acme-002")

    first = await room.health.check(ALL, limit=1)
    second = await room.health.check(ALL, limit=1, cursor=first.next_cursor)

    assert [[each.kind for each in page.drift] for page in (first, second)] == [[], ["missing_connector"]]
    assert await room.told() == {"k-acme-001": [], "k-acme-002": ["missing"]}


class Syncing:
    """A platform that has been at a sync of everything for an hour."""

    def __init__(self, platform: AdminGlean) -> None:
        self._platform = platform

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        return getattr(self._platform, name)

    async def observe_all(self, handles: Sequence[str], found: object) -> dict[str, Observation]:
        now = datetime.now(UTC)
        busy = Observation(
            present=True, at=now, status="syncing", syncing=True, syncing_since=now - timedelta(hours=1)
        )
        return dict.fromkeys(handles, busy)


@pytest.mark.parametrize(("hours", "findings"), [(0.5, ["sync_overdue"]), (4, [])])
async def test_a_sync_is_late_when_it_takes_longer_than_it_may(
    room: Room, hours: float, findings: list[str]
) -> None:
    made = await room.live(1)
    room.health = HealthService(
        room.store, Syncing(room.platform), SystemClock(), sync_deadline=timedelta(hours=hours)
    )

    assert await room.told() == {made.connector_id: findings}
