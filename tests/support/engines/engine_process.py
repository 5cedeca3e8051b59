"""A process with an engine, for tests to start and kill: `host.py FOLDER START…`, each START a `kind:saga_id`.

It notes every effect in FOLDER/effects (`saga step pid`), runs until FOLDER/stop appears, and then leaves the engine.
The saga `walk` has three steps; the second waits, inside its effect, until FOLDER/go appears. `kill` ends its process
inside its first step. With `DIE_AT` set, `walk` ends its process at that `step:moment`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog

from server.adapters.engine.engine import DurableEngine
from tests.support.engines.engine_location import engine_location_of
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from domain.ports.engine import Json, StepRunner

FOLDER = Path(sys.argv[1])
DEAD_AFTER_S = float(os.environ.get("DEAD_AFTER_S", "0.5"))
WATCH_S = float(os.environ.get("WATCH_S", "0.2"))
DIE_AT = os.environ.get("DIE_AT", "")


def write_effect(line: str) -> None:
    with (FOLDER / "effects").open("a") as effects:
        effects.write(f"{line} {os.getpid()}\n")


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def three_step_saga(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    for step in ("one", "two", "three"):

        async def effect(step: str = step) -> Json:
            write_effect(f"{saga_id} {step}")
            if step == "two":
                await wait_for((FOLDER / "go").exists, 60)
            if f"{step}:inside" == DIE_AT:
                kill_self()
            return {"step": step}

        if f"{step}:before" == DIE_AT:
            kill_self()
        answer = await perform(step, effect)
        if f"{step}:after" == DIE_AT:
            kill_self()
        if answer != {"step": step}:
            raise ValueError(answer)


async def killing_saga(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    async def effect() -> Json:
        write_effect(f"{saga_id} kill")
        kill_self()
        return {}

    await perform("kill", effect)


async def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    sagas = {"walk": three_step_saga, "kill": killing_saga}
    async with DurableEngine(
        engine_location_of(FOLDER), sagas, watch_s=WATCH_S, dead_after_s=DEAD_AFTER_S, attempts=3
    ) as engine:
        await engine.resume()
        (FOLDER / f"up-{os.getpid()}").touch()
        if "launch" in sys.argv:
            await engine.launch()
            (FOLDER / f"launched-{os.getpid()}").touch()
            await wait_for((FOLDER / "begin").exists, 60)
        for kind, saga_id in (each.split(":") for each in sys.argv[2:] if ":" in each):
            await engine.start(kind, saga_id, f"ds-{saga_id}")
        await wait_for((FOLDER / "stop").exists, 1200)


anyio.run(main)
