"""The audit log as people use it: listed, verified, exported, and told as the life of one dataset."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.audit.entry import AuditEntry, parse_entry
from domain.audit.hash_chain import ChainHead, genesis_hash
from domain.audit.timeline import TimelineBuilder, TimelineEntry
from domain.audit.verification import ChainBreak, Violation, verify_chain
from domain.errors import ForbiddenError, Recovery, StoreFailedError, format_timestamp
from domain.policy import find_dataset
from domain.ports import AuditQuery, Setting, iterate_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from domain.audit.sealer import AuditSealer
    from domain.model import Principal
    from domain.ports import Clock, SealedEntry, Store, StoredEntry, UnitOfWork

_PAGE: Final = 1000
_EXPORTED_HEAD: Final = Setting("audit_exported", dict[str, Any], absent_if_unreadable=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLogItem:
    """An entry as it is listed. `entry` is None when it cannot be understood, `position` while it is not sealed."""

    seq: int
    position: int | None
    entry: AuditEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    """How far the chain holds, what breaks it, and what it says nothing of.

    `unsealed` entries have no link yet, the oldest since `unsealed_since`. `exported` is the last head that was
    exported from here, as `{position, hash, at}`.
    """

    head: ChainHead
    broken: ChainBreak | None
    unsealed: int
    unsealed_since: datetime | None
    exported: dict[str, Any] | None


class AuditLog:
    """Reads the audit log, and the chain beside it."""

    def __init__(self, store: Store, clock: Clock, sealer: AuditSealer) -> None:
        """Read this store; what is exported is sealed before."""
        self._store = store
        self._clock = clock
        self._sealer = sealer

    async def list(self, query: AuditQuery, principal: Principal) -> list[AuditLogItem]:
        """The newest entries, at most `query.limit`, of the clients that the caller may touch."""
        found: list[AuditLogItem] = []
        rest = replace(query, clients=principal.clients)
        async for page in self._iterate_entries(rest):
            found += [_decode_entry(each) for each in page]
            if len(found) >= query.limit:
                break
        return found[: query.limit]

    async def verify(self, anchor: ChainHead | None = None) -> AuditVerification:
        """Follow the whole chain, in bounded memory; through a head that was kept elsewhere when one is given."""
        start = await self._load_genesis_head()
        head, broken = await verify_chain(self._iterate_links, start, anchor)

        def load(uow: UnitOfWork) -> AuditVerification:
            tail = uow.audit.unsealed_tail()
            return AuditVerification(
                head=head,
                broken=broken or _find_inserted_entry(uow),
                unsealed=tail.count,
                unsealed_since=_recorded_at(tail.oldest),
                exported=uow.settings.get(_EXPORTED_HEAD),
            )

        return await self._store.read(load)

    async def export(
        self, principal: Principal, write: Callable[[Sequence[SealedEntry]], object]
    ) -> ChainHead:
        """Seal what is not sealed, hand over every page of the chain, and tell its head, to be kept elsewhere.

        Raises ForbiddenError for a caller confined to some clients, StoreFailedError for a chain that is broken.
        """
        if principal.clients is not None:
            raise ForbiddenError(
                "An export holds the entries of every client, and this caller may touch only some.",
                suggested_action="Have somebody export it who may touch every client.",
            )
        await self._sealer.seal()
        head, broken = await verify_chain(self._iterate_links, await self._load_genesis_head(), passing=write)
        if broken is not None:
            raise StoreFailedError(
                f"The audit chain is broken, so there is no head to export. {broken.what}",
                recovery=Recovery.NEEDS_HUMAN,
                suggested_action="See `dataset-lifecycle audit verify`, and compare with an earlier export.",
            )
        head = replace(head, exported_at=self._clock.now())
        told = {"position": head.position, "hash": head.hash, "at": format_timestamp(head.exported_at)}
        # This waits for the disk, and with it for all links before: a head that is kept is never ahead of its chain.
        await self._store.transact(lambda uow: uow.settings.put(_EXPORTED_HEAD, told))
        return head

    async def explain(self, dataset_id: str, principal: Principal) -> Sequence[TimelineEntry]:
        """The life of a dataset, oldest first. Raises UnknownDatasetError for one that never was."""
        # Anybody may ask for a dataset that never was, and that is on record; only one that was has events.
        teller, known = TimelineBuilder(), False
        async for page in self._iterate_entries(
            AuditQuery(dataset_id=dataset_id, clients=principal.clients, limit=_PAGE)
        ):
            for each in map(_decode_entry, page):
                teller.prepend(each.seq, each.entry)
                known = known or (each.entry is not None and each.entry.event is not None)
        if not known:
            await self._store.read(partial(find_dataset, dataset_id=dataset_id, principal=principal))
        return teller.build()

    async def _load_genesis_head(self) -> ChainHead:
        installation = await self._store.read(lambda uow: uow.installation)
        return ChainHead(position=0, hash=genesis_hash(installation), installation=installation)

    def _iterate_links(self, after: int) -> AsyncIterator[Sequence[SealedEntry]]:
        return iterate_pages(
            lambda position: self._store.read(
                lambda uow: uow.audit.list_sealed(after=position or 0, limit=_PAGE)
            ),
            lambda last: last.position,
            after,
        )

    def _iterate_entries(self, query: AuditQuery) -> AsyncIterator[Sequence[StoredEntry]]:
        return iterate_pages(
            lambda before: self._store.read(lambda uow: uow.audit.find(replace(query, before=before))),
            lambda last: last.seq,
            query.before,
        )


def _decode_entry(recorded: StoredEntry) -> AuditLogItem:
    entry = None
    with suppress(msgspec.MsgspecError):
        entry = parse_entry(recorded.document)
    return AuditLogItem(seq=recorded.seq, position=recorded.position, entry=entry)


def _recorded_at(document: bytes | None) -> datetime | None:
    if document is not None:
        with suppress(msgspec.MsgspecError):
            return parse_entry(document).at
    return None


def _find_inserted_entry(uow: UnitOfWork) -> ChainBreak | None:
    seq = uow.audit.first_passed_over()
    if seq is None:
        return None
    what = f"Entry {seq} was never sealed, though later ones are: it was put in behind the sealer's back."
    return ChainBreak(flaw=Violation.INSERTED, position=None, seq=seq, what=what)
