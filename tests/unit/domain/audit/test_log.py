"""The audit log as it is listed, exported, and told of one dataset."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.audit.entry import AuditEntry, Decision, canonical_json, parse_entry
from domain.audit.hash_chain import ChainHead
from domain.audit.log import AuditLog, AuditLogItem
from domain.audit.sealer import AuditSealer
from domain.audit.timeline import TimelineEntry
from domain.errors import ForbiddenError, StoreFailedError, UnknownDatasetError
from domain.model.principal import Principal
from domain.ports import AuditQuery, ChainLink
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.content.hostile_text import HOSTILE, unprintable_fields, unprintable_output
from tests.support.entities import DATASET, NOW, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports import SealedEntry, UnitOfWork

KIM = Principal(subject="person:kim")
ACME = Principal(subject="person:lee", clients=frozenset({"acme"}))
BORN = AuditEntry(at=NOW, event="dataset:orphan_cleared", dataset_id="d1", client_id="acme")
OTHER = AuditEntry(at=NOW, event="dataset:orphan_cleared", dataset_id="d2", client_id="beta")
REFUSED = AuditEntry(
    at=NOW,
    principal="agent:x",
    verb="health",
    decision=Decision.REFUSED,
    dataset_id="never",
    client_id="acme",
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def log(store: SqliteStore) -> AuditLog:
    return AuditLog(store, ManualClock(), AuditSealer(store))


async def put(store: SqliteStore, *entries: AuditEntry | str) -> None:
    def work(uow: UnitOfWork) -> None:
        for each in entries:
            uow.audit.append(each if isinstance(each, str) else canonical_json(each))

    await store.transact(work)


def test_what_goes_on_record_is_printable_text() -> None:
    entry = AuditEntry(at=NOW, principal=HOSTILE, outcome=HOSTILE, data={HOSTILE: [HOSTILE]})
    recorded = canonical_json(entry)
    assert unprintable_output(recorded) == set()
    assert unprintable_fields(json.loads(recorded)) == {}
    assert canonical_json(parse_entry(recorded)) == recorded


async def test_entries_are_listed_newest_first_with_their_positions(
    store: SqliteStore, log: AuditLog
) -> None:
    await put(store, BORN)
    await AuditSealer(store).seal()
    await put(store, OTHER, "{}")
    assert await log.list(AuditQuery(), KIM) == [
        AuditLogItem(seq=3, position=None, entry=None),
        AuditLogItem(seq=2, position=None, entry=OTHER),
        AuditLogItem(seq=1, position=1, entry=BORN),
    ]
    assert [each.seq for each in await log.list(AuditQuery(limit=2), KIM)] == [3, 2]


async def test_long_entries_do_not_shorten_a_list(store: SqliteStore, log: AuditLog) -> None:
    await put(store, *[AuditEntry(at=NOW, verb="x" * 3_000_000)] * 5)
    assert len(await log.list(AuditQuery(limit=5), KIM)) == 5


async def test_a_caller_confined_to_clients_is_listed_only_theirs(store: SqliteStore, log: AuditLog) -> None:
    await put(store, BORN, OTHER, AuditEntry(at=NOW, verb="audit list"))
    assert [each.seq for each in await log.list(AuditQuery(), ACME)] == [1]
    assert await log.list(AuditQuery(client_id="beta"), ACME) == []


async def test_a_tail_that_cannot_be_understood_is_counted_without_a_date(
    store: SqliteStore, log: AuditLog
) -> None:
    await put(store, "{}")
    found = await log.verify()
    assert (found.unsealed, found.unsealed_since, found.broken) == (1, None, None)


async def test_an_export_seals_first_and_tells_every_link_and_the_head(
    store: SqliteStore, log: AuditLog
) -> None:
    await put(store, BORN, OTHER)
    pages: list[SealedEntry] = []
    head = await log.export(KIM, pages.extend)
    assert [(each.position, each.document) for each in pages] == [
        (1, canonical_json(BORN).encode()),
        (2, canonical_json(OTHER).encode()),
    ]
    installation = await store.read(lambda uow: uow.installation)
    assert head == ChainHead(position=2, hash=pages[-1].hash, installation=installation, exported_at=NOW)
    assert (await log.verify(head)).broken is None


async def test_a_broken_chain_has_no_head_to_export(
    store: SqliteStore, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, BORN)
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(1, 1, "0" * 64)]))
    with pytest.raises(StoreFailedError, match="Entry 1, sealed at position 1"):
        await log.export(KIM, lambda _page: None)


async def test_a_caller_confined_to_clients_exports_nothing(log: AuditLog) -> None:
    with pytest.raises(ForbiddenError):
        await log.export(ACME, lambda _page: None)


async def test_the_life_of_a_dataset_that_is_gone_is_told_in_order(store: SqliteStore, log: AuditLog) -> None:
    later = NOW + timedelta(days=400)
    purged = AuditEntry(
        at=later, event="archive:purged", dataset_id="d1", client_id="acme", data={"path": "/a"}
    )
    await put(store, BORN, OTHER, purged)
    life = [
        TimelineEntry(at=NOW, sentence="It is no longer an orphan."),
        TimelineEntry(at=later, sentence="Its archive was purged from /a."),
    ]
    assert await log.explain("d1", KIM) == life
    assert await log.explain("d1", ACME) == life


@pytest.mark.parametrize(("dataset_id", "principal"), [("never", KIM), ("never", ACME), ("d2", ACME)])
async def test_what_never_was_or_is_anothers_is_unknown_whoever_asked_for_it(
    store: SqliteStore, log: AuditLog, dataset_id: str, principal: Principal
) -> None:
    await put(store, BORN, OTHER, REFUSED)
    with pytest.raises(UnknownDatasetError):
        await log.explain(dataset_id, principal)


async def test_a_dataset_older_than_the_log_has_no_life_to_tell(store: SqliteStore, log: AuditLog) -> None:
    await store.transact(lambda uow: uow.datasets.put(DATASET))
    assert await log.explain(DATASET.dataset_id, KIM) == []


async def test_an_entry_of_it_that_cannot_be_understood_hides_no_other(
    store: SqliteStore, log: AuditLog
) -> None:
    await put(store, BORN, '{"dataset_id":"d1","client_id":"acme"}')
    assert [each.at for each in await log.explain("d1", KIM)] == [NOW, None]
