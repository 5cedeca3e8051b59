"""Schedules: jobs that run every minute or every day, and the results of their runs.

The id of a run is made of the schedule and its instant (`tick`), and a run happens once under that id, in whichever
process is up. Of missed runs only the latest is made up for, as soon as a process is up.

The ledger keeps a fixed number of past instants, regardless of their age, so that a clock that runs ahead makes no
process forget them. Runs after the clock was set back have a round in their names: `2026-03-01~1`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime  # noqa: TC003 # the store reads the annotations of a ledger
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from domain.errors import LifecycleError, StoreUnavailableError
from domain.ports import DatasetQuery, Setting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.model import Schedule
    from domain.ports import Clock, Json, Store, UnitOfWork

ScheduledJob: TypeAlias = "Callable[[str], Awaitable[Json]]"
SCHEDULED_RUN_KIND: Final = "schedule"
"""The saga kind of a scheduled run."""

_ROUND: Final = "~"
_DAYS_HAD: Final = 64
_MINUTES_HAD: Final = 4
"""Few: after a clock is set back, connectors must not stay unmonitored for the minutes that it repeats."""
_TOO_LONG: Final = "It took longer than allowed, and continues next time."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """Scheduled run: `outcome` is `running`, `done`, `refused` or `failed`; `told` are small counts by name.

    `error` is why it was refused or failed. A run that stays `running` belongs to a process that died; another process
    continues it.
    """

    tick: str
    began_at: datetime
    ended_at: datetime | None = None
    outcome: str = "running"
    told: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStatus:
    """Status of a schedule: its last run, and when the next is due (None when it is off)."""

    plan: Schedule
    last: ScheduledRun | None
    next_at: datetime | None


class RunRefusedError(Exception):
    """A scheduled run must not do its work; the message says why."""


def scheduled_run_id(name: str, tick: str) -> str:
    """The id of a scheduled run."""
    return f"{SCHEDULED_RUN_KIND}:{name}:{tick}"


def tick_from_run_id(run_id: str) -> str:
    """The tick in the id of a scheduled run."""
    return run_id.split(":", 2)[2]


def run_id_prefix(name: str) -> str:
    """The prefix of the ids of all runs of a schedule."""
    return scheduled_run_id(name, "")


def has_scheduled_work(uow: UnitOfWork) -> bool:
    """Whether there is anything that a scheduled run would look at: a dataset, be it archived."""
    return bool(uow.datasets.find(DatasetQuery(limit=1)))


def list_due_runs(uow: UnitOfWork, plans: Sequence[Schedule], now: datetime) -> list[tuple[str, str]]:
    """Name and tick of every run that is due and has not begun."""
    current = (
        (each.name, _current_tick(each, _load_ledger(uow, each.name), now))
        for each in _installation_schedules(uow, plans)
    )
    return [(name, tick) for name, tick in current if tick is not None]


class ScheduleService:
    """Schedule service: the schedules, and their runs as stored."""

    def __init__(self, store: Store, clock: Clock, plans: Sequence[Schedule]) -> None:
        self._store = store
        self._clock = clock
        self._plans = plans

    async def list(self) -> Sequence[ScheduleStatus]:
        """Every schedule, with its last and its next run."""
        now = self._clock.now()

        def load_statuses(uow: UnitOfWork) -> list[ScheduleStatus]:
            return [_schedule_status(each, uow, now) for each in _installation_schedules(uow, self._plans)]

        return await self._store.read(load_statuses)

    async def list_due(self) -> Sequence[tuple[str, str]]:
        """Name and tick of every run that is due and has not begun."""
        now = self._clock.now()
        return await self._store.read(lambda uow: list_due_runs(uow, self._plans, now))

    async def has_work(self) -> bool:
        """Whether there is anything that a scheduled run would look at."""
        return await self._store.read(has_scheduled_work)

    async def run_job(self, name: str, tick: str, job: ScheduledJob) -> ScheduledRun | None:
        """Run a scheduled job, and record its outcome; a failure is an outcome too.

        None, without running the job, when this run had ended before and the engine has forgotten it. An error that is
        a bug is recorded and then raised.
        """
        began = ScheduledRun(tick=tick, began_at=self._clock.now())
        if not await self._store.transact(partial(_begin_run, name, began), lasting=False):
            return None
        try:
            counts, outcome, error = await job(tick), "done", None
        except RunRefusedError as refusal:
            counts, outcome, error = {}, "refused", {"message": str(refusal)}
        except StoreUnavailableError:
            raise  # the outcome cannot be stored: the run waits, and repeats its work
        except LifecycleError as failure:
            counts, outcome, error = {}, "failed", failure.as_dict()
        except TimeoutError:
            counts, outcome, error = {}, "failed", {"message": _TOO_LONG}
        except Exception as bug:
            await self._end_run(
                name, replace(began, outcome="failed", error={"message": f"A fault: {type(bug).__name__}."})
            )
            raise
        return await self._end_run(name, replace(began, outcome=outcome, told=counts, error=error))

    async def _end_run(self, name: str, turn: ScheduledRun) -> ScheduledRun:
        ended = replace(turn, ended_at=self._clock.now())

        def save_end(uow: UnitOfWork) -> None:
            ledger = _load_ledger(uow, name)
            under_way = tuple(each for each in ledger.under_way if each != turn.tick)
            last = ended
            if ledger.last is not None and ledger.last.tick != turn.tick:
                last = ledger.last  # a later run has begun meanwhile
            _save_ledger(uow, name, last, had=ledger.had, under_way=under_way)

        await self._store.transact(save_end, lasting=False)
        return ended


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ledger:
    """Ledger of a schedule: its last run, and the past ticks, in the order in which they began.

    Runs that are `under_way` have not ended, or their processes have died.
    """

    last: ScheduledRun | None = None
    had: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()

    @property
    def instants(self) -> set[str]:
        """The instants of the past ticks, without their rounds."""
        return {_tick_order(each)[1] for each in self.had}


def _installation_schedules(uow: UnitOfWork, plans: Sequence[Schedule]) -> Sequence[Schedule]:
    return [each.offset_for(uow.installation) for each in plans]


def _tick_order(tick: str) -> tuple[int, str]:
    """A tick's round and instant. Of two runs of one schedule the later is greater, even after clock changes."""
    instant, _, number = tick.partition(_ROUND)
    return int(number or 0), instant


def _current_tick(plan: Schedule, ledger: _Ledger, now: datetime) -> str | None:
    """The tick of the current run; None when it has begun before, or the schedule is off."""
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
    """Record that a run has begun; False when it has ended before.

    A run that was left behind and is continued late does not replace a later one as the last run.
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
    """Stored form of a ledger: the fields of the last run, and those of the ledger beside them."""

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
    record = uow.settings.get(_ledger_setting(name))
    if record is None:
        return _Ledger()
    last = record.run
    if not record.had:  # the former release stored only the last run
        return _Ledger(last=last, had=(last.tick,), under_way=() if last.ended_at else (last.tick,))
    return _Ledger(last=last, had=record.had, under_way=record.under_way)


def _save_ledger(
    uow: UnitOfWork, name: str, last: ScheduledRun, *, had: tuple[str, ...], under_way: tuple[str, ...]
) -> None:
    record = _LedgerRecord(**asdict(last), had=had, under_way=under_way)
    uow.settings.put(_ledger_setting(name), record)
