"""What is particular to the engine on DBOS: when it is imported, how it fails, how it ends."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from domain.errors import SettingsError, StoreFailedError
from server.adapters.engine import engine as durable
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.sqlite_journal import SqliteJournal

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports.engine import Json, StepRunner
    from server.infra.postgres.dsn import PostgresAddress

CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


async def nothing(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    async def effect() -> Json:
        return {}

    await perform("nothing", effect)


async def test_looking_and_waiting_import_no_engine(tmp_path: Path) -> None:
    program = """
import sys, anyio
from pathlib import Path
from server.adapters.engine.engine import DurableEngine

async def main():
    folder = Path(sys.argv[1])
    async with DurableEngine(folder, {}) as engine:
        await engine.resume()
        assert not await engine.wait("s1", 0)
        assert not DurableEngine.has_unfinished_sagas(folder)
    assert not {"dbos", "sqlalchemy"} & set(sys.modules)

anyio.run(main)
"""
    ran = await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "engine")],
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


async def test_the_caller_s_context_does_not_follow_the_saga(tmp_path: Path) -> None:
    seen: list[str] = []

    async def note_caller(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        seen.append(CALLER.get())

    async with DurableEngine(tmp_path, {"look": note_caller}) as engine:
        CALLER.set("somebody")
        await engine.start("look", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert seen == ["nobody"]


async def test_a_file_system_without_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _operation: None)
    with pytest.raises(SettingsError, match="does not support file locks") as refused:
        await DurableEngine(tmp_path, {}).__aenter__()
    assert refused.value.field == "data_dir"


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "engine").write_text("a file")
    with pytest.raises(SettingsError, match=r"cannot hold the saga engine's locks: .*Not a directory"):
        await DurableEngine(tmp_path / "engine", {}).__aenter__()


async def test_a_process_runs_one_engine_at_a_time(tmp_path: Path) -> None:
    async with DurableEngine(tmp_path / "a", {"nothing": nothing}) as first:
        await first.launch()
        async with DurableEngine(tmp_path / "b", {"nothing": nothing}) as second:
            with pytest.raises(RuntimeError, match="runs a saga engine already"):
                await second.start("nothing", "s1", "ds-1")


async def test_a_closed_engine_starts_nothing_and_leaves_the_loop_its_threads(tmp_path: Path) -> None:
    async with DurableEngine(tmp_path, {"nothing": nothing}) as engine:
        await engine.launch()
    with pytest.raises(RuntimeError, match="not open"):
        await DurableEngine(tmp_path, {"nothing": nothing}).start("nothing", "s1", "ds-1")
    with pytest.raises(RuntimeError, match="not open"):
        await engine.start("nothing", "s1", "ds-1")
    assert await asyncio.to_thread(lambda: "a thread") == "a thread"


async def test_a_start_that_comes_to_nothing_as_the_engine_closes_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, closing_begins = anyio.Event(), threading.Event()

    def load() -> None:
        anyio.from_thread.run_sync(asked.set)
        assert closing_begins.wait(10)

    monkeypatch.setattr(durable, "_load", load)
    async with DurableEngine(tmp_path, {"nothing": nothing}) as engine:
        async with anyio.create_task_group() as callers:
            callers.start_soon(engine.start, "nothing", "s1", "ds-1")
            await asked.wait()
            callers.cancel_scope.cancel()
        # It runs when the loop is next given a turn: by then the engine is closing.
        asyncio.get_running_loop().call_soon(closing_begins.set)
    gc.collect()
    assert caplog.records == []


async def test_a_step_that_cannot_be_stopped_keeps_its_saga_from_being_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_STOP_S", 0.1)
    inside, go = threading.Event(), threading.Event()
    begun: list[str] = []

    def block() -> None:
        begun.append("blocking")
        inside.set()
        go.wait(60)

    async def stubborn(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            await anyio.to_thread.run_sync(block)
            return {}

        await perform("blocking", effect)

    with anyio.fail_after(30):
        async with DurableEngine(tmp_path, {"stubborn": stubborn}) as engine:
            await engine.start("stubborn", "s1", "ds-1")
            await anyio.to_thread.run_sync(inside.wait)
        try:
            async with DurableEngine(tmp_path, {"stubborn": stubborn}) as successor:
                await successor.resume()
                assert not await successor.wait("s1", 0.3)
        finally:
            go.set()
    assert begun == ["blocking"]


async def test_engines_that_come_and_go_in_order_do_not_use_up_the_adoptions(tmp_path: Path) -> None:
    go = False
    begun: list[str] = []
    inside = anyio.Event()

    async def long(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            begun.append(saga_id)
            inside.set()
            if not go:
                await anyio.sleep_forever()
            return {}

        await perform("long", effect)

    for _engine in range(4):
        inside = anyio.Event()
        async with DurableEngine(tmp_path, {"long": long}, attempts=3) as engine:
            await engine.start("long", "s1", "ds-1")
            await inside.wait()
    go = True
    async with DurableEngine(tmp_path, {"long": long}, attempts=3) as engine:
        assert await engine.wait("s1", 10)
    assert begun == ["s1"] * 5


async def test_sagas_that_ended_long_ago_are_forgotten(tmp_path: Path) -> None:
    async with DurableEngine(tmp_path, {"nothing": nothing}) as engine:
        await engine.start("nothing", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    async with DurableEngine(
        tmp_path, {"nothing": nothing}, now=lambda: datetime.now(UTC) + timedelta(days=31)
    ) as later:
        assert await later.wait("s1", 0)
        await later.launch()
        assert not await later.wait("s1", 0)


@pytest.mark.parametrize("damage", ["garbage", "a table of somebody else's"])
async def test_a_damaged_database_is_an_error_and_mending_it_is_enough(tmp_path: Path, damage: str) -> None:
    database = tmp_path / "engine.sqlite"
    if damage == "garbage":
        database.write_text("this is no database at all, and it is long enough to be one" * 20)
    else:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("CREATE TABLE operation_outputs (other TEXT)")
    async with DurableEngine(tmp_path, {"nothing": nothing}, watch_s=0.01) as engine:
        with pytest.raises(StoreFailedError, match=r"engine.*database"):
            await engine.start("nothing", "s1", "ds-1")
        for part in ("", "-wal", "-shm"):
            database.with_name(f"engine.sqlite{part}").unlink(missing_ok=True)
        await engine.start("nothing", "s1", "ds-1")
        assert await engine.wait("s1", 10)


async def test_an_engine_whose_folder_is_gone_still_closes(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    async with DurableEngine(folder, {"nothing": nothing}) as engine:
        await engine.launch()
        await anyio.to_thread.run_sync(shutil.rmtree, folder)


async def test_a_database_that_fails_later_is_an_error(tmp_path: Path) -> None:
    async with DurableEngine(tmp_path, {"nothing": nothing}) as engine:
        await engine.launch()
        with closing(sqlite3.connect(tmp_path / "engine.sqlite")) as connection, connection:
            connection.execute("DROP TABLE workflow_input")
        with pytest.raises(StoreFailedError, match="could not start saga s1: SQLite reports SQLITE_ERROR"):
            await engine.start("nothing", "s1", "ds-1")


def test_a_database_that_is_just_being_made_holds_no_sagas(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "engine.sqlite")
    assert journal.list_unfinished() == []
    journal.prepare()
    assert (journal.list_unfinished(), journal.has_ended("s1")) == ([], False)


async def test_sagas_that_pass_by_are_forgotten_after_a_day_whenever_it_is_asked(
    engine_location: Path | PostgresAddress,
) -> None:
    ahead = [timedelta()]
    async with DurableEngine(
        engine_location,
        {"nothing": nothing},
        short_lived_prefixes=["tick:"],
        now=lambda: datetime.now(UTC) + ahead[0],
    ) as engine:
        for each in ("tick:1", "kept"):
            await engine.start("nothing", each, "d1")
            assert await engine.wait(each, 20)
        await engine.purge()
        assert await engine.wait("tick:1", 0)
        ahead[0] = timedelta(days=2)
        await engine.purge()
        assert (await engine.wait("tick:1", 0), await engine.wait("kept", 0)) == (False, True)


async def test_a_saga_that_this_process_may_not_run_is_left_to_one_that_may(tmp_path: Path) -> None:
    inside, asked = anyio.Event(), []

    async def walk(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            inside.set()
            await anyio.sleep_forever()
            return {}

        await perform("walk", effect)

    async def refuse(saga_id: str) -> bool:
        asked.append(saga_id)
        return False

    async with DurableEngine(tmp_path, {"walk": walk}) as engine:
        await engine.start("walk", "s1", "ds-1")
        await inside.wait()
    async with DurableEngine(tmp_path, {"walk": nothing}, may_run=refuse, watch_s=60) as other:
        await other.resume()
        assert not await other.wait("s1", 0)
    assert "s1" in asked
    async with DurableEngine(tmp_path, {"walk": nothing}) as engine:
        await engine.resume()
        assert await engine.wait("s1", 10)
