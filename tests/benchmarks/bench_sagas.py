"""What a saga's step costs here, against a step of the bare engine in the same run.

Run it as `python -m tests.benchmarks.bench_sagas`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from statistics import median
from typing import TYPE_CHECKING

import anyio
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from server.adapters.engine.durable import DurableEngine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports import Json, Perform

STEPS = 200
ROUNDS = 3


async def effect() -> Json:
    return {"answer": 42}


async def saga(perform: Perform, dataset_id: str, saga_id: str) -> None:
    for each in range(STEPS):
        await perform(f"step-{each}", effect)


async def bare_perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
    async def run() -> Json:
        return await effect()

    return await DBOS.run_step_async({"name": step}, run)


async def bare(folder: Path) -> float:
    """Seconds a step: DBOS as its documentation has it, on SQLite with a write-ahead log."""
    with closing(connect(folder / "bare.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    DBOS(
        config={
            "name": "bare",
            "system_database_url": f"sqlite:///{folder}/bare.sqlite",
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
        }
    )

    @DBOS.workflow(name="bare")
    async def workflow(dataset_id: str, saga_id: str) -> None:
        await saga(bare_perform, dataset_id, saga_id)

    DBOS.launch()
    since = time.perf_counter()
    with SetWorkflowID("s1"):
        handle = await DBOS.start_workflow_async(workflow, "ds-1", "s1")
    await handle.get_result(polling_interval_sec=0.01)
    taken = time.perf_counter() - since
    await anyio.to_thread.run_sync(lambda: DBOS.destroy(destroy_registry=True))
    return taken / STEPS


async def ours(folder: Path) -> tuple[float, float, float]:
    """Seconds a step, to launch, and to close."""
    engine = DurableEngine(folder, {"saga": saga})
    async with engine:
        since = time.perf_counter()
        await engine.launch()
        launched = time.perf_counter() - since
        since = time.perf_counter()
        await engine.start("saga", "s1", "ds-1")
        await engine.wait("s1", 60)
        taken = time.perf_counter() - since
        since = time.perf_counter()
    return taken / STEPS, launched, time.perf_counter() - since


def imported() -> float:
    """Seconds that importing the engine takes a fresh process."""
    since = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import dbos"], check=True)
    with_engine = time.perf_counter() - since
    since = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return with_engine - (time.perf_counter() - since)


async def main() -> None:
    """Measure in turns, print the medians."""
    theirs: list[float] = []
    mine: list[tuple[float, float, float]] = []
    for _round in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            theirs.append(await bare(Path(folder)))
            mine.append(await ours(Path(folder)))
    step, launch, close = (median(each) for each in zip(*mine, strict=True))
    print(
        f"saga steps        {1 / step:7.0f} a second, {step / median(theirs):.2f} of the bare engine's time"
    )
    print(f"engine launch     {launch:7.2f} s, close {close:.2f} s, import {imported():.2f} s")


if __name__ == "__main__":
    anyio.run(main)
