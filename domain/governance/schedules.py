"""What happens by itself, when, and what came of it.

Each turn has a name made of the schedule and its instant (`tick`), and runs once under that name, whoever is up. A turn
that was missed is made up for once, as soon as somebody is up again; turns before it are not.

Which instants were had is kept by their number and not by their age, so that a clock that runs ahead makes nobody
forget them. The turns after a clock was seen to go back have a round of their own in their names: `2026-03-01~1`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from zlib import crc32

from domain.errors import LifecycleError, StoreUnavailableError
from domain.ports import Setting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.ports import Clock, Json, Store, UnitOfWork

ScheduledJob: TypeAlias = "Callable[[str], Awaitable[Json]]"
HEALTH_SCHEDULE: Final = "health"
ORPHAN_SCAN_SCHEDULE: Final = "orphan_scan"
ORPHAN_SWEEP_SCHEDULE: Final = "orphan_sweep"
RETENTION_SCHEDULE: Final = "archive_retention"
REDELIVERY_SCHEDULE: Final = "event_redelivery"
WORKFLOW_PURGE_SCHEDULE: Final = "workflow_purge"

SCHEDULED_RUN_KIND: Final = "schedule"
"""The kind of saga that a turn is."""

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_ROUND: Final = "~"
_DAYS_HAD: Final = 64
_MINUTES_HAD: Final = 4
"""Few: a clock that is put back must not leave connectors unwatched for the minutes that it repeats."""
_TOO_LONG: Final = "It took longer than it may, and goes on next time."


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When one schedule's turns are: every minute, or daily at a time of day in UTC; `off` for never.

    `offset` is where in the minute the turns of every minute begin.
    """

    name: str
    at: time | None = None
    off: bool = False
    offset: timedelta = timedelta()

    @property
    def description(self) -> str:
        """The same for a person."""
        if self.off:
            return "off"
        return "every minute" if self.at is None else f"daily at {self.at:%H:%M} UTC"

    @property
    def period(self) -> timedelta:
        """From one turn to the next."""
        return _MINUTE if self.at is None else _DAY

    def offset_for(self, installation: str) -> Schedule:
        """The same at that installation's own second, so that many of them do not ask one Glean all at once."""
        if self.at is not None:
            return self
        return replace(self, offset=timedelta(seconds=crc32(installation.encode()) % 60))

    def due_since(self, now: datetime) -> datetime:
        """When the turn that is on now began to be due."""
        if self.at is None:
            return (now - self.offset).replace(second=0, microsecond=0) + self.offset
        today = datetime.combine(now.date(), self.at, UTC)
        return today if today <= now else today - _DAY

    def tick(self, now: datetime) -> str:
        """The turn that is on now, by its instant: `2026-03-01T12:05`, or `2026-03-01` for a daily one."""
        since = self.due_since(now)
        return f"{since:%Y-%m-%dT%H:%M}" if self.at is None else f"{since:%Y-%m-%d}"

    def next_due(self, now: datetime) -> datetime:
        """When the turn after that is due."""
        return self.due_since(now) + self.period


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
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
class ScheduleStatus:
    """A schedule, its last turn, and when the next one is due; `next_at` None for one that is off."""

    plan: Schedule
    last: ScheduledRun | None
    next_at: datetime | None


class RunRefusedError(Exception):
    """A turn found that it must not do what it was about to; the message says why."""


def scheduled_run_id(name: str, tick: str) -> str:
    """The id of a turn."""
    return f"{SCHEDULED_RUN_KIND}:{name}:{tick}"


def tick_from_run_id(turn: str) -> str:
    """The tick in a turn's id."""
    return turn.split(":", 2)[2]


def run_id_prefix(name: str) -> str:
    """What the ids of all turns of a schedule begin with."""
    return scheduled_run_id(name, "")


