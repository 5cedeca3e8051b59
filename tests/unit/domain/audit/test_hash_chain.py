"""The chain beside the audit log, sealed in a real store, and everything that somebody with its file can do to it."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

import pytest

from domain.audit.entry import AuditEntry, canonical_json
from domain.audit.hash_chain import ChainHead, genesis_hash, link_hash
from domain.audit.log import AuditLog, AuditVerification
from domain.audit.sealer import AuditSealer
from domain.audit.verification import ChainBreak, Violation
from domain.model.principal import Principal
from domain.ports import ChainLink
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from domain.ports import UnitOfWork

COUNT = 7
ALL = Principal(subject="person:kim")


def audit_entry(number: int) -> str:
    return canonical_json(
        AuditEntry(at=NOW + timedelta(seconds=number), verb="provision", principal=f"agent:n{number}")
    )


class SealedLog:
    """A log in a file, with the sealer and the auditor of one process."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.sealer = AuditSealer(store)
        self.log = AuditLog(store, ManualClock(), self.sealer)

    async def append(self, *numbers: int) -> None:
        def work(uow: UnitOfWork) -> None:
            for number in numbers:
                uow.audit.append(audit_entry(number))

        await self.store.transact(work)

    async def find_violation(self, anchor: ChainHead | None = None) -> ChainBreak | None:
        return (await self.log.verify(anchor)).broken

    async def violation_text(self, anchor: ChainHead | None = None) -> Violation | None:
        found = await self.find_violation(anchor)
        return found.flaw if found else None


