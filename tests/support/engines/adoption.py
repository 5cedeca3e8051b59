"""How soon a survivor goes on with the sagas of a process that was killed, as the product is shipped."""

from __future__ import annotations

import time
from inspect import signature
from typing import TYPE_CHECKING

import anyio.to_thread

from server.adapters.engine.engine import DurableEngine
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from tests.support.engines.processes import EngineProcesses

_LONG_S = 120


def default_argument(name: str) -> float:
    """What the engine takes for that argument when nobody says otherwise."""
    return float(signature(DurableEngine).parameters[name].default)


async def measure_adoption(hosts: EngineProcesses, kills: int) -> list[float]:
    """Seconds from each SIGKILL to the end of the step that the dead process was in, done by a survivor."""
    hosts.environ |= {
        "WATCH_S": str(default_argument("watch_s")),
        "DEAD_AFTER_S": str(default_argument("dead_after_s")),
    }
    survivor = hosts.start_process("launch")
    await hosts.wait_until_up(survivor, "launched")
    hosts.set_mark("begin")
    taken: list[float] = []
    for number in range(kills):
        hosts.clear_mark("go")
        saga_id = f"s{number}"
        doomed = hosts.start_process(f"walk:{saga_id}")
        await wait_for(lambda saga_id=saga_id: hosts.read_steps(saga_id) == ["one", "two"], _LONG_S)  # type: ignore[misc]
        doomed.kill()
        killed = time.monotonic()
        hosts.set_mark("go")
        await wait_for(lambda saga_id=saga_id: hosts.read_steps(saga_id)[2:] == ["two", "three"], _LONG_S)  # type: ignore[misc]
        taken.append(time.monotonic() - killed)
        await anyio.to_thread.run_sync(doomed.wait)
        assert hosts.read_effects()[-1] == (saga_id, "three", survivor.pid)
    return taken
