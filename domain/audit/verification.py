"""Whether a chain still holds what was sealed, page by page, and what is wrong where it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.audit.hash_chain import ChainHead, link_hash
from domain.ports import SealedEntry

LinkPages = Callable[[int], AsyncIterator[Sequence[SealedEntry]]]
"""Links after a position, in order."""


class Violation(StrEnum):
    """What is wrong with an entry or its link."""

    EDITED = "edited"
    REMOVED = "removed"
    SWAPPED = "swapped"
    INSERTED = "inserted"
    LINK_MISSING = "link_missing"
    LINK_CHANGED = "link_changed"
    CHANGED = "changed"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainBreak:
    """The first thing that is wrong: where, None for what has no position or no entry, and what, in a sentence."""

    flaw: Violation
    position: int | None
    seq: int | None
    what: str


async def verify_chain(
    pages: LinkPages,
    start: ChainHead,
    anchor: ChainHead | None = None,
    passing: Callable[[Sequence[SealedEntry]], object] | None = None,
) -> tuple[ChainHead, ChainBreak | None]:
    """Follow a chain from its start: how far it holds, and what breaks it.

    Args:
        pages: the links.
        start: position 0, and what stands for the hash before the first link.
        anchor: a head that was kept elsewhere, which the chain must lead through.
        passing: is handed each page that holds.
    """
    if anchor is not None and (strange := _foreign_head_break(start, anchor)):
        return start, strange
    position, held = start.position, start.hash
    kept = anchor.position if anchor else 0
    async for page in pages(position):
        for row in page:
            if row.position != position + 1:
                return _head_at(start, position, held), _missing_link_break(position, row)
            if row.document is None:
                return _head_at(start, position, held), _removed_entry_break(row)
            if link_hash(held, row.document) != row.hash:
                return _head_at(start, position, held), await _diagnose_mismatch(
                    pages, held, row, row.document
                )
            position, held = row.position, row.hash
            if position == kept and anchor and held != anchor.hash:
                return _head_at(start, position, held), _rewritten_chain_break(row)
        if passing is not None:
            passing(page)
    return _head_at(start, position, held), _truncated_chain_break(
        position, kept
    ) if position < kept else None


def _head_at(start: ChainHead, position: int, held: str) -> ChainHead:
    return replace(start, position=position, hash=held)


async def _diagnose_mismatch(pages: LinkPages, held: str, row: SealedEntry, document: bytes) -> ChainBreak:
    """Why a link does not fit its entry; every earlier one does, so what was moved can only stand behind it."""
    made, before, following = link_hash(held, document), row.hash, None
    async for page in pages(row.position):
        for each in page:
            if each.position == row.position + 1:
                following = each
            if found := _find_swap(held, made, row, before, each):
                return found
            before = each.hash
    if following is not None and following.document is not None:
        if link_hash(made, following.document) == following.hash:
            return _entry_break(
                Violation.LINK_CHANGED, row, "has another hash than the one that was made of it"
            )
        if link_hash(row.hash, following.document) == following.hash:
            return _entry_break(Violation.EDITED, row, "is not what was sealed")
    return _entry_break(Violation.CHANGED, row, "and its link do not fit: one of them was changed")


def _find_swap(held: str, made: str, row: SealedEntry, before: str, each: SealedEntry) -> ChainBreak | None:
    """What belongs to the link in `row`, when `each` has it and not what belongs there itself."""
    if each.hash == made:
        what = f"has not its own link: that stands at position {each.position}"
        return _entry_break(Violation.SWAPPED, row, what)
    if each.document is None or link_hash(before, each.document) == each.hash:
        return None
    here = link_hash(held, each.document)
    if here in {row.hash, each.hash}:
        return _entry_break(
            Violation.SWAPPED, row, f"stands where the one that is now entry {each.seq} was sealed"
        )
    return None


def _entry_break(flaw: Violation, row: SealedEntry, what: str) -> ChainBreak:
    told = f"Entry {row.seq}, sealed at position {row.position}, {what}."
    return ChainBreak(flaw=flaw, position=row.position, seq=row.seq, what=told)


def _missing_link_break(position: int, row: SealedEntry) -> ChainBreak:
    what = (
        f"The link at position {position + 1} is missing; the next that is there has position {row.position}."
    )
    return ChainBreak(flaw=Violation.LINK_MISSING, position=position + 1, seq=None, what=what)


def _removed_entry_break(row: SealedEntry) -> ChainBreak:
    return _entry_break(Violation.REMOVED, row, "is gone")


def _rewritten_chain_break(row: SealedEntry) -> ChainBreak:
    return _entry_break(
        Violation.REWRITTEN, row, "has another hash than the head that was kept: the chain was made anew"
    )


def _truncated_chain_break(position: int, kept: int) -> ChainBreak:
    what = f"The chain ends at position {position}, and the head that was kept has position {kept}: the end is gone."
    return ChainBreak(flaw=Violation.TRUNCATED, position=position + 1, seq=None, what=what)


def _foreign_head_break(start: ChainHead, anchor: ChainHead) -> ChainBreak | None:
    if anchor.installation not in {None, start.installation}:
        what = f"The head that was kept is of the installation {anchor.installation}, and this is {start.installation}."
        return ChainBreak(flaw=Violation.FOREIGN, position=None, seq=None, what=what)
    return None
