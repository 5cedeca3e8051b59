"""Drain: running work may finish and new work is refused, in every process of the store.

The transaction that admits a dataset reads the drain, so it applies everywhere from the moment it is stored. Attaching,
reading and teardowns are not affected.
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
    """Drain status: whether new work is refused, since when and by whom, and the datasets with running sagas."""

    draining: bool
    since: datetime | None
    by: str | None
    running: tuple[Dataset, ...]


def require_not_draining(uow: UnitOfWork) -> None:
    """Require that a new provision, retry or restore may be admitted. Raises DrainingError."""
    if record := uow.settings.get(_DRAIN):
        msg = (
            f"New work is refused since {format_timestamp(record.since)}: this installation is being drained."
        )
        raise DrainingError(msg, retry_after_s=_RETRY_AFTER_S)


class DrainService:
    """Drain service: begins and ends a drain, and reports its status."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Store the drain in that store, by that clock."""
        self._store = store
        self._clock = clock

    async def begin_drain(self, principal: Principal) -> DrainStatus:
        """Begin the drain; do nothing when it was begun before."""
        record = _DrainRecord(since=self._clock.now(), by=principal.subject)

        def begin(uow: UnitOfWork) -> DrainStatus:
            if uow.settings.get(_DRAIN) is None:
                uow.settings.put(_DRAIN, record)
                record_audit_entry(uow, principal, "drain begun")
            return _load_status(uow)

        return await self._store.transact(begin)

    async def end_drain(self, principal: Principal) -> DrainStatus:
        """End the drain; do nothing when there is none."""

        def end(uow: UnitOfWork) -> DrainStatus:
            if (record := uow.settings.get(_DRAIN)) is not None:
                uow.settings.put(_DRAIN, None)
                record_audit_entry(
                    uow, principal, "drain ended", since=format_timestamp(record.since), by=record.by
                )
            return _load_status(uow)

        return await self._store.transact(end)

    async def load_status(self) -> DrainStatus:
        """Load the current status."""
        return await self._store.read(_load_status)

    async def wait_until_idle(self) -> DrainStatus:
        """Wait until no saga works on any dataset, without a deadline, and return the status. Runs no saga itself."""
        while (status := await self.load_status()).running:
            await self._clock.sleep(_POLL_INTERVAL_S)
        return status


def _load_status(uow: UnitOfWork) -> DrainStatus:
    record = uow.settings.get(_DRAIN)
    return DrainStatus(
        draining=record is not None,
        since=record.since if record else None,
        by=record.by if record else None,
        running=tuple(uow.datasets.list_running()),
    )
