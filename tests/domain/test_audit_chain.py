"""The chain beside the audit log, sealed in a real store, and everything that somebody with its file can do to it."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

import pytest

from domain.audit import Entry, canonical
from domain.audit_chain import Head, Link, extended, genesis
from domain.audit_log import AuditLog, Verified
from domain.audit_verifying import Break, Flaw
from domain.callers import Caller
from domain.sealing import Sealer
from server.adapters.store.sqlite import SqliteStore
from tests.entities import NOW, SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from domain.records import Records

COUNT = 7
ALL = Caller(subject="person:kim")


def told(number: int) -> str:
    return canonical(
        Entry(at=NOW + timedelta(seconds=number), verb="provision", principal=f"agent:n{number}")
    )


class Sealing:
    """A log in a file, with the sealer and the auditor of one process."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.sealer = Sealer(store)
        self.log = AuditLog(store, SetClock(), self.sealer)

    async def append(self, *numbers: int) -> None:
        def work(records: Records) -> None:
            for number in numbers:
                records.append_entry(told(number))

        await self.store.transact(work)

    async def broken(self, anchor: Head | None = None) -> Break | None:
        return (await self.log.verify(anchor)).broken

    async def flaw(self, anchor: Head | None = None) -> Flaw | None:
        found = await self.broken(anchor)
        return found.flaw if found else None


