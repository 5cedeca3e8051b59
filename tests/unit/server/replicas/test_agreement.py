"""Replicas that would not get along are told apart at the start, by the setting that differs and never by its value."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError, StoreFailedError
from domain.model.connector import Fingerprint
from domain.model.enums import ConnectorStatus
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.replicas.agreement import (
    NOTES,
    PLATFORM,
    Replica,
    ReplicaNote,
    count_agreeing_replicas,
    join_replicas,
    key_fingerprints,
    require_agreement,
)
from tests.support.entities import connector

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from domain.ports import UnitOfWork

OLD, NEW, OTHER = "o" * 40, "n" * 40, "x" * 40
GLEAN = Fingerprint(dialect="admin", url="https://acme-be.glean.com", tenant="acme")


def replica_note(*keys: str, platform: Fingerprint = GLEAN) -> ReplicaNote:
    return ReplicaNote(
        host="web-1 (process 7)", platform=platform, keys=key_fingerprints(keys, "installation")
    )


def find_difference(ours: ReplicaNote, theirs: ReplicaNote) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        require_agreement(ours, theirs)
    return caught.value


@pytest.mark.parametrize(
    ("theirs", "field"),
    [
        (replace(GLEAN, dialect="indexing"), "glean.dialect"),
        (replace(GLEAN, url="https://globex-be.glean.com"), "glean.base_url"),
        (replace(GLEAN, tenant="globex"), "glean.api_key"),
    ],
)
def test_another_glean_is_named_by_the_setting_that_differs(theirs: Fingerprint, field: str) -> None:
    error = find_difference(replica_note(OLD), replica_note(OLD, platform=theirs))
    assert error.field == field
    assert "web-1 (process 7)" in error.message
    assert (theirs.tenant or "") in error.message


def test_a_tenant_that_is_not_known_yet_differs_from_none() -> None:
    for one, other in ((GLEAN, replace(GLEAN, tenant=None)), (replace(GLEAN, tenant=None), GLEAN)):
        require_agreement(replica_note(OLD, platform=one), replica_note(OLD, platform=other))


ROTATION = ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))


def test_keys_change_one_replica_after_another() -> None:
    for before, after in pairwise(ROTATION):
        for one, other in ((before, after), (after, before), (after, after)):
            require_agreement(replica_note(*one), replica_note(*other))


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ((OLD,), (NEW,), "lacks the first key of this one"),
        ((OLD,), (NEW, OLD), "this one lacks the first key of the replica on web-1"),
        ((NEW, OLD), (OLD,), "the replica on web-1 (process 7) lacks the first key of this one"),
        ((OLD, OTHER), (NEW, OTHER), "lacks the first key of this one"),
        ((OLD, NEW), (NEW,), "lacks the first key of this one"),
    ],
)
def test_keys_that_skip_a_step_are_refused_and_not_shown(
    ours: Sequence[str], theirs: Sequence[str], words: str
) -> None:
    error = find_difference(replica_note(*ours), replica_note(*theirs))
    assert error.field == "http.state_keys"
    assert words in error.message
    assert "add the new one after the old one" in error.suggested_action
    told = error.message + error.suggested_action
    assert not any(
        each in told for each in (OLD, NEW, OTHER, *key_fingerprints([OLD, NEW, OTHER], "installation"))
    )


def test_a_replica_that_no_answer_can_reach_needs_no_keys_in_common() -> None:
    require_agreement(replica_note(), replica_note(OLD))
    require_agreement(replica_note(OLD), replica_note())


def test_a_print_says_nothing_about_its_key_and_is_another_one_elsewhere() -> None:
    [here], [there] = key_fingerprints([OLD], "one"), key_fingerprints([OLD], "two")
    assert here != there
    assert len(here) == 32
    assert OLD not in here


class ReplicaHosts:
    """Processes on one store, each alive until it says that it is not."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.alive: set[str] = set()

    def start(
        self, owner: str, *keys: str, platform: Fingerprint = GLEAN
    ) -> AbstractAsyncContextManager[None]:
        self.alive.add(owner)
        replica = Replica(owner=owner, wait_until_present=lambda _: True, keys=keys)
        return join_replicas(self.store, platform, self.alive.__contains__, replica)

    async def notes(self) -> list[str]:
        found = await self.store.read(lambda uow: uow.settings.get(NOTES))
        assert isinstance(found, dict)
        return sorted(found)


@pytest.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[ReplicaHosts]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield ReplicaHosts(store)


async def test_those_who_agree_serve_beside_each_other_and_leave_nothing_behind(hosts: ReplicaHosts) -> None:
    async with hosts.start("a", OLD), hosts.start("b", OLD, NEW):
        assert await hosts.notes() == ["a", "b"]
        assert await count_agreeing_replicas(hosts.store, GLEAN, [OLD], hosts.alive.__contains__) == 2
    assert await hosts.notes() == []


