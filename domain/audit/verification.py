"""Verification of the hash chain, page by page, with a diagnosis of the first break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.audit.hash_chain import ChainHead, link_hash
from domain.ports import SealedEntry

LinkPages = Callable[[int], AsyncIterator[Sequence[SealedEntry]]]
"""Reads the links after a position, in order."""


class Violation(StrEnum):
    """Violation: what is wrong with an entry or its link."""

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
    """Chain break: the first violation, its position and entry (None without one), and a sentence about it."""

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
    """Verify a chain from its start; return the head up to which it is intact, and the first break.

    Args:
        pages: reads the links.
        start: position 0, with the genesis hash.
        anchor: an earlier head that was stored elsewhere; the chain must lead through it.
        passing: called with each page that is intact.
    """
    if anchor is not None and (foreign := _foreign_head_break(start, anchor)):
        return start, foreign
    position, current = start.position, start.hash
    anchored = anchor.position if anchor else 0
    async for page in pages(position):
        for row in page:
            if row.position != position + 1:
                return _head_at(start, position, current), _missing_link_break(position, row)
            if row.document is None:
                return _head_at(start, position, current), _removed_entry_break(row)
            if link_hash(current, row.document) != row.hash:
                return _head_at(start, position, current), await _diagnose_mismatch(
                    pages, current, row, row.document
                )
            position, current = row.position, row.hash
            if position == anchored and anchor and current != anchor.hash:
                return _head_at(start, position, current), _rewritten_chain_break(row)
        if passing is not None:
            passing(page)
    return _head_at(start, position, current), _truncated_chain_break(
        position, anchored
    ) if position < anchored else None


def _head_at(start: ChainHead, position: int, current: str) -> ChainHead:
    return replace(start, position=position, hash=current)


async def _diagnose_mismatch(
    pages: LinkPages, previous: str, row: SealedEntry, document: bytes
) -> ChainBreak:
    """Find out why a link does not match its entry. All earlier links match, so a moved entry can only be later."""
    expected, before, following = link_hash(previous, document), row.hash, None
    async for page in pages(row.position):
        for each in page:
            if each.position == row.position + 1:
                following = each
            if swap := _find_swap(previous, expected, row, before, each):
                return swap
            before = each.hash
    if following is not None and following.document is not None:
        if link_hash(expected, following.document) == following.hash:
            return _entry_break(Violation.LINK_CHANGED, row, "has a link whose hash was changed")
        if link_hash(row.hash, following.document) == following.hash:
            return _entry_break(Violation.EDITED, row, "was changed after it was sealed")
    return _entry_break(Violation.CHANGED, row, "and its link do not match: one of them was changed")


def _find_swap(
    previous: str, expected: str, row: SealedEntry, before: str, each: SealedEntry
) -> ChainBreak | None:
    """The break when `each` has the hash or the document that belongs to the link in `row`; None when it has not."""
    if each.hash == expected:
        what = f"does not have its own link, which is at position {each.position}"
        return _entry_break(Violation.SWAPPED, row, what)
    if each.document is None or link_hash(before, each.document) == each.hash:
        return None
    moved_here = link_hash(previous, each.document)
    if moved_here in {row.hash, each.hash}:
        return _entry_break(Violation.SWAPPED, row, f"is in the place of what is now entry {each.seq}")
    return None


def _entry_break(flaw: Violation, row: SealedEntry, what: str) -> ChainBreak:
    sentence = f"Entry {row.seq}, sealed at position {row.position}, {what}."
    return ChainBreak(flaw=flaw, position=row.position, seq=row.seq, what=sentence)


def _missing_link_break(position: int, row: SealedEntry) -> ChainBreak:
    what = f"The link at position {position + 1} is missing; the next link has position {row.position}."
    return ChainBreak(flaw=Violation.LINK_MISSING, position=position + 1, seq=None, what=what)


def _removed_entry_break(row: SealedEntry) -> ChainBreak:
    return _entry_break(Violation.REMOVED, row, "was removed")


def _rewritten_chain_break(row: SealedEntry) -> ChainBreak:
    return _entry_break(
        Violation.REWRITTEN, row, "has another hash than the earlier head: the chain was rewritten"
    )


def _truncated_chain_break(position: int, anchored: int) -> ChainBreak:
    what = f"The chain ends at position {position}, but the earlier head has position {anchored}: the end was removed."
    return ChainBreak(flaw=Violation.TRUNCATED, position=position + 1, seq=None, what=what)


def _foreign_head_break(start: ChainHead, anchor: ChainHead) -> ChainBreak | None:
    if anchor.installation not in {None, start.installation}:
        what = f"The earlier head belongs to the installation {anchor.installation}; this is {start.installation}."
        return ChainBreak(flaw=Violation.FOREIGN, position=None, seq=None, what=what)
    return None
