"""What a saga's step costs here, the database server's work included, beside a step of the bare engine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import connect
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from server.adapters.engine.engine import DurableEngine
from server.infra.postgres.dsn import parse_postgres_url
from tests.benchmarks.measure import Goal, Row, processor_s
from tests.support.stores.postgres_server import run_postgres

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports.engine import Json, StepRunner
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

    Now = Callable[[], float]

STEPS: Final = 200
ROUNDS: Final = 5
GOAL: Final = Goal(bound=1.5, at_most=True)


async def effect() -> Json:
    return {"answer": 42}


async def saga(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    for each in range(STEPS):
        await perform(f"step-{each}", effect)


async def bare_perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
    async def run() -> Json:
        return await effect()

    return await DBOS.run_step_async({"name": step}, run)


def write_ahead(folder: Path) -> str:
    """The URL of a new SQLite file with a write-ahead log."""
    with closing(connect(folder / "bare.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return f"sqlite:///{folder}/bare.sqlite"


async def bare(url: str, now: Now) -> float:
    """CPU seconds a step: DBOS as its documentation has it."""
    DBOS(
        config={
            "name": "bare",
            "system_database_url": url,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
        }
    )

    @DBOS.workflow(name="bare")
    async def workflow(dataset_id: str, saga_id: str) -> None:
        await saga(bare_perform, dataset_id, saga_id)

    DBOS.launch()
    since = now()
    with SetWorkflowID("s1"):
        handle = await DBOS.start_workflow_async(workflow, "ds-1", "s1")
    await handle.get_result(polling_interval_sec=0.01)
    taken = now() - since
    await anyio.to_thread.run_sync(lambda: DBOS.destroy(destroy_registry=True))
    return taken / STEPS


async def ours(where: Path | PostgresAddress, now: Now) -> tuple[float, float, float]:
    """CPU seconds a step; seconds to launch, and to close."""
    engine = DurableEngine(where, {"saga": saga})
    async with engine:
        since = time.perf_counter()
        await engine.launch()
        launched = time.perf_counter() - since
        began = now()
        await engine.start("saga", "s1", "ds-1")
        await engine.wait("s1", 60)
        taken = now() - began
        since = time.perf_counter()
    return taken / STEPS, launched, time.perf_counter() - since


def measure_import_s() -> float:
    """Seconds that importing the engine takes a fresh process."""
    since = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import dbos"], check=True)
    with_engine = time.perf_counter() - since
    since = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return with_engine - (time.perf_counter() - since)


def rows(*, quick: bool) -> list[Row]:
    """A step beside the engine's own, on both databases, and what the engine costs a process once."""
    rounds = 2 if quick else ROUNDS
    with run_postgres(flushing=True) as server:
        return [
            *anyio.run(_measure_engine, "SQLite", _on_sqlite, rounds),
            *anyio.run(_measure_engine, "PostgreSQL", partial(_on_postgres, server), rounds),
            Row(what="engine imported", figure=f"{measure_import_s():.2f} s"),
        ]


async def _on_sqlite() -> tuple[float, tuple[float, float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        now = time.process_time
        return await bare(write_ahead(Path(folder)), now), await ours(Path(folder), now)


async def _on_postgres(server: PostgresServer) -> tuple[float, tuple[float, float, float]]:
    now = partial(processor_s, server.pid)
    return await bare(server.create_database(), now), await ours(
        parse_postgres_url(server.create_database()), now
    )


async def _measure_engine(
    where: str, once: Callable[[], Awaitable[tuple[float, tuple[float, float, float]]]], rounds: int
) -> list[Row]:
    theirs, mine = zip(*[await once() for _ in range(rounds)], strict=True)
    step, launch, close = (median(each) for each in zip(*mine, strict=True))
    bare_step = median(theirs)
    return [
        Row(
            what=f"{where}: a saga's step",
            figure=f"{step * 1e3:.2f} ms CPU",
            beside=f"bare DBOS {bare_step * 1e3:.2f} ms CPU",
            ratio=step / bare_step,
            goal=GOAL,
        ),
        Row(what=f"{where}: engine launched and closed", figure=f"{launch:.2f} s and {close:.2f} s"),
    ]
