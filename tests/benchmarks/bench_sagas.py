"""What a saga's step costs here, beside a step of the bare engine in the same run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from server.adapters.engine.durable import DurableEngine
from tests.benchmarks.measure import Goal, Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports import Json, Perform

STEPS: Final = 200
ROUNDS: Final = 5
GOAL: Final = Goal(bound=1.5, at_most=True)


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


def rows(*, quick: bool) -> list[Row]:
    """A step beside the engine's own, and what the engine costs a process once."""
    return anyio.run(_measured, 1 if quick else ROUNDS)


async def _measured(rounds: int) -> list[Row]:
    theirs: list[float] = []
    mine: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            theirs.append(await bare(Path(folder)))
            mine.append(await ours(Path(folder)))
    step, launch, close = (median(each) for each in zip(*mine, strict=True))
    bare_step = median(theirs)
    return [
        Row(
            what="a saga's step",
            figure=f"{step * 1e3:.2f} ms",
            beside=f"bare DBOS {bare_step * 1e3:.2f} ms",
            ratio=step / bare_step,
            goal=GOAL,
        ),
        Row(what="engine launched and closed", figure=f"{launch:.2f} s and {close:.2f} s"),
        Row(what="engine imported", figure=f"{imported():.2f} s"),
    ]
