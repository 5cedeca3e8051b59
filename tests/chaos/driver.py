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

from tests.chaos.calling import Caller
from tests.chaos.plan import PROCESSES
from tests.chaos.processes import DiedError, Host, Nursery
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from server.sandbox.sandbox import Sandbox
    from tests.chaos.place import Place
    from tests.chaos.plan import Plan

    Answer = dict[str, Any]

_FOREVER: Final = None
_AGAIN_S: Final = 0.2
_UP_S: Final = 120.0
_SYNC_S: Final = 0.15
"""How long a sync takes in the sandbox, so that death finds some under way."""


@dataclass
class Figures:
    """What came of a run."""

    sagas: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    asked_again: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


class Chaos:
    """One run of a plan on one place."""

    def __init__(self, plan: Plan, place: Place, glean: Sandbox, *, brisk: bool) -> None:
        self.plan = plan
        self.glean = glean
        self.nursery = Nursery(place)
        self.hosts = [Host(number, place, self.nursery, brisk) for number in range(PROCESSES)]
        self.figures = Figures()
        self._calm = False

    async def run(self, ready: Callable[[], bool]) -> None:
        """Play the whole plan, with everybody dying as it says, and once all together at its end.

        The callers come as soon as it is `ready`: a webhook is told what happens from its first process on.
        """
        self.glean.set_rate(20_000, minimum_seconds=_SYNC_S)
        async with anyio.create_task_group() as lives:
            for host in self.hosts:
                lives.start_soon(self._lives, host)
            async with anyio.create_task_group() as callers:
                await eventually(ready, _UP_S)
                await self._arrive()
                for script in self.plan.scripts:
                    callers.start_soon(Caller(self, script).play)
            self._calm = True
            for host in self.hosts:
                await host.kill()
        self.glean.faults.clear()

    async def calm(self, tasks: TaskGroup) -> None:
        """Start every process once more, to live until it is told to end."""
        for host in self.hosts:
            tasks.start_soon(self._ends_well, host)
        for host in self.hosts:
            with anyio.fail_after(_UP_S):
                await host.up.wait()

    async def close(self) -> None:
        """Tell every process to end."""
        for host in self.hosts:
            await host.close()

    async def ask(self, at: int, verb: str, **given: Any) -> Answer:
        """Ask a process, and another when it is dead or dies, until one has answered."""
        for number in count(at):
            try:
                return await self.hosts[number % PROCESSES].ask({"verb": verb, **given})
            except DiedError:
                self.figures.asked_again += 1
                await anyio.sleep(_AGAIN_S)
        raise AssertionError("one can always ask again")

    async def _arrive(self) -> None:
        for client_id in dict.fromkeys(each.client_id for each in self.plan.scripts):
            journeys = [each.journey_id for each in self.plan.scripts if each.client_id == client_id]
            await self.ask(0, "arrive", client_id=client_id, journeys=journeys)

    async def _lives(self, host: Host) -> None:
        for life in self.plan.lives[host.number]:
            status = await host.live(life)
            self.figures.kills += status == -signal.SIGKILL
            if status != -signal.SIGKILL:
                self.figures.surprises.append(f"process {host.number} ended by itself with status {status}")
            if self._calm:
                return
            await anyio.sleep(life.down_s)
            if self._calm:
                return
        status = await host.live(_FOREVER)
        self.figures.kills += status == -signal.SIGKILL

    async def _ends_well(self, host: Host) -> None:
        if status := await host.live(_FOREVER):
            self.figures.surprises.append(f"process {host.number} did not end well: status {status}")
