"""A plan, played: processes that die as it says, and callers who want what it says.

What callers are refused on the way is expected only where the plan made for it; anything else is a surprise.
"""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import anyio

from tests.support.polling import wait_for
from tests.support.resilience.chaos.callers import ChaosCaller
from tests.support.resilience.chaos.plan import PROCESSES
from tests.support.resilience.chaos.process_main import VERBS
from tests.support.resilience.chaos.processes import DiedError, ForkServer, ProcessHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from tests.support.resilience.chaos.installation import Installation
    from tests.support.resilience.chaos.plan import ChaosPlan
    from tests.support.sandbox.control import Sandbox

    Answer = dict[str, Any]

_FOREVER: Final = None
_AGAIN_S: Final = 0.2
_UP_S: Final = 120.0
_SYNC_S: Final = 0.15
"""How long a sync takes in the sandbox, so that death finds some under way."""


@dataclass
class ChaosStatistics:
    """What came of a run."""

    sagas: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    asked_again: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


class ChaosRun:
    """One run of a plan on one place."""

    def __init__(self, plan: ChaosPlan, place: Installation, glean: Sandbox, *, brisk: bool) -> None:
        self.plan = plan
        self.glean = glean
        self.fork_server = ForkServer(place)
        self.hosts = [ProcessHost(number, place, self.fork_server, brisk) for number in range(PROCESSES)]
        self.figures = ChaosStatistics()
        self._calm = False

    async def run(self, ready: Callable[[], bool]) -> None:
        """Play the whole plan, with everybody dying as it says, and once all together at its end.

        The callers come as soon as it is `ready`: a webhook is told what happens from its first process on.
        """
        self.glean.set_indexing_rate(20_000, minimum_seconds=_SYNC_S)
        async with anyio.create_task_group() as lives:
            for host in self.hosts:
                lives.start_soon(self._run_lives, host)
            async with anyio.create_task_group() as callers:
                await wait_for(ready, _UP_S)
                await self._add_clients()
                for script in self.plan.scripts:
                    callers.start_soon(ChaosCaller(self, script).run_script)
            self._calm = True
            for host in self.hosts:
                await host.kill()
        self.glean.faults.clear()

    async def restart_all(self, tasks: TaskGroup) -> None:
        """Start every process once more, to live until it is told to end."""
        for host in self.hosts:
            tasks.start_soon(self._check_clean_exit, host)
        for host in self.hosts:
            with anyio.fail_after(_UP_S):
                await host.up.wait()

    async def stop_all(self) -> None:
        """Tell every process to end."""
        for host in self.hosts:
            await host.end_orders()

    async def call_any_host(self, at: int, verb: str, **given: Any) -> Answer:
        """Ask a process, and another when it is dead or dies, until one has answered."""
        assert verb in VERBS, verb
        for number in count(at):
            try:
                return await self.hosts[number % PROCESSES].send_command({"verb": verb, **given})
            except DiedError:
                self.figures.asked_again += 1
                await anyio.sleep(_AGAIN_S)
        raise AssertionError("one can always ask again")

    async def _add_clients(self) -> None:
        for client_id in dict.fromkeys(each.client_id for each in self.plan.scripts):
            journeys = [each.journey_id for each in self.plan.scripts if each.client_id == client_id]
            await self.call_any_host(0, "add_client", client_id=client_id, journeys=journeys)

    async def _run_lives(self, host: ProcessHost) -> None:
        for life in self.plan.lives[host.number]:
            status = await host.run_life(life)
            self.figures.kills += status == -signal.SIGKILL
            if status != -signal.SIGKILL:
                self.figures.surprises.append(f"process {host.number} ended by itself with status {status}")
            if self._calm:
                return
            await anyio.sleep(life.down_s)
            if self._calm:
                return
        status = await host.run_life(_FOREVER)
        self.figures.kills += status == -signal.SIGKILL

    async def _check_clean_exit(self, host: ProcessHost) -> None:
        if status := await host.run_life(_FOREVER):
            self.figures.surprises.append(f"process {host.number} did not end well: status {status}")
