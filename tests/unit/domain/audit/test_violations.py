"""What is said of each way to break a chain: where, and what, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import pytest

from domain.audit.hash_chain import ChainHead, chain_links, genesis_hash, load_chain_head
from domain.audit.verification import ChainBreak, Violation, verify_chain
from domain.ports import ChainLink, SealedEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from domain.ports import AuditRepository

START = ChainHead(position=0, hash=genesis_hash("here"), installation="here")
DOCUMENTS = (b"one", b"two", b"three", b"four")
CHAIN = [
    SealedEntry(each.position, each.seq, each.hash, document)
    for each, document in zip(
        chain_links(START, [(10 * n, document) for n, document in enumerate(DOCUMENTS, 1)]),
        DOCUMENTS,
        strict=True,
    )
]
ONE, TWO, THREE, FOUR = CHAIN
END = ChainHead(position=4, hash=FOUR.hash, installation="here")


async def walk(
    chain: Sequence[SealedEntry], anchor: ChainHead | None = None
) -> tuple[ChainHead, ChainBreak | None]:
    """Follow a chain in pages of two."""

    async def pages(after: int) -> AsyncIterator[Sequence[SealedEntry]]:
        rest = [each for each in chain if each.position > after]
        for start in range(0, len(rest), 2):
            yield rest[start : start + 2]

    return await verify_chain(pages, START, anchor)


@dataclass
class Log:
    """The end of a chain."""

    end: ChainLink | None

    def chain_head(self) -> ChainLink | None:
        return self.end


async def test_every_page_that_holds_is_handed_on_as_it_came() -> None:
    handed: list[Sequence[SealedEntry]] = []

    async def pages(after: int) -> AsyncIterator[Sequence[SealedEntry]]:
        yield CHAIN[:2]
        yield CHAIN[2:]

    assert await verify_chain(pages, START, passing=handed.append) == (END, None)
    assert handed == [CHAIN[:2], CHAIN[2:]]


async def test_a_chain_without_a_link_is_whole_when_no_head_was_kept() -> None:
    assert await walk([]) == (START, None)


def test_a_chain_begins_with_its_installation_and_ends_with_its_last_link() -> None:
    begin = "480c108317a66d8f8c6383d466db57f0215a7de7f23e5d84172c9b220a7b3e0c"
    assert genesis_hash("here") == begin
    assert load_chain_head(cast("AuditRepository", Log(None)), "here") == ChainHead(
        position=0, hash=begin, installation="here"
    )
    assert load_chain_head(cast("AuditRepository", Log(ChainLink(4, 40, FOUR.hash))), "here") == END


@pytest.mark.parametrize(
    "anchor", [None, END, ChainHead(position=2, hash=TWO.hash), replace(END, exported_at=None)]
)
async def test_a_chain_that_nobody_touched_holds_to_its_end(anchor: ChainHead | None) -> None:
    assert await walk(CHAIN, anchor) == (END, None)


@pytest.mark.parametrize(
    ("chain", "flaw", "what"),
    [
        (
            [ONE, TWO._replace(document=b"2"), THREE, FOUR],
            Violation.EDITED,
            "Entry 20, sealed at position 2, was changed after it was sealed.",
        ),
        (
            [ONE, TWO._replace(hash="0" * 64), THREE, FOUR],
            Violation.LINK_CHANGED,
            "Entry 20, sealed at position 2, has a link whose hash was changed.",
        ),
        (
            [ONE, TWO._replace(document=b"2")],
            Violation.CHANGED,
            "Entry 20, sealed at position 2, and its link do not match: one of them was changed.",
        ),
        (
            [ONE, TWO._replace(document=None), THREE, FOUR],
            Violation.REMOVED,
            "Entry 20, sealed at position 2, was removed.",
        ),
        (
            [ONE, TWO._replace(hash=FOUR.hash), THREE, FOUR._replace(hash=TWO.hash)],
            Violation.SWAPPED,
            "Entry 20, sealed at position 2, does not have its own link, which is at position 4.",
        ),
        (
            [ONE, TWO._replace(document=b"four"), THREE, FOUR._replace(document=b"two")],
            Violation.SWAPPED,
            "Entry 20, sealed at position 2, is in the place of what is now entry 40.",
        ),
    ],
)
async def test_what_breaks_a_link_is_named_with_its_entry(
    chain: list[SealedEntry], flaw: Violation, what: str
) -> None:
    held = ChainHead(position=1, hash=ONE.hash, installation="here")
    assert await walk(chain) == (held, ChainBreak(flaw=flaw, position=2, seq=20, what=what))


async def test_a_link_that_is_missing_is_named_by_its_place() -> None:
    held = ChainHead(position=1, hash=ONE.hash, installation="here")
    what = "The link at position 2 is missing; the next link has position 3."
    assert await walk([ONE, THREE, FOUR]) == (
        held,
        ChainBreak(flaw=Violation.LINK_MISSING, position=2, seq=None, what=what),
    )


async def test_a_chain_that_ends_before_a_kept_head_says_so() -> None:
    what = "The chain ends at position 2, but the earlier head has position 4: the end was removed."
    assert await walk([ONE, TWO], END) == (
        ChainHead(position=2, hash=TWO.hash, installation="here"),
        ChainBreak(flaw=Violation.TRUNCATED, position=3, seq=None, what=what),
    )


async def test_a_chain_that_was_made_anew_says_so_where_the_kept_head_stands() -> None:
    what = "Entry 30, sealed at position 3, has another hash than the earlier head: the chain was rewritten."
    assert await walk(CHAIN, ChainHead(position=3, hash="0" * 64)) == (
        ChainHead(position=3, hash=THREE.hash, installation="here"),
        ChainBreak(flaw=Violation.REWRITTEN, position=3, seq=30, what=what),
    )


async def test_a_head_of_another_installation_says_whose_it_is() -> None:
    what = "The earlier head belongs to the installation there; this is here."
    assert await walk(CHAIN, replace(END, installation="there")) == (
        START,
        ChainBreak(flaw=Violation.FOREIGN, position=None, seq=None, what=what),
    )
