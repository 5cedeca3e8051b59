"""Sealer: adds the links of audit entries after the entries are written, so that no call waits for the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.audit.hash_chain import chain_links, load_chain_head

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork

_BATCH: Final = 500
"""Entries sealed in one transaction; it blocks other writers for milliseconds only."""


class AuditSealer:
    """Sealer: extends the hash chain. Several may run in several processes; one transaction at a time extends it."""

    def __init__(self, store: Store) -> None:
        """Seal the entries of this store."""
        self._store = store

    async def seal(self) -> int:
        """Seal the entries that are unsealed now, and return how many. Opens no write transaction when there are none.

        Entries that are appended meanwhile are left for the next call, so that this one ends. Raises StoreFailedError;
        entries that were sealed before the error stay sealed.
        """
        sealed, pending = 0, await self._store.read(lambda uow: uow.audit.unsealed_tail().count)
        # No need to wait for the disk: a link that a power cut loses is made again, identical.
        while sealed < pending and (made := await self._store.transact(_seal_batch, lasting=False)):
            sealed += made
        return sealed


def _seal_batch(uow: UnitOfWork) -> int:
    # Two sealers that read the same head would both continue it: the chain would fork.
    uow.audit.lock_chain()
    made = list(chain_links(load_chain_head(uow.audit, uow.installation), uow.audit.list_unsealed(_BATCH)))
    uow.audit.append_links(made)
    return len(made)
