"""The process's part in what happens by itself: it looks what is due, and has it done as a saga of that turn's name."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NoReturn

import anyio
import structlog

from domain.governance import SCHEDULED_RUN_KIND, scheduled_run_id, tick_from_run_id
from server.workers.loop import FailureLog, run_every

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.governance import ScheduledJob, ScheduleService
    from domain.ports import Clock, Engine, Json, Saga, StepRunner

_log: Final = structlog.get_logger(__name__)
POLL_INTERVAL_S: Final = 5.0


class Scheduler:
    """Starts every turn that is due, once: under its id the engine knows it, whichever process was quicker."""

    def __init__(self, schedules: ScheduleService, engine: Engine) -> None:
        self._schedules = schedules
        self._engine = engine
        self._asked: dict[str, str] = {}

    async def run_forever(
        self, clock: Clock, *, every_s: float = POLL_INTERVAL_S, chance: Callable[[], float] = random.random
    ) -> NoReturn:
        """Look again and again, a little irregularly, so that several processes do not all look at once."""
        failures = FailureLog(_log, "schedules_not_looked_at")
        await run_every(
            lambda: every_s * (1 + chance()) / 2, self.start_due_runs, failures, sleep=clock.sleep
        )

    async def start_due_runs(self) -> None:
        """Start what is due and was not started by this process already."""
        for name, tick in await self._schedules.list_due():
            if self._asked.get(name) != tick:
                await self._engine.start(SCHEDULED_RUN_KIND, scheduled_run_id(name, tick), name)
                self._asked[name] = tick


def build_scheduled_run_saga(schedules: ScheduleService, chores: Mapping[str, ScheduledJob]) -> Saga:
    """The saga that a turn is: one step, which may run again when its process dies, so every chore is idempotent."""

    async def execute_run(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        name = dataset_id  # a turn is of no dataset; its schedule takes that place

        async def execute_job() -> Json:
            done = await schedules.run_job(name, tick_from_run_id(saga_id), chores[name])
            if done and done.error:
                _log.warning("turn_not_done", schedule=name, tick=done.tick, cause=done.error["message"])
            return {}

        await perform("work", execute_job)

    return execute_run


def with_timeout(seconds: float, chore: ScheduledJob) -> ScheduledJob:
    """The chore, given up after that time; what it did until then is done."""

    async def run_with_timeout(tick: str) -> Json:
        with anyio.fail_after(seconds):
            return await chore(tick)

    return run_with_timeout
