"""Drain: what runs may end and nothing new is made, in every process on the store.

The fact is read in the transaction that admits, so a drain holds everywhere from the moment it is kept. Attaching,
reading and taking down are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from domain.audit import note
from domain.errors import DrainingError, instant

if TYPE_CHECKING:
    from domain.callers import Caller
    from domain.model import Dataset
    from domain.ports import Clock
    from domain.records import Records, Store

_FACT: Final = "drain"
_RETRY_AFTER_S: Final = 60
_GLANCE_S: Final = 0.2


class _Kept(msgspec.Struct, frozen=True):
    since: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Whether new datasets are refused, since when and by whom, and the datasets that a saga works on now."""

    draining: bool
    since: datetime | None
    by: str | None
    running: tuple[Dataset, ...]


def refuse_new(records: Records) -> None:
    """Whether a new provision, retry or restore may be admitted. Raises DrainingError; fit for any transaction."""
    if kept := _kept(records):
        msg = f"Nothing new is made since {instant(kept.since)}: this installation is being drained."
        raise DrainingError(msg, retry_after_s=_RETRY_AFTER_S)


class Draining:
    """Begins and ends a drain, and tells how far it is."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep it in that store, by that clock."""
        self._store = store
        self._clock = clock

    async def on(self, caller: Caller) -> Drain:
        """Begin to drain; when that was begun already, it stays as it was."""
        fact = msgspec.to_builtins(_Kept(since=self._clock.now(), by=caller.subject))

        def begin(records: Records) -> Drain:
            if _kept(records) is None:
                records.put_fact(_FACT, fact)
                note(records, caller, "drain begun")
            return _stands(records)

        return await self._store.transact(begin)

    async def off(self, caller: Caller) -> Drain:
        """End the drain; when there is none, nothing changes."""

        def end(records: Records) -> Drain:
            if (kept := _kept(records)) is not None:
                records.put_fact(_FACT, None)
                note(records, caller, "drain ended", since=instant(kept.since), by=kept.by)
            return _stands(records)

        return await self._store.transact(end)

    async def status(self) -> Drain:
        """How it stands."""
        return await self._store.read(_stands)

    async def settled(self) -> Drain:
        """How it stands once no saga works on any dataset, however long that takes; it runs none itself."""
        while (stands := await self.status()).running:
            await self._clock.sleep(_GLANCE_S)
        return stands


def _kept(records: Records) -> _Kept | None:
    found = records.fact(_FACT)
    return None if found is None else msgspec.convert(found, _Kept)


def _stands(records: Records) -> Drain:
    kept = _kept(records)
    return Drain(
        draining=kept is not None,
        since=kept.since if kept else None,
        by=kept.by if kept else None,
        running=tuple(records.running()),
    )
