"""The audit log as people use it: listed, verified, exported, and told as the life of one dataset."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.audit import Entry, parsed
from domain.audit_chain import AuditQuery, Head, genesis
from domain.audit_story import Chapter, Teller
from domain.audit_verifying import Break, Flaw, walked
from domain.errors import ForbiddenError, Recovery, StoreFailedError, instant
from domain.running import known_dataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from domain.audit_chain import Recorded, Sealed
    from domain.callers import Caller
    from domain.ports import Clock
    from domain.records import Records, Store
    from domain.sealing import Sealer

_PAGE: Final = 1000
_EXPORTED: Final = "audit_exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An entry as it is listed. `entry` is None when it cannot be understood, `position` while it is not sealed."""

    seq: int
    position: int | None
    entry: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How far the chain holds, what breaks it, and what it says nothing of.

    `unsealed` entries have no link yet, the oldest since `unsealed_since`. `exported` is the last head that was
    exported from here, as `{position, hash, at}`.
    """

    head: Head
    broken: Break | None
    unsealed: int
    unsealed_since: datetime | None
    exported: dict[str, Any] | None


class AuditLog:
    """Reads the audit log, and the chain beside it."""

    def __init__(self, store: Store, clock: Clock, sealer: Sealer) -> None:
        """Read this store; what is exported is sealed before."""
        self._store = store
        self._clock = clock
        self._sealer = sealer

    async def list(self, query: AuditQuery, caller: Caller) -> list[Listed]:
        """The newest entries, at most `query.limit`, of the clients that the caller may touch."""
        found: list[Listed] = []
        rest = replace(query, clients=caller.clients)
        async for page in self._entries(rest):
            found += [_listed(each) for each in page]
            if len(found) >= query.limit:
                break
        return found[: query.limit]

    async def verify(self, anchor: Head | None = None) -> Verified:
        """Follow the whole chain, in bounded memory; through a head that was kept elsewhere when one is given."""
        start = await self._start()
        head, broken = await walked(self._links, start, anchor)

        def look(records: Records) -> Verified:
            tail = records.tail()
            told = records.fact(_EXPORTED)
            return Verified(
                head=head,
                broken=broken or _passed_over(records),
                unsealed=tail.count,
                unsealed_since=_since(tail.oldest),
                exported=told if isinstance(told, dict) else None,
            )

        return await self._store.read(look)

    async def export(self, caller: Caller, write: Callable[[Sequence[Sealed]], object]) -> Head:
        """Seal what is not sealed, hand over every page of the chain, and tell its head, to be kept elsewhere.

        Raises ForbiddenError for a caller confined to some clients, StoreFailedError for a chain that is broken.
        """
        if caller.clients is not None:
            raise ForbiddenError(
                "An export holds the entries of every client, and this caller may touch only some.",
                suggested_action="Have somebody export it who may touch every client.",
            )
        await self._sealer.seal()
        head, broken = await walked(self._links, await self._start(), passing=write)
        if broken is not None:
            raise StoreFailedError(
                f"The audit chain is broken, so there is no head to export. {broken.what}",
                recovery=Recovery.NEEDS_HUMAN,
                suggested_action="See `dataset-lifecycle audit verify`, and compare with an earlier export.",
            )
        head = replace(head, exported_at=self._clock.now())
        told = {"position": head.position, "hash": head.hash, "at": instant(head.exported_at)}
        # This waits for the disk, and with it for all links before: a head that is kept is never ahead of its chain.
        await self._store.transact(lambda records: records.put_fact(_EXPORTED, told))
        return head

    async def explain(self, dataset_id: str, caller: Caller) -> Sequence[Chapter]:
        """The life of a dataset, oldest first. Raises UnknownDatasetError for one that never was."""
        # Anybody may ask for a dataset that never was, and that is on record; only one that was has events.
        teller, known = Teller(), False
        async for page in self._entries(
            AuditQuery(dataset_id=dataset_id, clients=caller.clients, limit=_PAGE)
        ):
            for each in map(_listed, page):
                teller.before(each.seq, each.entry)
                known = known or (each.entry is not None and each.entry.event is not None)
        if not known:
            await self._store.read(partial(known_dataset, dataset_id=dataset_id, caller=caller))
        return teller.told()

    async def _start(self) -> Head:
        installation = await self._store.read(lambda records: records.installation)
        return Head(position=0, hash=genesis(installation), installation=installation)

    async def _links(self, after: int) -> AsyncIterator[Sequence[Sealed]]:
        while page := await self._store.read(partial(_chain, after=after)):
            yield page
            after = page[-1].position

    async def _entries(self, query: AuditQuery) -> AsyncIterator[Sequence[Recorded]]:
        while page := await self._store.read(partial(_recorded, query=query)):
            yield page
            query = replace(query, before=page[-1].seq)


def _chain(records: Records, *, after: int) -> Sequence[Sealed]:
    return records.chain(after=after, limit=_PAGE)


def _recorded(records: Records, *, query: AuditQuery) -> Sequence[Recorded]:
    return records.entries(query)


def _listed(recorded: Recorded) -> Listed:
    entry = None
    with suppress(msgspec.MsgspecError):
        entry = parsed(recorded.document)
    return Listed(seq=recorded.seq, position=recorded.position, entry=entry)


def _since(document: bytes | None) -> datetime | None:
    if document is not None:
        with suppress(msgspec.MsgspecError):
            return parsed(document).at
    return None


def _passed_over(records: Records) -> Break | None:
    seq = records.passed_over()
    if seq is None:
        return None
    what = f"Entry {seq} was never sealed, though later ones are: it was put in behind the sealer's back."
    return Break(flaw=Flaw.INSERTED, position=None, seq=seq, what=what)
