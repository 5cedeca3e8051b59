"""Entries of the audit log get their links after they are written, so that no call waits for the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.audit.hash_chain import chain_links, load_chain_head

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork

_BATCH: Final = 500
"""So many entries are sealed in one transaction: it holds up other writers for milliseconds."""


class AuditSealer:
    """Extends the chain. Several may be at work, in several processes; one transaction at a time extends it."""

    def __init__(self, store: Store) -> None:
        """Work on this store."""
        self._store = store

    async def seal(self) -> int:
        """Seal what is not sealed by now: how many entries. Opens no write transaction when there is nothing.

        What is appended meanwhile is left for the next time, so that this ends. Raises StoreFailedError; what was
        sealed until then stays sealed.
        """
        sealed, waiting = 0, await self._store.read(lambda uow: uow.audit.unsealed_tail().count)
        # A link that a power cut takes away is made again, the same: nothing is lost by not waiting for the disk.
        while sealed < waiting and (made := await self._store.transact(_seal_batch, lasting=False)):
            sealed += made
        return sealed


def _seal_batch(uow: UnitOfWork) -> int:
    uow.audit.lock_chain()
    made = list(chain_links(load_chain_head(uow.audit, uow.installation), uow.audit.list_unsealed(_BATCH)))
    uow.audit.append_links(made)
    return len(made)
