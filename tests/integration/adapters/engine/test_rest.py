"""DBOS is open only while sagas run here, since its threads poll as long as it is open."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from server.adapters.engine import engine as durable
from server.adapters.engine.dbos_runtime import DbosRuntime
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.sqlite_journal import SqliteJournal
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports.engine import Json, StepRunner
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

THREADS_OF_DBOS = 16


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "_REST_S", 0.01)


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | PostgresAddress:
    if request.param == "sqlite":
        return tmp_path
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return parse_postgres_url(postgres.create_database())


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[DurableEngine]:
    """Grows whenever an engine considers whether to close DBOS."""
    found: list[DurableEngine] = []
    consider = DurableEngine._rest_when_idle  # noqa: SLF001 - nobody else can tell when it has looked

    async def noted(engine: DurableEngine) -> None:
        await consider(engine)
        found.append(engine)

    monkeypatch.setattr(DurableEngine, "_rest_when_idle", noted)
    return found


class Gated:
    """A saga of one step, which waits for its gate."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.gate = anyio.Event()

    async def __call__(self, perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            await self.gate.wait()
            self.ended.append(saga_id)
            return {}

        await perform("wait", effect)


async def ending(dataset_id: str, saga_id: str) -> None:
    """A workflow that ends at once."""


def polls() -> bool:
    """Whether a thread of DBOS looks for queued sagas."""
    return any(each.name.startswith("queue-worker-") for each in threading.enumerate())


async def test_dbos_is_closed_when_nothing_runs_and_launched_for_the_next_saga(
    where: Path | PostgresAddress, looks: list[DurableEngine]
) -> None:
    saga = Gated()
    async with DurableEngine(where, {"gated": saga}, watch_s=0.02) as engine:
        assert not polls()
        await engine.start("gated", "s1", "ds-1")
        await wait_for(polls)
        before = len(looks)
        await wait_for(lambda: len(looks) > before + 5)
        assert polls()
        saga.gate.set()
        assert await engine.wait("s1", 10)
        await wait_for(lambda: not polls())
        # The threads of the loop are its own again.
        assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 1)
        await engine.start("gated", "s2", "ds-1")
        assert await engine.wait("s2", 10)
        await wait_for(lambda: not polls())
    assert saga.ended == ["s1", "s2"]


async def test_what_others_have_given_to_its_threads_is_begun_before_it_is_closed(tmp_path: Path) -> None:
    database = tmp_path / "engine.sqlite"
    SqliteJournal(database).prepare()
    runtime = DbosRuntime(database, "me", {"ending": ending})
    await runtime.register_queues()
    # DBOS has made its threads those of the loop, so a look-up of names may wait for one of them.
    loop, released = asyncio.get_running_loop(), threading.Event()
    others = [loop.run_in_executor(None, released.wait) for _ in range(2 * THREADS_OF_DBOS)]
    assert not await runtime.release_executor(0.05)
    assert not await runtime.release_executor(0.05)
    released.set()
    assert await runtime.release_executor(10)
    assert await runtime.close(10)
    assert await runtime.close(10)
    assert all(await asyncio.gather(*others))


async def test_a_start_that_comes_as_it_is_being_closed_waits_and_launches_it_again(tmp_path: Path) -> None:
    saga = Gated()
    saga.gate.set()
    async with DurableEngine(tmp_path, {"gated": saga}, watch_s=0.001) as engine:
        for number in range(5):
            await engine.start("gated", f"s{number}", "ds-1")
            await wait_for(lambda: not polls())
        for number in range(5):
            assert await engine.wait(f"s{number}", 10)
    assert saga.ended == [f"s{number}" for number in range(5)]
