"""A data folder belongs to one Glean, and says how it comes to another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from domain.connectors.home_platform import (
    HOME,
    HomePlatformService,
    HomeStatus,
    claim_home_platform,
    identify_platform,
    is_dataset_here,
    load_dataset_platform,
    load_home_platform,
    load_home_status,
    may_run_saga,
    require_dataset_here,
    require_home_platform,
    require_movable,
)
from domain.errors import OtherPlatformError, PlatformUnavailableError, RefusalError
from domain.model.connector import EMBEDDED_SANDBOX, Fingerprint
from domain.model.enums import ConnectorStatus, DatasetStatus
from domain.model.principal import Principal, RequestContext
from domain.model.run import PendingCompensation
from domain.ports import AuditQuery
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, connector, dataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports import Platform, Store, UnitOfWork

SANDBOX = Fingerprint(dialect="admin", url=EMBEDDED_SANDBOX, tenant="t-sandbox")
GLEAN = Fingerprint(dialect="indexing", url="https://acme-be.glean.com")
TENANT = Fingerprint(dialect="admin", url="https://api.glean.com", tenant="acme")
OTHER_TENANT = replace(TENANT, tenant="globex")
KIM = Principal(
    subject="person:kim", call=RequestContext(audit_id="au-1", at=NOW, verb="provision", via="cli")
)


class FixedPlatform:
    """A platform that says which one it is, or that it cannot be reached."""

    def __init__(self, fingerprint: Fingerprint, *, reachable: bool = True) -> None:
        self.fingerprint = fingerprint
        self.reachable = reachable

    @property
    def location(self) -> Fingerprint:
        return replace(self.fingerprint, tenant=None)

    async def fetch_fingerprint(self) -> Fingerprint:
        if not self.reachable:
            raise PlatformUnavailableError("Glean did not answer.")
        return self.fingerprint


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.sqlite") as opened:
        yield opened


async def claim(store: Store, here: Fingerprint) -> None:
    await store.transact(lambda uow: claim_home_platform(uow, here, KIM))


async def refusal_for(store: Store, here: Fingerprint) -> OtherPlatformError:
    with pytest.raises(OtherPlatformError) as refused:
        await store.transact(lambda uow: claim_home_platform(uow, here, KIM))
    return refused.value


async def put_live_dataset(store: Store, at: Fingerprint = SANDBOX) -> None:
    def put(uow: UnitOfWork) -> None:
        uow.datasets.put(dataset(connector_id="k1"))
        uow.connectors.put(connector(fingerprint=at))

    await store.transact(put)


async def outcomes(store: Store) -> list[str]:
    entries = await store.read(lambda uow: uow.audit.find(AuditQuery(limit=10)))
    return [each.document.decode() for each in entries]


async def test_the_first_dataset_decides_and_the_same_configuration_goes_on(store: Store) -> None:
    assert await store.read(load_home_platform) is None
    await claim(store, GLEAN)
    await claim(store, GLEAN)
    assert await store.read(load_home_platform) == GLEAN
    assert await outcomes(store) == []


@pytest.mark.parametrize("other", [SANDBOX, TENANT, replace(GLEAN, url="https://globex-be.glean.com")])
async def test_another_configuration_is_refused_with_both_names_and_where_variables_come_from(
    store: Store, other: Fingerprint
) -> None:
    await claim(store, GLEAN)
    refusal = await refusal_for(store, other)
    assert isinstance(refusal, RefusalError)
    assert (refusal.code, refusal.recovery) == ("platform_mismatch", "needs_human")
    assert GLEAN.describe() in refusal.message
    assert other.describe() in refusal.message
    for words in (
        "HOME, PATH, USER, LOGNAME, SHELL, TERM",
        "`env`",
        "sdlc_config.yaml",
        "--data-dir",
        "take every dataset down",
        "platform move",
    ):
        assert words in refusal.suggested_action
    assert await store.read(load_home_platform) == GLEAN


async def test_another_tenant_behind_the_same_address_is_another_platform(store: Store) -> None:
    await claim(store, TENANT)
    assert "tenant globex" in (await refusal_for(store, OTHER_TENANT)).message


async def test_a_tenant_that_nobody_could_name_is_completed_later(store: Store) -> None:
    await claim(store, replace(TENANT, tenant=None))
    await claim(store, replace(TENANT, tenant=None))
    await claim(store, TENANT)
    await claim(store, replace(TENANT, tenant=None))
    assert await store.read(load_home_platform) == TENANT
    await refusal_for(store, OTHER_TENANT)


async def test_from_the_sandbox_a_folder_follows_on_record_once_nothing_lives_there(store: Store) -> None:
    await claim(store, SANDBOX)
    await put_live_dataset(store)
    refusal = await refusal_for(store, GLEAN)
    for words in ("neither GLEAN_API_KEY nor GLEAN_BASE_URL set", "--data-dir"):
        assert words in refusal.suggested_action

    def take_down(uow: UnitOfWork) -> None:
        uow.datasets.put(dataset(connector_id="k1", status=DatasetStatus.ARCHIVED))

    await store.transact(take_down)
    await refusal_for(store, GLEAN)  # its connector is there yet
    await store.transact(
        lambda uow: uow.connectors.put(connector(fingerprint=SANDBOX, status=ConnectorStatus.DISCONNECTED))
    )
    left = PendingCompensation(dataset_id="d1", attempt=1, what="connect", cause="Down.", since=NOW)
    await store.transact(lambda uow: uow.compensations.put(left))
    await refusal_for(store, GLEAN)
    await store.transact(lambda uow: uow.compensations.delete(left))

    status = await store.read(lambda uow: load_home_status(uow, GLEAN))
    assert status.notice == (
        "Nothing lives in the embedded sandbox (nobody else sees it; admin dialect, tenant t-sandbox) any more. This "
        "data folder follows its configuration: the next dataset is made at https://acme-be.glean.com (indexing "
        "dialect)."
    )
    await claim(store, GLEAN)
    assert await store.read(load_home_platform) == GLEAN
    [entry] = await outcomes(store)
    for words in ("platform followed", EMBEDDED_SANDBOX, GLEAN.url, "person:kim"):
        assert words in entry
    await refusal_for(store, SANDBOX)  # never back by itself


async def test_a_connector_that_is_made_late_moves_nothing(store: Store) -> None:
    await store.transact(lambda uow: claim_home_platform(uow, GLEAN))
    assert await store.read(load_home_platform) == GLEAN


async def test_a_dataset_belongs_where_its_connector_is(store: Store) -> None:
    await put_live_dataset(store, at=TENANT)
    await claim(store, GLEAN)
    held, bare = dataset(connector_id="k1"), dataset("d2")

    def look(uow: UnitOfWork) -> None:
        assert load_dataset_platform(uow, held) == TENANT
        assert load_dataset_platform(uow, bare) == GLEAN
        assert is_dataset_here(uow, replace(TENANT, tenant=None), held)
        assert not is_dataset_here(uow, GLEAN, held)
        require_dataset_here(uow, TENANT, held)
        with pytest.raises(OtherPlatformError, match="ACME-Sandbox-Confluence belongs to") as refusal:
            require_dataset_here(uow, GLEAN, held)
        assert refusal.value.facts == {"dataset_id": held.dataset_id}
        assert "--data-dir" not in refusal.value.suggested_action

    await store.read(look)


async def test_a_saga_that_was_left_is_run_by_a_process_of_its_platform_alone(store: Store) -> None:
    await put_live_dataset(store, at=TENANT)
    await claim(store, TENANT)
    saga, turn = f"provision:{dataset().dataset_id}:1", "schedule:orphan_sweep:2026-03-01"

    def look(uow: UnitOfWork) -> None:
        assert may_run_saga(uow, TENANT, saga)
        assert not may_run_saga(uow, GLEAN, saga)
        assert may_run_saga(uow, TENANT, turn)
        assert not may_run_saga(uow, GLEAN, turn)

    await store.read(look)


async def test_before_the_first_dataset_everything_is_here(store: Store) -> None:
    def look(uow: UnitOfWork) -> None:
        assert is_dataset_here(uow, GLEAN, dataset())
        require_dataset_here(uow, GLEAN, dataset())
        assert require_home_platform(uow, GLEAN) == HomeStatus(home=None, here=GLEAN)

    await store.read(look)


async def test_a_platform_that_does_not_answer_is_known_by_its_configuration() -> None:
    assert await identify_platform(cast("Platform", FixedPlatform(TENANT))) == TENANT
    silent = cast("Platform", FixedPlatform(TENANT, reachable=False))
    assert await identify_platform(silent) == replace(TENANT, tenant=None)


def home_service(store: Store, here: Fingerprint) -> HomePlatformService:
    return HomePlatformService(store, cast("Platform", FixedPlatform(here)))


async def test_a_person_moves_a_folder_on_which_nothing_lives_and_that_is_on_record(store: Store) -> None:
    await claim(store, GLEAN)
    service = home_service(store, SANDBOX)
    seen = await service.load_status()
    assert seen.refusal is not None
    assert (await service.load_configured_status()).here == replace(SANDBOX, tenant=None)
    moved = await service.move(seen, KIM)
    assert (moved.home, moved.refusal, moved.notice) == (SANDBOX, None, None)
    [entry] = await outcomes(store)
    for words in ("platform moved", GLEAN.url, EMBEDDED_SANDBOX):
        assert words in entry
    assert await service.move(moved, KIM) == moved
    assert len(await outcomes(store)) == 1


async def test_a_move_that_would_lose_something_is_refused(store: Store) -> None:
    await claim(store, GLEAN)
    service = home_service(store, TENANT)
    seen = await service.load_status()
    await put_live_dataset(store, at=GLEAN)
    with pytest.raises(OtherPlatformError, match="1 dataset lives on https://acme-be") as refusal:
        await service.move(seen, KIM)
    assert "can leave its connector behind" in refusal.value.suggested_action
    assert await store.read(load_home_platform) == GLEAN


async def test_a_move_of_a_folder_that_somebody_else_has_moved_is_refused(store: Store) -> None:
    await claim(store, GLEAN)
    service = home_service(store, TENANT)
    seen = await service.load_status()
    await store.transact(lambda uow: uow.settings.put(HOME, OTHER_TENANT))
    with pytest.raises(OtherPlatformError, match="another Glean than was shown"):
        await service.move(seen, KIM)


async def test_a_folder_without_a_dataset_has_nothing_to_move(store: Store) -> None:
    service = home_service(store, GLEAN)
    seen = await service.load_status()
    assert await service.move(seen, KIM) == seen


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"live_count": 2}, "2 datasets live"),
        ({"connected": True}, "a connector is left, or a step to undo,"),
        ({}, "nothing lives"),
    ],
)
def test_what_lives_there_is_said(changes: dict[str, int], words: str) -> None:
    status = HomeStatus(home=GLEAN, here=TENANT, **changes)  # type: ignore[arg-type] # the fields by name
    assert status.inhabitants == words
    if changes:
        with pytest.raises(OtherPlatformError, match=words):
            require_movable(status)
    else:
        require_movable(status)
        require_movable(replace(status, here=GLEAN, live_count=2))
        require_movable(replace(status, home=None))


def test_a_sandbox_of_another_dialect_is_told_how_to_go_on() -> None:
    other = HomeStatus(home=SANDBOX, here=replace(SANDBOX, dialect="indexing"), live_count=1)
    assert other.refusal is not None
    assert "GLEAN_DIALECT" in other.refusal.suggested_action


def test_a_fingerprint_says_what_people_call_it() -> None:
    assert (SANDBOX.kind, SANDBOX.shown_address) == (
        "embedded_sandbox",
        "embedded sandbox, nobody else sees it",
    )
    assert (GLEAN.kind, GLEAN.shown_address) == ("indexing", "https://acme-be.glean.com")
    assert TENANT.describe() == "https://api.glean.com (admin dialect, tenant acme)"
    assert replace(TENANT, tenant="a b\x1b").describe().endswith('tenant "a b\N{REPLACEMENT CHARACTER}")')