class ScheduleService:
    """The schedules and their turns, as the store knows them."""

    def __init__(self, store: Store, clock: Clock, plans: Sequence[Schedule]) -> None:
        self._store = store
        self._clock = clock
        self._plans = plans

    async def list(self) -> Sequence[ScheduleStatus]:
        """Every schedule, with its last turn and its next."""
        now = self._clock.now()

        def load_statuses(uow: UnitOfWork) -> list[ScheduleStatus]:
            return [_schedule_status(each, uow, now) for each in self._installation_schedules(uow)]

        return await self._store.read(load_statuses)

    async def list_due(self) -> Sequence[tuple[str, str]]:
        """Name and tick of every turn that is on and of which nothing is known yet."""
        now = self._clock.now()

        def load_due(uow: UnitOfWork) -> list[tuple[str, str]]:
            on = (
                (each.name, _current_tick(each, _load_ledger(uow, each.name), now))
                for each in self._installation_schedules(uow)
            )
            return [(name, tick) for name, tick in on if tick is not None]

        return await self._store.read(load_due)

    async def run_job(self, name: str, tick: str, chore: ScheduledJob) -> ScheduledRun | None:
        """Have a turn's work done, and keep what came of it; a failure is an outcome like any other.

        None for a turn that was had to its end before, which an engine may have forgotten; nothing is done then.
        Raises what the chore raises by a bug, when that is kept, too.
        """
        began = ScheduledRun(tick=tick, began_at=self._clock.now())
        if not await self._store.transact(partial(_begin_run, name, began), lasting=False):
            return None
        try:
            told, outcome, error = await chore(tick), "done", None
        except RunRefusedError as refusal:
            told, outcome, error = {}, "refused", {"message": str(refusal)}
        except StoreUnavailableError:
            raise  # what came of it could not be kept: the turn waits, and does its work again
        except LifecycleError as failure:
            told, outcome, error = {}, "failed", failure.as_dict()
        except TimeoutError:
            told, outcome, error = {}, "failed", {"message": _TOO_LONG}
        except Exception as bug:
            await self._end_run(
                name, replace(began, outcome="failed", error={"message": f"A fault: {type(bug).__name__}."})
            )
            raise
        return await self._end_run(name, replace(began, outcome=outcome, told=told, error=error))

    def _installation_schedules(self, uow: UnitOfWork) -> Sequence[Schedule]:
        return [each.offset_for(uow.installation) for each in self._plans]

    async def _end_run(self, name: str, turn: ScheduledRun) -> ScheduledRun:
        ended = replace(turn, ended_at=self._clock.now())

        def save_end(uow: UnitOfWork) -> None:
            ledger = _load_ledger(uow, name)
            under_way = tuple(each for each in ledger.under_way if each != turn.tick)
            last = ended
            if ledger.last is not None and ledger.last.tick != turn.tick:
                last = ledger.last  # a later one has begun meanwhile
            _save_ledger(uow, name, last, had=ledger.had, under_way=under_way)

        await self._store.transact(save_end, lasting=False)
        return ended


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ledger:
    """What is known of a schedule: its last turn, and the ticks that were had, in the order in which they began.

    Those `under_way` have not ended, or their processes have died.
    """

    last: ScheduledRun | None = None
    had: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()

    @property
    def instants(self) -> set[str]:
        """The instants in them, whichever round they were of."""
        return {_tick_order(each)[1] for each in self.had}


def _tick_order(tick: str) -> tuple[int, str]:
    """A tick's round and instant: of two turns of one schedule, the later one is greater, whatever clocks did."""
    instant, _, number = tick.partition(_ROUND)
    return int(number or 0), instant


def _current_tick(plan: Schedule, ledger: _Ledger, now: datetime) -> str | None:
    """The turn that is on now; None when it was had, or there is none."""
    instant = plan.tick(now)
    if plan.off or instant in ledger.instants:
        return None
    number, last = _tick_order(ledger.last.tick) if ledger.last else (0, "")
    number += instant < last
    return f"{instant}{_ROUND}{number}" if number else instant


def _schedule_status(plan: Schedule, uow: UnitOfWork, now: datetime) -> ScheduleStatus:
    ledger = _load_ledger(uow, plan.name)
    if plan.off:
        return ScheduleStatus(plan=plan, last=ledger.last, next_at=None)
    had, at = ledger.instants, plan.due_since(now)
    while plan.tick(at) in had:
        at += plan.period
    return ScheduleStatus(plan=plan, last=ledger.last, next_at=at)


def _begin_run(name: str, turn: ScheduledRun, uow: UnitOfWork) -> bool:
    """Keep that a turn has begun, if it was not had before.

    One that was left behind and is taken up late does not hide a later one.
    """
    ledger = _load_ledger(uow, name)
    had, under_way, tick = ledger.had, ledger.under_way, turn.tick
    if tick not in under_way:
        if _tick_order(tick)[1] in ledger.instants:
            return False
        had = (*had, tick)[-(_MINUTES_HAD if "T" in tick else _DAYS_HAD) :]
        under_way = (*(each for each in under_way if each in had), tick)
    last = turn
    if ledger.last is not None and _tick_order(tick) < _tick_order(ledger.last.tick):
        last = ledger.last
    _save_ledger(uow, name, last, had=had, under_way=under_way)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _LedgerRecord(ScheduledRun):
    """A ledger as the store has it: the fields of the last run, and those of the ledger beside them."""

    had: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()

    @property
    def run(self) -> ScheduledRun:
        """The last run alone."""
        return ScheduledRun(
            tick=self.tick,
            began_at=self.began_at,
            ended_at=self.ended_at,
            outcome=self.outcome,
            told=self.told,
            error=self.error,
        )


def _ledger_setting(name: str) -> Setting[_LedgerRecord]:
    return Setting(f"schedules.{name}", _LedgerRecord)


def _load_ledger(uow: UnitOfWork, name: str) -> _Ledger:
    kept = uow.settings.get(_ledger_setting(name))
    if kept is None:
        return _Ledger()
    last = kept.run
    if not kept.had:  # as the release before kept it
        return _Ledger(last=last, had=(last.tick,), under_way=() if last.ended_at else (last.tick,))
    return _Ledger(last=last, had=kept.had, under_way=kept.under_way)


def _save_ledger(
    uow: UnitOfWork, name: str, last: ScheduledRun, *, had: tuple[str, ...], under_way: tuple[str, ...]
) -> None:
    record = _LedgerRecord(**asdict(last), had=had, under_way=under_way)
    uow.settings.put(_ledger_setting(name), record)