class Attacker:
    """Somebody with a shell on the account: the triggers do not hold them up."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        for (trigger,) in self._rows("select name from sqlite_master where type = 'trigger'"):
            self._db.execute(f"drop trigger {trigger}")
        self._entries = self._rows("select seq, document from audit order by seq")
        self.links = [Link(*row) for row in self._rows("select * from audit_chain order by position")]

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

    def puts_links(self, links: list[Link]) -> None:
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
        held, links = genesis(installation), []
        for position, (seq, document) in enumerate(
            self._rows("select seq, document from audit order by seq"), 1
        ):
            held = extended(held, document.encode())
            links.append(Link(position, seq, held))
        self.puts_links(links)

    def puts_back(self) -> None:
        self._db.execute("delete from audit")
        self._db.executemany("insert into audit (seq, document) values (?, ?)", self._entries)
        self.puts_links(self.links)

    def close(self) -> None:
        self._db.close()


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Sealing]:
    async with SqliteStore(path) as store:
        yield Sealing(store)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
async def sealing(path: Path) -> AsyncIterator[Sealing]:
    async with opened(path) as made:
        await made.append(*range(1, COUNT + 1))
        assert await made.sealer.seal() == COUNT
        yield made


@pytest.fixture
def attacker(sealing: Sealing, path: Path) -> Iterator[Attacker]:
    made = Attacker(path)
    yield made
    made.close()


async def test_each_link_is_made_of_the_one_before_and_the_canonical_entry(sealing: Sealing) -> None:
    installation = await sealing.store.read(lambda records: records.installation)
    held = genesis(installation)
    for link in await sealing.store.read(lambda records: records.chain(after=0, limit=COUNT)):
        held = extended(held, told(link.seq).encode())
        assert link.hash == held
    assert await sealing.log.verify() == Verified(
        head=Head(position=COUNT, hash=held, installation=installation),
        broken=None,
        unsealed=0,
        unsealed_since=None,
        exported=None,
    )


async def test_no_two_installations_have_one_chain() -> None:
    assert genesis("one") != genesis("other")


async def test_what_is_not_sealed_yet_is_counted_and_dated(sealing: Sealing) -> None:
    await sealing.append(20, 21)
    found = await sealing.log.verify()
    assert (found.unsealed, found.unsealed_since) == (2, NOW + timedelta(seconds=20))
    assert found.head.position == COUNT


async def test_the_tail_of_a_process_that_was_killed_is_sealed_by_the_next(path: Path) -> None:
    async with opened(path) as killed:
        await killed.append(1, 2)
    async with opened(path) as following:
        assert await following.sealer.seal() == 2
        assert await following.sealer.seal() == 0
        assert await following.flaw() is None


async def test_more_than_a_batch_is_sealed_in_several_transactions_and_is_one_chain(path: Path) -> None:
    async with opened(path) as one:
        await one.append(*range(1201))
        assert await one.sealer.seal() == 1201
        found = await one.log.verify()
        assert (found.head.position, found.broken) == (1201, None)


async def test_two_sealers_make_one_chain(path: Path) -> None:
    async with opened(path) as one, opened(path) as other:
        for number in range(20):
            await one.append(number)
            await other.append(number)
            await other.sealer.seal()
            await one.sealer.seal()
        found = await one.log.verify()
        assert (found.head.position, found.broken) == (40, None)


async def test_what_another_sealer_takes_first_is_not_waited_for(sealing: Sealing) -> None:
    class Late:
        """Looked before the other one was done."""

        transact = sealing.store.transact

        async def read(self, _look: object) -> int:
            return 2

    assert await Sealer(cast("SqliteStore", Late())).seal() == 0


async def test_every_edited_entry_is_found_and_named(sealing: Sealing, attacker: Attacker) -> None:
    for seq in range(1, COUNT + 1):
        attacker.edits(seq)
        found = await sealing.broken()
        assert found is not None
        assert (found.position, found.seq) == (seq, seq)
        assert found.flaw is (Flaw.EDITED if seq < COUNT else Flaw.CHANGED)
        attacker.puts_back()
    assert await sealing.broken() is None


async def test_every_removed_entry_is_found_and_named(sealing: Sealing, attacker: Attacker) -> None:
    for seq in range(1, COUNT + 1):
        attacker.does("delete from audit where seq = ?", seq)
        assert await sealing.broken() == Break(
            flaw=Flaw.REMOVED,
            position=seq,
            seq=seq,
            what=f"Entry {seq}, sealed at position {seq}, is gone.",
        )
        attacker.puts_back()


async def test_every_swapped_pair_of_entries_is_found_and_named(sealing: Sealing, attacker: Attacker) -> None:
    for one, other in combinations(range(1, COUNT + 1), 2):
        attacker.swaps_entries(one, other)
        assert await sealing.broken() == Break(
            flaw=Flaw.SWAPPED,
            position=one,
            seq=one,
            what=f"Entry {one}, sealed at position {one}, stands where the one that is now entry {other} was sealed.",
        )
        attacker.puts_back()


async def test_every_renumbered_entry_is_found(sealing: Sealing, attacker: Attacker) -> None:
    for seq in range(1, COUNT + 1):
        attacker.does("update audit set seq = 1000 where seq = ?", seq)
        assert await sealing.flaw() is Flaw.REMOVED
        attacker.puts_back()


async def test_every_changed_hash_is_found(sealing: Sealing, attacker: Attacker) -> None:
    for position in range(1, COUNT + 1):
        attacker.does("update audit_chain set hash = ? where position = ?", "0" * 64, position)
        found = await sealing.broken()
        assert found is not None
        assert found.position == position
        assert found.flaw is (Flaw.LINK_CHANGED if position < COUNT else Flaw.CHANGED)
        attacker.puts_back()


async def test_every_link_that_names_another_entry_is_found(sealing: Sealing, attacker: Attacker) -> None:
    for position in range(1, COUNT + 1):
        attacker.does("update audit_chain set seq = 1000 where position = ?", position)
        found = await sealing.broken()
        assert found is not None
        assert (found.flaw, found.position) == (Flaw.REMOVED, position)
        attacker.puts_back()


async def test_every_removed_link_is_found_but_the_last_whose_entry_is_unsealed_again(
    sealing: Sealing, attacker: Attacker
) -> None:
    for position in range(1, COUNT):
        attacker.does("delete from audit_chain where position = ?", position)
        assert await sealing.broken() == Break(
            flaw=Flaw.LINK_MISSING,
            position=position,
            seq=None,
            what=f"The link at position {position} is missing; the next that is there has position {position + 1}.",
        )
        attacker.puts_back()
    attacker.does("delete from audit_chain where position = ?", COUNT)
    found = await sealing.log.verify()
    assert (found.broken, found.unsealed, found.unsealed_since) == (None, 1, NOW + timedelta(seconds=COUNT))
    await sealing.sealer.seal()
    assert await sealing.store.read(lambda records: records.chain_head()) == attacker.links[-1]


@pytest.mark.parametrize("columns", [("seq",), ("hash",), ("seq", "hash")])
async def test_every_swapped_pair_of_links_is_found(
    sealing: Sealing, attacker: Attacker, columns: tuple[str, ...]
) -> None:
    for one, other in combinations(range(1, COUNT + 1), 2):
        attacker.swaps_links(one, other, *columns)
        found = await sealing.broken()
        assert found is not None
        assert (found.position, found.flaw) == (one, Flaw.SWAPPED)
        attacker.puts_back()


async def test_an_entry_that_is_put_in_between_is_found(sealing: Sealing, attacker: Attacker) -> None:
    attacker.does("insert into audit (seq, document) values (-1, ?)", told(50))
    assert await sealing.broken() == Break(
        flaw=Flaw.INSERTED,
        position=None,
        seq=-1,
        what="Entry -1 was never sealed, though later ones are: it was put in behind the sealer's back.",
    )


async def test_what_is_no_text_any_more_is_an_edited_entry(sealing: Sealing, attacker: Attacker) -> None:
    attacker.does("update audit set document = replace(document, 'agent', cast(x'ff' as text)) where seq = 3")
    found = await sealing.broken()
    assert found is not None
    assert (found.flaw, found.seq) == (Flaw.EDITED, 3)


async def test_an_entry_changed_before_it_is_sealed_does_not_show(
    sealing: Sealing, attacker: Attacker
) -> None:
    await sealing.append(20, 21)
    attacker.edits(COUNT + 1)
    attacker.does("delete from audit where seq = ?", COUNT + 2)
    await sealing.sealer.seal()
    assert await sealing.broken() is None


async def exported(sealing: Sealing) -> Head:
    return await sealing.log.export(ALL, lambda _page: None)


async def test_a_chain_that_ends_before_the_exported_head_is_truncated(
    sealing: Sealing, attacker: Attacker
) -> None:
    head = await exported(sealing)
    for left in range(COUNT):
        attacker.puts_links(attacker.links[:left])
        found = await sealing.broken(head)
        assert found is not None
        assert (found.flaw, found.position) == (Flaw.TRUNCATED, left + 1)
        attacker.puts_back()


async def test_log_and_chain_cut_at_one_place_are_found_by_the_exported_head_alone(
    sealing: Sealing, attacker: Attacker
) -> None:
    head = await exported(sealing)
    attacker.puts_links(attacker.links[:-1])
    attacker.does("delete from audit where seq = ?", COUNT)
    assert await sealing.flaw() is None
    assert await sealing.flaw(head) is Flaw.TRUNCATED


async def test_a_chain_made_anew_over_a_changed_log_is_found_by_the_exported_head_alone(
    sealing: Sealing, attacker: Attacker
) -> None:
    head = await exported(sealing)
    attacker.edits(4)
    attacker.rewrites(head.installation or "")
    assert await sealing.flaw() is None
    assert await sealing.flaw(head) is Flaw.REWRITTEN
    await sealing.append(60)
    await sealing.sealer.seal()
    found = await sealing.broken(Head(position=head.position, hash=head.hash))
    assert found is not None
    assert (found.flaw, found.position) == (Flaw.REWRITTEN, COUNT)


async def test_an_exported_head_holds_for_the_chain_that_has_gone_on(sealing: Sealing) -> None:
    head = await exported(sealing)
    await sealing.append(60, 61)
    await sealing.sealer.seal()
    found = await sealing.log.verify(head)
    assert (found.broken, found.head.position) == (None, COUNT + 2)
    assert found.exported == {"position": COUNT, "hash": head.hash, "at": "2026-03-01T12:00:00Z"}


async def test_a_head_of_another_installation_is_named_as_such(sealing: Sealing) -> None:
    strange = Head(position=3, hash="0" * 64, installation="elsewhere")
    assert await sealing.flaw(strange) is Flaw.FOREIGN
