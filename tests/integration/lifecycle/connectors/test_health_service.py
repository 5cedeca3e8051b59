"""The use case over a real store and a real Glean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.connectors import health_service
from domain.connectors.health_service import HealthPage, HealthService
from domain.errors import (
    InvalidArgumentError,
    PlatformUnavailableError,
    UnknownClientError,
    UnknownConnectorError,
    UnknownDatasetError,
)
from domain.model.connector import OwnerTag
from domain.model.enums import ConnectorStatus, DatasetStatus
from domain.model.principal import Principal
from domain.ports.platform import Capabilities, Observation
from server.adapters.clock import SystemClock
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import client, connector, dataset
from tests.support.glean.datasources import admin_platform, datasource_spec, serve_run, staged_line
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from domain.model.connector import Connector
    from domain.ports import UnitOfWork
    from server.adapters.glean.admin.platform import AdminPlatform

ALL = Principal(subject="person:kim")
ACME = Principal(subject="agent:acme", clients=frozenset({"acme"}))


@dataclass
class HealthSetup:
    """A store, a Glean, and the use case between them."""

    store: SqliteStore
    platform: AdminPlatform
    glean: EmbeddedSandbox
    health: HealthService

    async def add_live_connector(self, number: int, client_id: str = "acme", **changes: Any) -> Connector:
        """A dataset of that client whose connector serves one document."""
        dataset_id, connector_id = f"{client_id}-{number}", f"k-{client_id}-{number:03}"
        installation = await self.store.read(lambda uow: uow.installation)
        mark = OwnerTag(installation=installation, dataset_id=dataset_id)
        handle = await serve_run(self.platform, "run-1", [staged_line(1)], connector_id, mark)
        made = connector(
            connector_id,
            dataset_id=dataset_id,
            client_id=client_id,
            name=connector_id,
            handle=handle,
            fingerprint=await self.platform.fetch_fingerprint(),
        )
        return await self.put_connector(replace(made, **changes))

    async def put_connector(self, made: Connector) -> Connector:
        """That connector in the store, and its dataset; live ones of one client are at different types and stages."""
        held = dataset(
            made.dataset_id,
            client_id=made.client_id,
            connector_id=made.connector_id,
            status=DatasetStatus.ARCHIVED,
        )
        await self.store.transact(lambda uow: uow.datasets.put(held))
        await self.store.transact(lambda uow: uow.connectors.put(made))
        return made

    async def check_findings(self, principal: Principal = ALL, **chosen: Any) -> dict[str, list[str]]:
        """The findings of each connector, by its id."""
        page = await self.health.check(principal, **chosen)
        return {
            each.connector.connector_id: [found.code for found in each.health.findings] for each in page.items
        }

    async def check_drift(
        self, principal: Principal = ALL, **chosen: Any
    ) -> list[tuple[str, str, str | None]]:
        """What differs: kind, name and client."""
        page = await self.health.check(principal, **chosen)
        return [(each.kind, each.name, each.client_id) for each in page.drift]


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db") as running:
        running.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        yield running


@pytest.fixture
async def health_setup(tmp_path: Path, glean: EmbeddedSandbox) -> AsyncIterator[HealthSetup]:
    async with (
        SqliteStore(tmp_path / "store.sqlite") as store,
        admin_platform(glean, timeout_s=0.5) as platform,
    ):

        def arrive(uow: UnitOfWork) -> None:
            for each in ("acme", "zeta"):
                uow.clients.put(client(each))

        await store.transact(arrive)
        yield HealthSetup(store, platform, glean, HealthService(store, platform, SystemClock()))


async def test_nothing_to_look_at_is_an_empty_page(health_setup: HealthSetup) -> None:
    assert await health_setup.health.check(ALL) == HealthPage(
        items=(), platform=health_setup.platform.location
    )


async def test_a_healthy_connector_is_told_with_its_dataset(health_setup: HealthSetup) -> None:
    made = await health_setup.add_live_connector(1)

    (item,) = (await health_setup.health.check(ALL)).items

    assert item.connector == made
    assert item.dataset is not None
    assert item.dataset.dataset_id == "acme-1"
    assert (item.health.status, item.health.findings) == (ConnectorStatus.HEALTHY, ())
    assert item.health.last_successful_sync is not None


async def test_looking_changes_nothing(health_setup: HealthSetup) -> None:
    await health_setup.add_live_connector(1)
    health_setup.glean.sandbox.delete_datasource("k-acme-001")
    ledger = health_setup.glean.sandbox.ledger()
    before = await health_setup.store.read(lambda uow: (uow.connectors.list_connected(), uow.events.find()))

    await health_setup.health.check(ALL)

    assert (
        await health_setup.store.read(lambda uow: (uow.connectors.list_connected(), uow.events.find()))
        == before
    )
    assert health_setup.glean.sandbox.ledger() == ledger


async def test_the_list_of_datasources_is_read_once_for_all_connectors(health_setup: HealthSetup) -> None:
    for number in range(5):
        await health_setup.add_live_connector(number)
    before = health_setup.glean.sandbox.request_counts()

    await health_setup.health.check(ALL)

    after = health_setup.glean.sandbox.request_counts()
    assert {
        which: count - before.get(which, 0) for which, count in after.items() if count > before.get(which, 0)
    } == {
        ("tenant.get", 200): 1,
        ("datasources.list", 200): 1,
        ("health.get", 200): 5,
    }


async def test_one_connector_one_dataset_or_one_client_may_be_chosen(health_setup: HealthSetup) -> None:
    await health_setup.add_live_connector(1)
    await health_setup.add_live_connector(2)
    await health_setup.add_live_connector(1, "zeta")

    assert await health_setup.check_findings(connector_id="k-acme-002") == {"k-acme-002": []}
    assert await health_setup.check_findings(dataset_id="zeta-1") == {"k-zeta-001": []}
    assert await health_setup.check_findings(client_id="acme") == {"k-acme-001": [], "k-acme-002": []}
    assert await health_setup.check_findings(ACME) == {"k-acme-001": [], "k-acme-002": []}
    assert await health_setup.check_findings() == {"k-acme-001": [], "k-acme-002": [], "k-zeta-001": []}


async def test_more_than_one_choice_is_refused(health_setup: HealthSetup) -> None:
    with pytest.raises(InvalidArgumentError, match="at most one"):
        await health_setup.health.check(ALL, connector_id="k", client_id="acme")


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_limit_out_of_range_is_refused(health_setup: HealthSetup, limit: int) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await health_setup.health.check(ALL, limit=limit)

    assert caught.value.field == "limit"


@pytest.mark.parametrize(
    ("chosen", "kind", "candidates"),
    [
        ({"connector_id": "k-acme-01"}, UnknownConnectorError, ("k-acme-001",)),
        ({"connector_id": "k-zeta-001"}, UnknownConnectorError, ()),
        ({"dataset_id": "zeta-1"}, UnknownDatasetError, ()),
        ({"client_id": "zeta"}, UnknownClientError, ()),
        ({"client_id": "nobody"}, UnknownClientError, ()),
    ],
)
async def test_what_is_unknown_or_of_another_client_is_told_alike_with_candidates(
    health_setup: HealthSetup, chosen: dict[str, Any], kind: type[Exception], candidates: tuple[str, ...]
) -> None:
    await health_setup.add_live_connector(1)
    await health_setup.add_live_connector(1, "zeta")

    with pytest.raises(kind) as caught:
        await health_setup.health.check(ACME, **chosen)

    assert getattr(caught.value, "candidates", None) == candidates


async def test_pages_follow_one_another_and_the_drift_is_in_the_first(
    health_setup: HealthSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_service, "_BATCH", 2)
    for number in range(5):
        await health_setup.add_live_connector(number)
    await health_setup.add_live_connector(9, "zeta")
    health_setup.glean.sandbox.delete_datasource("k-acme-004")

    pages: list[HealthPage] = []
    cursor = None
    while not pages or cursor:
        pages.append(await health_setup.health.check(ACME, limit=2, cursor=cursor))
        cursor = pages[-1].next_cursor

    assert [[each.connector.connector_id[-1] for each in page.items] for page in pages] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]
    assert [len(page.drift) for page in pages] == [1, 0, 0]


async def test_a_dataset_without_a_connector_has_nothing_to_look_at(health_setup: HealthSetup) -> None:
    await health_setup.store.transact(lambda uow: uow.datasets.put(dataset("bare")))

    assert await health_setup.check_findings(dataset_id="bare") == {}


async def test_one_that_was_disconnected_is_told_as_that_and_not_looked_at(health_setup: HealthSetup) -> None:
    await health_setup.add_live_connector(1, status=ConnectorStatus.DISCONNECTED)

    (item,) = (await health_setup.health.check(ALL, dataset_id="acme-1")).items

    assert item.health.status is ConnectorStatus.DISCONNECTED
    assert ("health.get", 200) not in health_setup.glean.sandbox.request_counts()


async def test_one_that_is_being_made_is_told_as_that(health_setup: HealthSetup) -> None:
    await health_setup.put_connector(
        connector("k-acme-001", dataset_id="acme-1", status=ConnectorStatus.CREATING)
    )

    (item,) = (await health_setup.health.check(ALL)).items

    assert (item.health.status, item.health.findings) == (ConnectorStatus.CREATING, ())


async def test_our_own_ledger_of_errors_counts_for_a_day(health_setup: HealthSetup) -> None:
    await health_setup.add_live_connector(1)
    now = SystemClock().now()

    def note(uow: UnitOfWork) -> None:
        for hours in (1, 2, 25):
            uow.connectors.record_error("k-acme-001", now - timedelta(hours=hours), "platform_denied")

    await health_setup.store.transact(note)

    (item,) = (await health_setup.health.check(ALL)).items

    assert item.health.error_count_24h == 2


async def test_an_unreachable_glean_makes_every_item_unknown_and_the_page_still_answers(
    health_setup: HealthSetup,
) -> None:
    await health_setup.add_live_connector(1)
    await health_setup.add_live_connector(2)
    health_setup.glean.sandbox.faults.add(Fault(kind="status", status=503, times=None))

    page = await health_setup.health.check(ALL)

    assert [each.health.status for each in page.items] == [ConnectorStatus.UNHEALTHY] * 2
    assert await health_setup.check_findings() == {
        each: ["platform_unavailable"] for each in ("k-acme-001", "k-acme-002")
    }
    assert page.drift == ()


async def test_one_that_cannot_be_looked_at_leaves_the_others_alone(health_setup: HealthSetup) -> None:
    await health_setup.add_live_connector(1)
    await health_setup.add_live_connector(2)
    health_setup.glean.sandbox.faults.add(
        Fault(kind="status", status=500, times=None, datasource="k-acme-001")
    )

    assert await health_setup.check_findings() == {"k-acme-001": ["platform_unavailable"], "k-acme-002": []}


async def test_an_unreachable_glean_and_nothing_to_carry_the_finding_is_an_error(
    health_setup: HealthSetup,
) -> None:
    health_setup.glean.sandbox.faults.add(Fault(kind="status", status=503, times=None))

    with pytest.raises(PlatformUnavailableError):
        await health_setup.health.check(ALL)


async def test_another_tenant_is_a_mismatch_and_nothing_of_it_is_believed(health_setup: HealthSetup) -> None:
    await health_setup.add_live_connector(1)
    health_setup.glean.sandbox.replace_tenant()

    assert await health_setup.check_findings() == {"k-acme-001": ["platform_mismatch"]}
    assert await health_setup.check_drift() == []
    assert await health_setup.health.probe_platform() == await health_setup.platform.fetch_fingerprint()


async def test_a_connector_without_our_mark_is_not_ours(health_setup: HealthSetup) -> None:
    made = await health_setup.add_live_connector(1)
    foreign = health_setup.glean.sandbox.create_foreign_datasource("by-hand")
    await health_setup.put_connector(replace(made, handle=foreign["id"]))

    assert await health_setup.check_findings() == {"k-acme-001": ["not_ours"]}


async def test_a_connector_that_was_deleted_in_glean_is_missing_there_and_here(
    health_setup: HealthSetup,
) -> None:
    await health_setup.add_live_connector(1)
    health_setup.glean.sandbox.delete_datasource("k-acme-001")

    assert await health_setup.check_findings() == {"k-acme-001": ["missing"]}
    assert await health_setup.check_drift() == [("missing_connector", "k-acme-001", "acme")]
    assert await health_setup.check_drift(connector_id="k-acme-001") == [
        ("missing_connector", "k-acme-001", "acme")
    ]
    assert await health_setup.check_drift(dataset_id="acme-1") == [
        ("missing_connector", "k-acme-001", "acme")
    ]
    assert await health_setup.check_drift(client_id="zeta") == []


async def test_what_carries_our_mark_and_nobody_owns_is_told_to_those_who_may_know(
    health_setup: HealthSetup,
) -> None:
    await health_setup.add_live_connector(1, "zeta", status=ConnectorStatus.DISCONNECTED)
    installation = await health_setup.store.read(lambda uow: uow.installation)
    await health_setup.platform.ensure(
        datasource_spec("stray", OwnerTag(installation=installation, dataset_id="unheard-of"))
    )
    health_setup.glean.sandbox.create_foreign_datasource("by-hand")

    abandoned, stray = ("unowned_connector", "k-zeta-001", "zeta"), ("unowned_connector", "stray", None)
    assert await health_setup.check_drift() == [abandoned, stray]
    assert await health_setup.check_drift(client_id="zeta") == [abandoned]
    assert await health_setup.check_drift(dataset_id="zeta-1") == [abandoned]
    assert await health_setup.check_drift(ACME) == []
    assert await health_setup.check_drift(ACME, client_id="acme") == []


async def test_a_platform_that_cannot_list_has_the_drift_of_each_page(
    health_setup: HealthSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    await health_setup.add_live_connector(1)
    await health_setup.add_live_connector(2)
    monkeypatch.setattr(type(health_setup.platform), "capabilities", Capabilities(list=False))
    health_setup.glean.sandbox.delete_datasource("k-acme-002")

    first = await health_setup.health.check(ALL, limit=1)
    second = await health_setup.health.check(ALL, limit=1, cursor=first.next_cursor)

    assert [[each.kind for each in page.drift] for page in (first, second)] == [[], ["missing_connector"]]
    assert await health_setup.check_findings() == {"k-acme-001": [], "k-acme-002": ["missing"]}


class SyncingPlatform:
    """A platform that has been at a sync of everything for an hour."""

    def __init__(self, platform: AdminPlatform) -> None:
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
    health_setup: HealthSetup, hours: float, findings: list[str]
) -> None:
    made = await health_setup.add_live_connector(1)
    health_setup.health = HealthService(
        health_setup.store,
        SyncingPlatform(health_setup.platform),
        SystemClock(),
        sync_deadline=timedelta(hours=hours),
    )

    assert await health_setup.check_findings() == {made.connector_id: findings}
