"""Drain: what runs may end and nothing new is made, in every process on the store.

The drain is read in the transaction that admits, so a drain holds everywhere from the moment it is kept. Attaching,
reading and taking down are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from domain.audit import record_audit_entry
from domain.errors import DrainingError, format_timestamp
from domain.ports import Setting

if TYPE_CHECKING:
    from domain.model import Dataset, Principal
    from domain.ports import Clock, Store, UnitOfWork

_RETRY_AFTER_S: Final = 60
_POLL_INTERVAL_S: Final = 0.2


class _DrainRecord(msgspec.Struct, frozen=True):
    since: datetime
    by: str


_DRAIN: Final = Setting("drain", _DrainRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainStatus:
    """Whether new datasets are refused, since when and by whom, and the datasets that a saga works on now."""

    draining: bool
    since: datetime | None
    by: str | None
    running: tuple[Dataset, ...]


def require_not_draining(uow: UnitOfWork) -> None:
    """Whether a new provision, retry or restore may be admitted. Raises DrainingError; fit for any transaction."""
    if kept := uow.settings.get(_DRAIN):
        msg = f"Nothing new is made since {format_timestamp(kept.since)}: this installation is being drained."
        raise DrainingError(msg, retry_after_s=_RETRY_AFTER_S)


class DrainService:
    """Begins and ends a drain, and tells how far it is."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep it in that store, by that clock."""
        self._store = store
        self._clock = clock

    async def begin_drain(self, principal: Principal) -> DrainStatus:
        """Begin to drain; when that was begun already, it stays as it was."""
        record = _DrainRecord(since=self._clock.now(), by=principal.subject)

        def begin(uow: UnitOfWork) -> DrainStatus:
            if uow.settings.get(_DRAIN) is None:
                uow.settings.put(_DRAIN, record)
                record_audit_entry(uow, principal, "drain begun")
            return _load_status(uow)

        return await self._store.transact(begin)

    async def end_drain(self, principal: Principal) -> DrainStatus:
        """End the drain; when there is none, nothing changes."""

        def end(uow: UnitOfWork) -> DrainStatus:
            if (kept := uow.settings.get(_DRAIN)) is not None:
                uow.settings.put(_DRAIN, None)
                record_audit_entry(
                    uow, principal, "drain ended", since=format_timestamp(kept.since), by=kept.by
                )
            return _load_status(uow)

        return await self._store.transact(end)

    async def load_status(self) -> DrainStatus:
        """How it stands."""
        return await self._store.read(_load_status)

    async def wait_until_idle(self) -> DrainStatus:
        """How it stands once no saga works on any dataset, however long that takes; it runs none itself."""
        while (stands := await self.load_status()).running:
            await self._clock.sleep(_POLL_INTERVAL_S)
        return stands


def _load_status(uow: UnitOfWork) -> DrainStatus:
    kept = uow.settings.get(_DRAIN)
    return DrainStatus(
        draining=kept is not None,
        since=kept.since if kept else None,
        by=kept.by if kept else None,
        running=tuple(uow.datasets.list_running()),
    )
