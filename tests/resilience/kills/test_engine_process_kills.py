"""Sagas outlive their processes, and two processes never run the same one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import pytest

from domain.ports.engine import DeadLetter
from server.adapters.engine.engine import DurableEngine
from tests.conftest import ADOPTIONS
from tests.support.engines.adoption import measure_adoption
from tests.support.polling import wait_for
from tests.support.stores.postgres_server import database_name

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.support.engines.processes import EngineProcesses
    from tests.support.stores.postgres_server import PostgresServer

STEPS = ("one", "two", "three")


def has_ended(hosts: EngineProcesses, saga_id: str) -> bool:
    with closing(hosts.open_journal()) as journal:
        return journal.has_ended(saga_id)


async def wait_for_kill(process: subprocess.Popen[str]) -> None:
    await anyio.to_thread.run_sync(process.wait)
    assert process.returncode == -9, process.communicate()


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        pytest.param(step, moment, marks=[] if step == "two" else [pytest.mark.exhaustive])
        for step in STEPS
        for moment in ("before", "inside", "after")
    ],
)
async def test_the_next_process_finishes_what_a_killed_one_began(
    engine_processes: EngineProcesses, step: str, moment: str
) -> None:
    engine_processes.set_mark("go")
    await wait_for_kill(engine_processes.start_process("walk:s1", die_at=f"{step}:{moment}"))
    assert DurableEngine.has_unfinished_sagas(engine_processes.where)

    engine_processes.start_process()
    await wait_for(lambda: has_ended(engine_processes, "s1"))
    repeated = [step] if moment == "inside" else []
    assert sorted(engine_processes.read_steps("s1")) == sorted([*STEPS, *repeated])
    assert not DurableEngine.has_unfinished_sagas(engine_processes.where)


async def test_a_survivor_adopts_what_a_killed_process_was_doing(engine_processes: EngineProcesses) -> None:
    survivor = engine_processes.start_process("launch")
    await engine_processes.wait_until_up(survivor, "launched")
    doomed = engine_processes.start_process("walk:s1")
    await wait_for(lambda: engine_processes.read_steps("s1") == ["one", "two"])
    engine_processes.set_mark("go")
    doomed.kill()
    await wait_for(lambda: has_ended(engine_processes, "s1"))
    assert [pid for _saga, _step, pid in engine_processes.read_effects()][-2:] == [survivor.pid] * 2


async def test_a_saga_that_is_slow_is_not_run_by_another_live_process(
    engine_processes: EngineProcesses,
) -> None:
    slow = engine_processes.start_process("walk:s1")
    await wait_for(lambda: engine_processes.read_steps("s1") == ["one", "two"])
    other = engine_processes.start_process("walk:s1", "walk:s2")
    await wait_for(lambda: engine_processes.read_steps("s2") == ["one", "two"])
    engine_processes.set_mark("go")
    await wait_for(lambda: has_ended(engine_processes, "s1") and has_ended(engine_processes, "s2"))
    assert [(saga, step, pid) for saga, step, pid in engine_processes.read_effects() if saga == "s1"] == [
        ("s1", step, slow.pid) for step in STEPS
    ]
    assert {pid for saga, _step, pid in engine_processes.read_effects() if saga == "s2"} == {other.pid}


async def test_two_processes_that_start_the_same_sagas_at_once_run_each_once(
    engine_processes: EngineProcesses,
) -> None:
    both = [
        engine_processes.start_process("launch", *(f"walk:s{each}" for each in range(5))) for _ in range(2)
    ]
    for each in both:
        await engine_processes.wait_until_up(each, "launched")
    engine_processes.set_mark("go")
    engine_processes.set_mark("begin")
    for saga_id in (f"s{each}" for each in range(5)):
        await wait_for(lambda saga_id=saga_id: has_ended(engine_processes, saga_id))  # type: ignore[misc]
    assert sorted((saga, step) for saga, step, _pid in engine_processes.read_effects()) == sorted(
        (f"s{each}", step) for each in range(5) for step in STEPS
    )


async def test_one_of_two_survivors_adopts(engine_processes: EngineProcesses) -> None:
    survivors = [engine_processes.start_process("launch") for _ in range(2)]
    for each in survivors:
        await engine_processes.wait_until_up(each, "launched")
    doomed = engine_processes.start_process(*(f"walk:s{each}" for each in range(5)))
    await wait_for(lambda: len(engine_processes.read_effects()) == 10)
    doomed.kill()
    await wait_for(lambda: len(engine_processes.read_effects()) == 15)
    engine_processes.set_mark("go")
    for saga_id in (f"s{each}" for each in range(5)):
        await wait_for(lambda saga_id=saga_id: has_ended(engine_processes, saga_id))  # type: ignore[misc]
        assert engine_processes.read_steps(saga_id) == ["one", "two", "two", "three"]


async def test_a_saga_that_kills_its_process_is_left_alone_after_some_adoptions(
    engine_processes: EngineProcesses,
) -> None:
    await wait_for_kill(engine_processes.start_process("kill:s1"))
    for _adoption in range(2):
        await wait_for_kill(engine_processes.start_process())
    calm = engine_processes.start_process()
    assert calm.stderr
    assert "saga_stranded" in await anyio.to_thread.run_sync(calm.stderr.readline)
    engine_processes.set_mark("stop")
    await anyio.to_thread.run_sync(calm.communicate)
    assert engine_processes.read_steps("s1") == ["kill"] * 3
    async with DurableEngine(engine_processes.where, {}, attempts=3, dead_after_s=0) as engine:
        assert await engine.fetch_dead_letters() == [DeadLetter(saga_id="s1", step="kill", attempts=3)]
        await engine.discard_saga("s1")
        assert await engine.fetch_dead_letters() == []
        assert await engine.wait("s1", 0)


async def test_a_process_that_ends_in_order_says_nothing_and_leaves_no_lock(
    engine_processes: EngineProcesses,
) -> None:
    process = engine_processes.start_process("walk:s1")
    await wait_for(lambda: engine_processes.read_steps("s1") == ["one", "two"])
    engine_processes.set_mark("stop")
    out, log = await anyio.to_thread.run_sync(process.communicate)
    assert (out, log, process.returncode) == ("", "", 0)
    assert DurableEngine.has_unfinished_sagas(engine_processes.where)
    assert list((engine_processes.folder / "engine" / "owners").glob("*.lock")) == []


@pytest.mark.parametrize(
    "kills", [2, pytest.param(10, marks=pytest.mark.exhaustive)], ids=lambda kills: f"{kills} kills"
)
async def test_survivors_go_on_with_what_dead_processes_did_and_how_soon_is_told(
    engine_processes: EngineProcesses, kills: int, record_property: Callable[[str, object], None]
) -> None:
    """How soon it must be is a matter of how often is looked, which `test_adoption` adds up; here it is measured."""
    taken = await measure_adoption(engine_processes, kills)
    where = "SQLite" if isinstance(engine_processes.where, Path) else "PostgreSQL"
    shown = ", ".join(f"{each:.1f}" for each in taken)
    record_property(
        ADOPTIONS, f"{where}: {shown} s from SIGKILL to the end of the first step; at most 10 by design"
    )


@pytest.mark.parametrize("engine_processes", ["postgres"], indirect=True)
async def test_an_owner_that_lost_its_session_is_left_alone(
    engine_processes: EngineProcesses, postgres: PostgresServer
) -> None:
    """The server ends every session, as at a restart; nobody died, so nothing may be adopted."""
    other = engine_processes.start_process("launch")
    await engine_processes.wait_until_up(other, "launched")
    slow = engine_processes.start_process("walk:s1")
    await wait_for(lambda: engine_processes.read_steps("s1") == ["one", "two"])
    name = database_name((engine_processes.folder / "url").read_text())
    holds = f"select 1 from pg_locks join pg_database d on d.oid = database where datname = '{name}' and objsubid = 1"  # noqa: S608
    held = len(postgres.execute(holds))
    postgres.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608
    await wait_for(lambda: len(postgres.execute(holds)) >= held)
    engine_processes.set_mark("go")
    await wait_for(lambda: has_ended(engine_processes, "s1"), 30)
    assert engine_processes.read_effects() == [("s1", step, slow.pid) for step in STEPS]
