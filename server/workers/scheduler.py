"""The scheduler: starts each due run as a saga, whose id is derived from the schedule and its tick."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, NoReturn

import anyio
import structlog

from domain.governance import SCHEDULED_RUN_KIND, scheduled_run_id, tick_from_run_id
from domain.model import (
    ORPHAN_SWEEP_SCHEDULE,
    REDELIVERY_SCHEDULE,
    REFRESH_SCHEDULE,
    RETENTION_SCHEDULE,
    WORKFLOW_PURGE_SCHEDULE,
)
from server.workers.loop import FailureLog, run_every

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.connectors import HomePlatformService
    from domain.governance import ScheduledJob, ScheduleService
    from domain.ports import Clock, Engine, Json, Saga, StepRunner

_log: Final = structlog.get_logger(__name__)
POLL_INTERVAL_S: Final = 5.0
_DESTRUCTIVE: Final = frozenset(
    {
        ORPHAN_SWEEP_SCHEDULE,
        RETENTION_SCHEDULE,
        REDELIVERY_SCHEDULE,
        WORKFLOW_PURGE_SCHEDULE,
        REFRESH_SCHEDULE,
    }
)
"""What deletes, replaces, or sends again."""


class Scheduler:
    """Starts every due run once: the engine knows a run by its id, so of several processes only one starts it."""

    def __init__(
        self,
        schedules: ScheduleService,
        engine: Engine,
        *,
        home: HomePlatformService | None = None,
        settle_s: float = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start what deletes, replaces or sends again only once `settle_s` seconds have passed from now.

        Editors and agents start a server only to list its tools, and end it seconds later: such a server must not
        begin a sweep that was due. With `home`, nothing is started while the data folder belongs to another platform.
        """
        self._settled_at = monotonic() + settle_s
        self._monotonic = monotonic
        self._schedules = schedules
        self._engine = engine
        self._home = home
        self._started: dict[str, str] = {}

    async def run_forever(
        self, clock: Clock, *, every_s: float = POLL_INTERVAL_S, chance: Callable[[], float] = random.random
    ) -> NoReturn:
        """Start due runs at irregular intervals, so that several processes do not all read the store at once.

        Nothing is started in an installation that has never had a dataset, for which an engine would be launched.
        """
        failures = FailureLog(_log, "schedules_not_looked_at")
        await run_every(
            lambda: every_s * (1 + chance()) / 2, self._start_due_work, failures, sleep=clock.sleep
        )

    async def _start_due_work(self) -> None:
        if await self._schedules.has_work():
            await self.start_due_runs()

    async def start_due_runs(self) -> None:
        """Start the due runs that this process has not started already."""
        if self._home and (await self._home.load_configured_status()).refusal:
            return
        settled = self._monotonic() >= self._settled_at
        for name, tick in await self._schedules.list_due():
            if name in _DESTRUCTIVE and not settled:
                continue
            if self._started.get(name) != tick:
                await self._engine.start(SCHEDULED_RUN_KIND, scheduled_run_id(name, tick), name)
                self._started[name] = tick


def build_scheduled_run_saga(schedules: ScheduleService, jobs: Mapping[str, ScheduledJob]) -> Saga:
    """Build the saga of a scheduled run. Its one step may run again when a process dies, so jobs are idempotent."""

    async def execute_run(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        name = dataset_id  # a scheduled run belongs to no dataset; the schedule's name takes that place

        async def execute_job() -> Json:
            run = await schedules.run_job(name, tick_from_run_id(saga_id), jobs[name])
            if run and run.error:
                _log.warning("turn_not_done", schedule=name, tick=run.tick, cause=run.error["message"])
            return {}

        await perform("work", execute_job)

    return execute_run


def with_timeout(seconds: float, job: ScheduledJob) -> ScheduledJob:
    """Wrap a job so that it is cancelled after that time; what it did until then stays."""

    async def run_with_timeout(tick: str) -> Json:
        with anyio.fail_after(seconds):
            return await job(tick)

    return run_with_timeout