async def test_one_who_differs_from_any_of_them_is_refused_and_the_others_go_on(hosts: ReplicaHosts) -> None:
    async with hosts.start("a", OLD), hosts.start("b", OLD, NEW):
        with pytest.raises(SettingsError):
            async with hosts.start("c", NEW, OLD):  # it gets along with b, and not with a
                pass
        with pytest.raises(SettingsError):
            await count_agreeing_replicas(hosts.store, GLEAN, [NEW, OLD], hosts.alive.__contains__)
        assert await hosts.notes() == ["a", "b"]
        async with hosts.start("d", OLD):
            pass


async def test_what_a_dead_replica_went_by_counts_no_more(hosts: ReplicaHosts) -> None:
    killed = hosts.start("a", OLD)  # it does not get to take its note away
    await killed.__aenter__()
    hosts.alive.remove("a")
    assert await hosts.notes() == ["a"]
    elsewhere = replace(GLEAN, url="https://globex-be.glean.com", tenant="globex")
    async with hosts.start("b", NEW, platform=elsewhere):
        assert await hosts.notes() == ["b"]
    await killed.__aexit__(None, None, None)


async def test_one_who_only_works_for_a_while_leaves_no_note_and_has_to_agree_on_the_glean(
    hosts: ReplicaHosts,
) -> None:
    other = replace(GLEAN, tenant="globex")
    async with hosts.start("a", OLD):
        async with join_replicas(hosts.store, GLEAN, hosts.alive.__contains__):
            assert await hosts.notes() == ["a"]
        with pytest.raises(SettingsError, match="tenant globex"):
            async with join_replicas(hosts.store, other, hosts.alive.__contains__):
                pass


async def put(hosts: ReplicaHosts, *fingerprints: Fingerprint, status: ConnectorStatus) -> None:
    def write(uow: UnitOfWork) -> None:
        for number, each in enumerate(fingerprints):
            uow.connectors.put(
                replace(connector(), connector_id=f"cn-{number}", fingerprint=each, status=status)
            )

    await hosts.store.transact(write)


async def test_another_glean_is_refused_while_a_connector_lives_at_the_one_before(
    hosts: ReplicaHosts,
) -> None:
    other = replace(GLEAN, tenant="globex")
    await put(hosts, replace(GLEAN, tenant=None), GLEAN, status=ConnectorStatus.HEALTHY)
    async with hosts.start("a", OLD):
        pass
    with pytest.raises(SettingsError, match="but the connector ACME-Sandbox") as caught:
        async with hosts.start("b", OLD, platform=other):
            pass
    assert caught.value.field == "glean.api_key"
    assert await hosts.notes() == []
    with pytest.raises(SettingsError, match="but the connector ACME-Sandbox"):
        await count_agreeing_replicas(hosts.store, other, [OLD], hosts.alive.__contains__)
    await put(hosts, GLEAN, GLEAN, status=ConnectorStatus.DISCONNECTED)
    async with hosts.start("b", OLD, platform=other):
        pass


async def test_one_whose_glean_does_not_say_its_tenant_changes_nothing_about_what_was_agreed(
    hosts: ReplicaHosts,
) -> None:
    async with hosts.start("a", OLD):
        pass
    async with hosts.start("b", OLD, platform=replace(GLEAN, tenant=None)):
        pass
    known = await hosts.store.read(lambda uow: uow.settings.get(PLATFORM))
    assert known == Fingerprint(dialect="admin", url=GLEAN.url, tenant="acme")


async def test_a_replica_that_cannot_be_seen_by_others_does_not_begin(hosts: ReplicaHosts) -> None:
    unseen = Replica(owner="a", wait_until_present=lambda _: False, keys=[OLD])
    with pytest.raises(StoreFailedError, match="could not take its lock"):
        async with join_replicas(hosts.store, GLEAN, hosts.alive.__contains__, unseen):
            pass


class FailingStore:
    """A store that fails as soon as it is told to."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.fails = False

    def __getattr__(self, name: str) -> object:
        if self.fails:
            raise StoreFailedError("The store is gone.")
        return getattr(self.store, name)


async def test_a_store_that_is_gone_in_the_end_hides_no_other_trouble(hosts: ReplicaHosts) -> None:
    failing = FailingStore(hosts.store)
    replica = Replica(owner="a", wait_until_present=lambda _: True)

    async def serve() -> None:
        async with join_replicas(failing, GLEAN, hosts.alive.__contains__, replica):  # type: ignore[arg-type] # a store
            failing.fails = True
            raise LookupError("the first trouble")

    with pytest.raises(LookupError, match="the first trouble"):
        await serve()
    assert await hosts.notes() == ["a"]
