"""Whether a chain still holds what was sealed, page by page, and what is wrong where it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.audit_chain import Head, Sealed, extended

Pages = Callable[[int], AsyncIterator[Sequence[Sealed]]]
"""Links after a position, in order."""


class Flaw(StrEnum):
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
class Break:
    """The first thing that is wrong: where, None for what has no position or no entry, and what, in a sentence."""

    flaw: Flaw
    position: int | None
    seq: int | None
    what: str


async def walked(
    pages: Pages,
    start: Head,
    anchor: Head | None = None,
    passing: Callable[[Sequence[Sealed]], object] | None = None,
) -> tuple[Head, Break | None]:
    """Follow a chain from its start: how far it holds, and what breaks it.

    Args:
        pages: the links.
        start: position 0, and what stands for the hash before the first link.
        anchor: a head that was kept elsewhere, which the chain must lead through.
        passing: is handed each page that holds.
    """
    if anchor is not None and (strange := _foreign(start, anchor)):
        return start, strange
    position, held = start.position, start.hash
    kept = anchor.position if anchor else 0
    async for page in pages(position):
        for row in page:
            if row.position != position + 1:
                return _at(start, position, held), _missing(position, row)
            if row.document is None:
                return _at(start, position, held), _removed(row)
            if extended(held, row.document) != row.hash:
                return _at(start, position, held), await _misfit(pages, held, row, row.document)
            position, held = row.position, row.hash
            if position == kept and anchor and held != anchor.hash:
                return _at(start, position, held), _rewritten(row)
        if passing is not None:
            passing(page)
    return _at(start, position, held), _truncated(position, kept) if position < kept else None


def _at(start: Head, position: int, held: str) -> Head:
    return replace(start, position=position, hash=held)


async def _misfit(pages: Pages, held: str, row: Sealed, document: bytes) -> Break:
    """Why a link does not fit its entry; every earlier one does, so what was moved can only stand behind it."""
    made, before, following = extended(held, document), row.hash, None
    async for page in pages(row.position):
        for each in page:
            if each.position == row.position + 1:
                following = each
            if found := _moved(held, made, row, before, each):
                return found
            before = each.hash
    if following is not None and following.document is not None:
        if extended(made, following.document) == following.hash:
            return _broken(Flaw.LINK_CHANGED, row, "has another hash than the one that was made of it")
        if extended(row.hash, following.document) == following.hash:
            return _broken(Flaw.EDITED, row, "is not what was sealed")
    return _broken(Flaw.CHANGED, row, "and its link do not fit: one of them was changed")


def _moved(held: str, made: str, row: Sealed, before: str, each: Sealed) -> Break | None:
    """What belongs to the link in `row`, when `each` has it and not what belongs there itself."""
    if each.hash == made:
        what = f"has not its own link: that stands at position {each.position}"
        return _broken(Flaw.SWAPPED, row, what)
    if each.document is None or extended(before, each.document) == each.hash:
        return None
    here = extended(held, each.document)
    if here in {row.hash, each.hash}:
        return _broken(Flaw.SWAPPED, row, f"stands where the one that is now entry {each.seq} was sealed")
    return None


def _broken(flaw: Flaw, row: Sealed, what: str) -> Break:
    told = f"Entry {row.seq}, sealed at position {row.position}, {what}."
    return Break(flaw=flaw, position=row.position, seq=row.seq, what=told)


def _missing(position: int, row: Sealed) -> Break:
    what = (
        f"The link at position {position + 1} is missing; the next that is there has position {row.position}."
    )
    return Break(flaw=Flaw.LINK_MISSING, position=position + 1, seq=None, what=what)


def _removed(row: Sealed) -> Break:
    return _broken(Flaw.REMOVED, row, "is gone")


def _rewritten(row: Sealed) -> Break:
    return _broken(
        Flaw.REWRITTEN, row, "has another hash than the head that was kept: the chain was made anew"
    )


def _truncated(position: int, kept: int) -> Break:
    what = f"The chain ends at position {position}, and the head that was kept has position {kept}: the end is gone."
    return Break(flaw=Flaw.TRUNCATED, position=position + 1, seq=None, what=what)


def _foreign(start: Head, anchor: Head) -> Break | None:
    if anchor.installation not in {None, start.installation}:
        what = f"The head that was kept is of the installation {anchor.installation}, and this is {start.installation}."
        return Break(flaw=Flaw.FOREIGN, position=None, seq=None, what=what)
    return None
