"""Audit log: list, verify and export it, and show the timeline of one dataset."""

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
    """Listed entry. `entry` is None when it cannot be decoded, `position` is None until it is sealed."""

    seq: int
    position: int | None
    entry: AuditEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    """Verification: how far the chain is intact, the first break, and how many entries it does not cover yet.

    `unsealed` entries have no link yet, the oldest since `unsealed_since`. `exported` is the last head that this
    installation exported, as `{position, hash, at}`.
    """

    head: ChainHead
    broken: ChainBreak | None
    unsealed: int
    unsealed_since: datetime | None
    exported: dict[str, Any] | None


class AuditLog:
    """Audit log: reads the entries and their hash chain."""

    def __init__(self, store: Store, clock: Clock, sealer: AuditSealer) -> None:
        """Read this store; an export seals all entries first."""
        self._store = store
        self._clock = clock
        self._sealer = sealer

    async def list(self, query: AuditQuery, principal: Principal) -> list[AuditLogItem]:
        """The newest entries, at most `query.limit`, of the clients that the caller may access."""
        items: list[AuditLogItem] = []
        visible = replace(query, clients=principal.clients)
        async for page in self._iterate_entries(visible):
            items += [_decode_entry(each) for each in page]
            if len(items) >= query.limit:
                break
        return items[: query.limit]

    async def verify(self, anchor: ChainHead | None = None) -> AuditVerification:
        """Verify the whole chain, in bounded memory; with an `anchor`, that it leads through that earlier head."""
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
        """Seal all entries, write every page of the chain, and return its head, to be stored elsewhere.

        Raises ForbiddenError for a caller who may not access every client, StoreFailedError when the chain is broken.
        """
        if principal.clients is not None:
            raise ForbiddenError(
                "An export holds the entries of every client, and this caller may access only some.",
                suggested_action="Ask a person who may access every client to export it.",
            )
        await self._sealer.seal()
        head, broken = await verify_chain(self._iterate_links, await self._load_genesis_head(), passing=write)
        if broken is not None:
            raise StoreFailedError(
                f"The audit chain is broken, so there is no head to export. {broken.what}",
                recovery=Recovery.NEEDS_HUMAN,
                suggested_action="Run `dataset-lifecycle audit verify`, and compare with an earlier export.",
            )
        head = replace(head, exported_at=self._clock.now())
        exported = {"position": head.position, "hash": head.hash, "at": format_timestamp(head.exported_at)}
        # This write waits for the disk, and so for all links before it: an exported head is never ahead of its chain.
        await self._store.transact(lambda uow: uow.settings.put(_EXPORTED_HEAD, exported))
        return head

    async def explain(self, dataset_id: str, principal: Principal) -> Sequence[TimelineEntry]:
        """The timeline of a dataset, oldest entry first. Raises UnknownDatasetError when it never existed."""
        # A call about a dataset that never existed has an entry too; only a dataset that existed has events.
        timeline, exists = TimelineBuilder(), False
        async for page in self._iterate_entries(
            AuditQuery(dataset_id=dataset_id, clients=principal.clients, limit=_PAGE)
        ):
            for each in map(_decode_entry, page):
                timeline.prepend(each.seq, each.entry)
                exists = exists or (each.entry is not None and each.entry.event is not None)
        if not exists:
            await self._store.read(partial(find_dataset, dataset_id=dataset_id, principal=principal))
        return timeline.build()

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


def _decode_entry(stored: StoredEntry) -> AuditLogItem:
    entry = None
    with suppress(msgspec.MsgspecError):
        entry = parse_entry(stored.document)
    return AuditLogItem(seq=stored.seq, position=stored.position, entry=entry)


def _recorded_at(document: bytes | None) -> datetime | None:
    if document is not None:
        with suppress(msgspec.MsgspecError):
            return parse_entry(document).at
    return None


def _find_inserted_entry(uow: UnitOfWork) -> ChainBreak | None:
    seq = uow.audit.first_passed_over()
    if seq is None:
        return None
    what = f"Entry {seq} has no link, although later entries are sealed: it was inserted afterwards."
    return ChainBreak(flaw=Violation.INSERTED, position=None, seq=seq, what=what)
