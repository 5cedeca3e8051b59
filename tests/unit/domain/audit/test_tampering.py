"""Whatever is done to a log and its chain, in whichever order, is found when what was sealed is not what is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.hash_chain import ChainHead, chain_links, genesis_hash
from domain.audit.verification import ChainBreak, Violation, verify_chain
from domain.ports import SealedEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

COUNT = 7
START = ChainHead(position=0, hash=genesis_hash("here"), installation="here")
NUMBERS = st.integers(1, COUNT)
# The same words may be sealed twice, as two calls of one caller in one microsecond would be.
LOGS = st.lists(st.sampled_from([b"{}", b'{"a":1}', b'{"b":2}']), min_size=COUNT, max_size=COUNT)
TAMPERINGS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), NUMBERS, st.sampled_from([b"{}", b'{"a":1}', b'{"x":9}'])),
        st.tuples(st.just("remove"), NUMBERS),
        st.tuples(st.just("swap"), NUMBERS, NUMBERS),
        st.tuples(st.just("rehash"), NUMBERS, st.sampled_from(["0" * 64, "", genesis_hash("here")])),
        st.tuples(st.just("renumber"), NUMBERS, st.integers(1, COUNT + 3)),
        st.tuples(st.just("unlink"), NUMBERS),
        st.tuples(st.just("swap links"), NUMBERS, NUMBERS),
        st.tuples(st.just("reseal"), NUMBERS),
    ),
    max_size=4,
)


class InMemoryChain:
    """A log and its chain, as plain rows."""

    def __init__(self, documents: Sequence[bytes]) -> None:
        self.log = dict(enumerate(documents, 1))
        self.links = {link.position: link for link in chain_links(START, self.log.items())}

    def tamper(self, what: str, one: int, other: int | bytes | str = 0) -> None:
        link = self.links.get(one)
        match what, other:
            case "edit", bytes():
                self.log[one] = other
            case "remove", _:
                self.log.pop(one, None)
            case "swap", int():
                self.log = {_swap(seq, one, other): document for seq, document in self.log.items()}
            case "rehash", str() if link:
                self.links[one] = link._replace(hash=other)
            case "renumber", int() if link:
                self.links[one] = link._replace(seq=other)
            case "unlink", _:
                self.links.pop(one, None)
            case "swap links", int():
                moved = {_swap(at, one, other): each for at, each in self.links.items()}
                self.links = {at: each._replace(position=at) for at, each in moved.items()}
            case "reseal", _:
                self._reseal(one)

    def _reseal(self, after: int) -> None:
        held = self.links.get(after)
        head = ChainHead(position=held.position, hash=held.hash) if held else START
        later = [(seq, document) for seq, document in sorted(self.log.items()) if seq > head.position]
        self.links = {at: each for at, each in self.links.items() if at <= head.position}
        self.links |= {link.position: link for link in chain_links(head, later)}

    def sealed_entries(self) -> list[SealedEntry]:
        return [SealedEntry(*each, self.log.get(each.seq)) for _, each in sorted(self.links.items())]

    def walk(self, anchor: ChainHead | None, page: int) -> tuple[ChainHead, ChainBreak | None]:
        async def pages(after: int) -> AsyncIterator[Sequence[SealedEntry]]:
            rest = [each for each in self.sealed_entries() if each.position > after]
            for start in range(0, len(rest), page):
                yield rest[start : start + page]

        return asyncio.run(verify_chain(pages, START, anchor))


def _swap(number: int, one: int, other: int) -> int:
    return {one: other, other: one}.get(number, number)


@given(LOGS, TAMPERINGS, st.integers(1, COUNT))
def test_a_kept_head_finds_every_chain_that_does_not_tell_what_was_sealed(
    documents: list[bytes], tamperings: list[tuple[str, int]], page: int
) -> None:
    chained = InMemoryChain(documents)
    was = [(each.hash, each.document) for each in chained.sealed_entries()]
    kept = ChainHead(position=COUNT, hash=was[-1][0], installation="here")
    for each in tamperings:
        chained.tamper(*each)
    now = [(each.hash, each.document) for each in chained.sealed_entries()]

    head, broken = chained.walk(kept, page)

    assert (broken is None) == (
        now[:COUNT] == was and len(chained.links) >= COUNT and min(chained.links) == 1
    )
    if broken is not None:
        same = next(
            (at for at, (a, b) in enumerate(zip(now, was, strict=False)) if a != b), min(len(now), COUNT)
        )
        assert broken.position is not None
        assert head.position <= COUNT
        if broken.flaw not in {Violation.REWRITTEN, Violation.LINK_MISSING, Violation.TRUNCATED}:
            assert broken.position == head.position + 1
            assert same <= head.position or broken.position == same + 1


@given(LOGS, st.integers(1, COUNT))
def test_a_chain_that_nobody_touched_holds(documents: list[bytes], page: int) -> None:
    chained = InMemoryChain(documents)
    last = chained.links[COUNT]
    head, broken = chained.walk(None, page)
    assert (head, broken) == (ChainHead(position=COUNT, hash=last.hash, installation="here"), None)


@given(LOGS, NUMBERS, st.integers(1, COUNT))
def test_one_edited_entry_is_never_taken_for_a_swapped_one(
    documents: list[bytes], seq: int, page: int
) -> None:
    chained = InMemoryChain(documents)
    chained.tamper("edit", seq, b'{"never":"sealed"}')
    _, broken = chained.walk(None, page)
    assert broken is not None
    assert (broken.seq, broken.flaw) == (seq, Violation.EDITED if seq < COUNT else Violation.CHANGED)


@pytest.mark.parametrize("following", [("remove", 3), ("edit", 3, b'{"y":9}')])
def test_where_the_next_entry_is_wrong_too_it_may_be_entry_or_link_that_was_changed(
    following: tuple[str, int],
) -> None:
    chained = InMemoryChain([b"{}"] * COUNT)
    chained.tamper("edit", 2, b'{"x":9}')
    chained.tamper(*following)
    _, broken = chained.walk(None, COUNT)
    assert broken is not None
    assert (broken.seq, broken.flaw) == (2, Violation.CHANGED)
