"""What happens by itself, when, and what came of it.

Each turn has a name made of the schedule and its instant (`tick`), and runs once under that name, whoever is up. A turn
that was missed is made up for once, as soon as somebody is up again; turns before it are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from domain.ports import Clock, Json
    from domain.records import Records, Store

    Chore = Callable[[str], Awaitable[Json]]

HEALTH: Final = "health"
SCAN: Final = "orphan_scan"
SWEEP: Final = "orphan_sweep"
RETENTION: Final = "archive_retention"
REDELIVERY: Final = "event_redelivery"
PURGE: Final = "workflow_purge"

KIND: Final = "schedule"
"""The kind of saga that a turn is."""

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_FACT: Final = "schedules."
_TOO_LONG: Final = "It took longer than it may, and goes on next time."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When one schedule's turns are: every minute, or daily at a time of day in UTC; `off` for never."""

    name: str
    at: time | None = None
    off: bool = False

    @property
    def words(self) -> str:
        """The same for a person."""
        if self.off:
            return "off"
        return "every minute" if self.at is None else f"daily at {self.at:%H:%M} UTC"

    def since(self, now: datetime) -> datetime:
        """When the turn that is on now began to be due."""
        if self.at is None:
            return now.replace(second=0, microsecond=0)
        today = datetime.combine(now.date(), self.at, UTC)
        return today if today <= now else today - _DAY

    def tick(self, now: datetime) -> str:
        """The turn that is on now, by its instant: `2026-03-01T12:05`, or `2026-03-01` for a daily one."""
        since = self.since(now)
        return f"{since:%Y-%m-%dT%H:%M}" if self.at is None else f"{since:%Y-%m-%d}"

    def next(self, now: datetime) -> datetime:
        """When the turn after that is due."""
        return self.since(now) + (_MINUTE if self.at is None else _DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of a turn: `outcome` is `running`, `done`, `refused` or `failed`; `told` small counts by name.

    `error` says why it was refused or failed. One that stays `running` was left by a process that died; it is taken up.
    """

    tick: str
    began_at: datetime
    ended_at: datetime | None = None
    outcome: str = "running"
    told: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A schedule, its last turn, and when the next one is due; `next_at` None for one that is off."""

    plan: Plan
    last: Turn | None
    next_at: datetime | None


class RefusedError(Exception):
    """A turn found that it must not do what it was about to; the message says why."""


def turn_id(name: str, tick: str) -> str:
    """The id of a turn."""
    return f"{KIND}:{name}:{tick}"


def tick_of(turn: str) -> str:
    """The tick in a turn's id."""
    return turn.split(":", 2)[2]


def prefix_of(name: str) -> str:
    """What the ids of all turns of a schedule begin with."""
    return turn_id(name, "")


class Schedules:
    """The schedules and their turns, as the store knows them."""

    def __init__(self, store: Store, clock: Clock, plans: Sequence[Plan]) -> None:
        self._store = store
        self._clock = clock
        self._plans = plans

    async def list(self) -> Sequence[Scheduled]:
        """Every schedule, with its last turn and its next."""
        now = self._clock.now()

        def look(records: Records) -> list[Scheduled]:
            return [_scheduled(each, _last(records, each.name), now) for each in self._plans]

        return await self._store.read(look)

    async def due(self) -> Sequence[tuple[str, str]]:
        """Name and tick of every turn that is on and of which nothing is known yet."""
        now = self._clock.now()

        def look(records: Records) -> list[tuple[str, str]]:
            found: list[tuple[str, str]] = []
            for each in self._plans:
                last = _last(records, each.name)
                if not each.off and (last is None or last.tick != each.tick(now)):
                    found.append((each.name, each.tick(now)))
            return found

        return await self._store.read(look)

    async def turn(self, name: str, tick: str, chore: Chore) -> Turn:
        """Have a turn's work done, and keep what came of it; a failure is an outcome like any other.

        Raises what the chore raises by a bug, when that is kept, too.
        """
        began = Turn(tick=tick, began_at=self._clock.now())
        await self._store.transact(partial(_keep, name, began), lasting=False)
        try:
            told, outcome, error = await chore(tick), "done", None
        except RefusedError as refusal:
            told, outcome, error = {}, "refused", {"message": str(refusal)}
        except LifecycleError as failure:
            told, outcome, error = {}, "failed", failure.as_dict()
        except TimeoutError:
            told, outcome, error = {}, "failed", {"message": _TOO_LONG}
        except Exception as bug:
            await self._end(
                name, replace(began, outcome="failed", error={"message": f"A fault: {type(bug).__name__}."})
            )
            raise
        return await self._end(name, replace(began, outcome=outcome, told=told, error=error))

    async def _end(self, name: str, turn: Turn) -> Turn:
        ended = replace(turn, ended_at=self._clock.now())

        def end(records: Records) -> None:
            held = _last(records, name)
            if held is not None and held.tick == turn.tick:  # else a later turn has begun meanwhile
                _keep(name, ended, records)

        await self._store.transact(end, lasting=False)
        return ended


def _scheduled(plan: Plan, last: Turn | None, now: datetime) -> Scheduled:
    if plan.off:
        return Scheduled(plan=plan, last=last, next_at=None)
    waits = last is None or last.tick != plan.tick(now)
    return Scheduled(plan=plan, last=last, next_at=plan.since(now) if waits else plan.next(now))


def _last(records: Records, name: str) -> Turn | None:
    found = records.fact(f"{_FACT}{name}")
    return msgspec.convert(found, Turn) if found else None


def _keep(name: str, turn: Turn, records: Records) -> None:
    kept: Mapping[str, Any] = msgspec.to_builtins(turn)
    records.put_fact(f"{_FACT}{name}", kept)