class LogAttacker:
    """Somebody with a shell on the account: the triggers do not hold them up."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        for (trigger,) in self._rows("select name from sqlite_master where type = 'trigger'"):
            self._db.execute(f"drop trigger {trigger}")
        self._entries = self._rows("select seq, document from audit order by seq")
        self.links = [ChainLink(*row) for row in self._rows("select * from audit_chain order by position")]

    def _rows(self, sql: str) -> list[Any]:
        return self._db.execute(sql).fetchall()

    def does(self, sql: str, *values: object) -> None:
        assert self._db.execute(sql, values).rowcount == 1

    def edits(self, seq: int) -> None:
        self.does("update audit set document = replace(document, 'agent:n', 'agent:x') where seq = ?", seq)

    def swaps_entries(self, one: int, other: int) -> None:
        held = dict(self._entries)
        self.does("update audit set document = ? where seq = ?", held[other], one)
        self.does("update audit set document = ? where seq = ?", held[one], other)

    def puts_links(self, links: list[ChainLink]) -> None:
        self._db.execute("delete from audit_chain")
        self._db.executemany("insert into audit_chain values (?, ?, ?)", links)

    def swaps_links(self, one: int, other: int, *columns: str) -> None:
        links = list(self.links)
        first, second = links[one - 1], links[other - 1]
        links[one - 1] = first._replace(**{each: getattr(second, each) for each in columns})
        links[other - 1] = second._replace(**{each: getattr(first, each) for each in columns})
        self.puts_links(links)

    def rewrites(self, installation: str) -> None:
        """Make the whole chain anew over what the log says now."""
        held, links = genesis_hash(installation), []
        for position, (seq, document) in enumerate(
            self._rows("select seq, document from audit order by seq"), 1
        ):
            held = link_hash(held, document.encode())
            links.append(ChainLink(position, seq, held))
        self.puts_links(links)

    def puts_back(self) -> None:
        self._db.execute("delete from audit")
        self._db.executemany("insert into audit (seq, document) values (?, ?)", self._entries)
        self.puts_links(self.links)

    def close(self) -> None:
        self._db.close()


@asynccontextmanager
async def open_log(path: Path) -> AsyncIterator[SealedLog]:
    async with SqliteStore(path) as store:
        yield SealedLog(store)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
async def sealed_log(path: Path) -> AsyncIterator[SealedLog]:
    async with open_log(path) as made:
        await made.append(*range(1, COUNT + 1))
        assert await made.sealer.seal() == COUNT
        yield made


@pytest.fixture
def attacker(sealed_log: SealedLog, path: Path) -> Iterator[LogAttacker]:
    made = LogAttacker(path)
    yield made
    made.close()


async def test_each_link_is_made_of_the_one_before_and_the_canonical_entry(sealed_log: SealedLog) -> None:
    installation = await sealed_log.store.read(lambda uow: uow.installation)
    held = genesis_hash(installation)
    for link in await sealed_log.store.read(lambda uow: uow.audit.list_sealed(after=0, limit=COUNT)):
        held = link_hash(held, audit_entry(link.seq).encode())
        assert link.hash == held
    assert await sealed_log.log.verify() == AuditVerification(
        head=ChainHead(position=COUNT, hash=held, installation=installation),
        broken=None,
        unsealed=0,
        unsealed_since=None,
        exported=None,
    )


async def test_no_two_installations_have_one_chain() -> None:
    assert genesis_hash("one") != genesis_hash("other")


async def test_what_is_not_sealed_yet_is_counted_and_dated(sealed_log: SealedLog) -> None:
    await sealed_log.append(20, 21)
    found = await sealed_log.log.verify()
    assert (found.unsealed, found.unsealed_since) == (2, NOW + timedelta(seconds=20))
    assert found.head.position == COUNT


async def test_the_tail_of_a_process_that_was_killed_is_sealed_by_the_next(path: Path) -> None:
    async with open_log(path) as killed:
        await killed.append(1, 2)
    async with open_log(path) as following:
        assert await following.sealer.seal() == 2
        assert await following.sealer.seal() == 0
        assert await following.violation_text() is None


async def test_more_than_a_batch_is_sealed_in_several_transactions_and_is_one_chain(path: Path) -> None:
    async with open_log(path) as one:
        await one.append(*range(1201))
        assert await one.sealer.seal() == 1201
        found = await one.log.verify()
        assert (found.head.position, found.broken) == (1201, None)


async def test_two_sealers_make_one_chain(path: Path) -> None:
    async with open_log(path) as one, open_log(path) as other:
        for number in range(20):
            await one.append(number)
            await other.append(number)
            await other.sealer.seal()
            await one.sealer.seal()
        found = await one.log.verify()
        assert (found.head.position, found.broken) == (40, None)


async def test_what_another_sealer_takes_first_is_not_waited_for(sealed_log: SealedLog) -> None:
    class Late:
        """Looked before the other one was done."""

        transact = sealed_log.store.transact

        async def read(self, _look: object) -> int:
            return 2

    assert await AuditSealer(cast("SqliteStore", Late())).seal() == 0


async def test_every_edited_entry_is_found_and_named(sealed_log: SealedLog, attacker: LogAttacker) -> None:
    for seq in range(1, COUNT + 1):
        attacker.edits(seq)
        found = await sealed_log.find_violation()
        assert found is not None
        assert (found.position, found.seq) == (seq, seq)
        assert found.flaw is (Violation.EDITED if seq < COUNT else Violation.CHANGED)
        attacker.puts_back()
    assert await sealed_log.find_violation() is None


async def test_every_removed_entry_is_found_and_named(sealed_log: SealedLog, attacker: LogAttacker) -> None:
    for seq in range(1, COUNT + 1):
        attacker.does("delete from audit where seq = ?", seq)
        assert await sealed_log.find_violation() == ChainBreak(
            flaw=Violation.REMOVED,
            position=seq,
            seq=seq,
            what=f"Entry {seq}, sealed at position {seq}, was removed.",
        )
        attacker.puts_back()


async def test_every_swapped_pair_of_entries_is_found_and_named(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    for one, other in combinations(range(1, COUNT + 1), 2):
        attacker.swaps_entries(one, other)
        assert await sealed_log.find_violation() == ChainBreak(
            flaw=Violation.SWAPPED,
            position=one,
            seq=one,
            what=f"Entry {one}, sealed at position {one}, is in the place of what is now entry {other}.",
        )
        attacker.puts_back()


async def test_every_renumbered_entry_is_found(sealed_log: SealedLog, attacker: LogAttacker) -> None:
    for seq in range(1, COUNT + 1):
        attacker.does("update audit set seq = 1000 where seq = ?", seq)
        assert await sealed_log.violation_text() is Violation.REMOVED
        attacker.puts_back()


async def test_every_changed_hash_is_found(sealed_log: SealedLog, attacker: LogAttacker) -> None:
    for position in range(1, COUNT + 1):
        attacker.does("update audit_chain set hash = ? where position = ?", "0" * 64, position)
        found = await sealed_log.find_violation()
        assert found is not None
        assert found.position == position
        assert found.flaw is (Violation.LINK_CHANGED if position < COUNT else Violation.CHANGED)
        attacker.puts_back()


async def test_every_link_that_names_another_entry_is_found(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    for position in range(1, COUNT + 1):
        attacker.does("update audit_chain set seq = 1000 where position = ?", position)
        found = await sealed_log.find_violation()
        assert found is not None
        assert (found.flaw, found.position) == (Violation.REMOVED, position)
        attacker.puts_back()


async def test_every_removed_link_is_found_but_the_last_whose_entry_is_unsealed_again(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    for position in range(1, COUNT):
        attacker.does("delete from audit_chain where position = ?", position)
        assert await sealed_log.find_violation() == ChainBreak(
            flaw=Violation.LINK_MISSING,
            position=position,
            seq=None,
            what=f"The link at position {position} is missing; the next link has position {position + 1}.",
        )
        attacker.puts_back()
    attacker.does("delete from audit_chain where position = ?", COUNT)
    found = await sealed_log.log.verify()
    assert (found.broken, found.unsealed, found.unsealed_since) == (None, 1, NOW + timedelta(seconds=COUNT))
    await sealed_log.sealer.seal()
    assert await sealed_log.store.read(lambda uow: uow.audit.chain_head()) == attacker.links[-1]


@pytest.mark.parametrize("columns", [("seq",), ("hash",), ("seq", "hash")])
async def test_every_swapped_pair_of_links_is_found(
    sealed_log: SealedLog, attacker: LogAttacker, columns: tuple[str, ...]
) -> None:
    for one, other in combinations(range(1, COUNT + 1), 2):
        attacker.swaps_links(one, other, *columns)
        found = await sealed_log.find_violation()
        assert found is not None
        assert (found.position, found.flaw) == (one, Violation.SWAPPED)
        attacker.puts_back()


async def test_an_entry_that_is_put_in_between_is_found(sealed_log: SealedLog, attacker: LogAttacker) -> None:
    attacker.does("insert into audit (seq, document) values (-1, ?)", audit_entry(50))
    assert await sealed_log.find_violation() == ChainBreak(
        flaw=Violation.INSERTED,
        position=None,
        seq=-1,
        what="Entry -1 has no link, although later entries are sealed: it was inserted afterwards.",
    )


async def test_what_is_no_text_any_more_is_an_edited_entry(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    attacker.does("update audit set document = replace(document, 'agent', cast(x'ff' as text)) where seq = 3")
    found = await sealed_log.find_violation()
    assert found is not None
    assert (found.flaw, found.seq) == (Violation.EDITED, 3)


async def test_an_entry_changed_before_it_is_sealed_does_not_show(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    await sealed_log.append(20, 21)
    attacker.edits(COUNT + 1)
    attacker.does("delete from audit where seq = ?", COUNT + 2)
    await sealed_log.sealer.seal()
    assert await sealed_log.find_violation() is None


async def export_all(sealing: SealedLog) -> ChainHead:
    return await sealing.log.export(ALL, lambda _page: None)


async def test_a_chain_that_ends_before_the_exported_head_is_truncated(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    head = await export_all(sealed_log)
    for left in range(COUNT):
        attacker.puts_links(attacker.links[:left])
        found = await sealed_log.find_violation(head)
        assert found is not None
        assert (found.flaw, found.position) == (Violation.TRUNCATED, left + 1)
        attacker.puts_back()


async def test_log_and_chain_cut_at_one_place_are_found_by_the_exported_head_alone(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    head = await export_all(sealed_log)
    attacker.puts_links(attacker.links[:-1])
    attacker.does("delete from audit where seq = ?", COUNT)
    assert await sealed_log.violation_text() is None
    assert await sealed_log.violation_text(head) is Violation.TRUNCATED


async def test_a_chain_made_anew_over_a_changed_log_is_found_by_the_exported_head_alone(
    sealed_log: SealedLog, attacker: LogAttacker
) -> None:
    head = await export_all(sealed_log)
    attacker.edits(4)
    attacker.rewrites(head.installation or "")
    assert await sealed_log.violation_text() is None
    assert await sealed_log.violation_text(head) is Violation.REWRITTEN
    await sealed_log.append(60)
    await sealed_log.sealer.seal()
    found = await sealed_log.find_violation(ChainHead(position=head.position, hash=head.hash))
    assert found is not None
    assert (found.flaw, found.position) == (Violation.REWRITTEN, COUNT)


async def test_an_exported_head_holds_for_the_chain_that_has_gone_on(sealed_log: SealedLog) -> None:
    head = await export_all(sealed_log)
    await sealed_log.append(60, 61)
    await sealed_log.sealer.seal()
    found = await sealed_log.log.verify(head)
    assert (found.broken, found.head.position) == (None, COUNT + 2)
    assert found.exported == {"position": COUNT, "hash": head.hash, "at": "2026-03-01T12:00:00Z"}


async def test_a_head_of_another_installation_is_named_as_such(sealed_log: SealedLog) -> None:
    strange = ChainHead(position=3, hash="0" * 64, installation="elsewhere")
    assert await sealed_log.violation_text(strange) is Violation.FOREIGN
