"""Sagas outlive their processes, and two processes never run the same one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import pytest

from domain.stranding import Stranded
from server.adapters.engine.durable import DurableEngine
from tests.conftest import ADOPTIONS
from tests.postgres import name_of
from tests.server.adapters.engine.adopting import adopted
from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.postgres import Cluster
    from tests.server.adapters.engine.conftest import Hosts

STEPS = ("one", "two", "three")


def ended(hosts: Hosts, saga_id: str) -> bool:
    with closing(hosts.journal()) as journal:
        return journal.ended(saga_id)


async def killed(process: subprocess.Popen[str]) -> None:
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
    hosts: Hosts, step: str, moment: str
) -> None:
    hosts.say("go")
    await killed(hosts.run("walk:s1", die_at=f"{step}:{moment}"))
    assert DurableEngine.pending(hosts.where)

    hosts.run()
    await eventually(lambda: ended(hosts, "s1"))
    repeated = [step] if moment == "inside" else []
    assert sorted(hosts.steps("s1")) == sorted([*STEPS, *repeated])
    assert not DurableEngine.pending(hosts.where)


async def test_a_survivor_adopts_what_a_killed_process_was_doing(hosts: Hosts) -> None:
    survivor = hosts.run("launch")
    await hosts.up(survivor, "launched")
    doomed = hosts.run("walk:s1")
    await eventually(lambda: hosts.steps("s1") == ["one", "two"])
    hosts.say("go")
    doomed.kill()
    await eventually(lambda: ended(hosts, "s1"))
    assert [pid for _saga, _step, pid in hosts.effects()][-2:] == [survivor.pid] * 2


async def test_a_saga_that_is_slow_is_not_run_by_another_live_process(hosts: Hosts) -> None:
    slow = hosts.run("walk:s1")
    await eventually(lambda: hosts.steps("s1") == ["one", "two"])
    other = hosts.run("walk:s1", "walk:s2")
    await eventually(lambda: hosts.steps("s2") == ["one", "two"])
    hosts.say("go")
    await eventually(lambda: ended(hosts, "s1") and ended(hosts, "s2"))
    assert [(saga, step, pid) for saga, step, pid in hosts.effects() if saga == "s1"] == [
        ("s1", step, slow.pid) for step in STEPS
    ]
    assert {pid for saga, _step, pid in hosts.effects() if saga == "s2"} == {other.pid}


async def test_two_processes_that_start_the_same_sagas_at_once_run_each_once(hosts: Hosts) -> None:
    both = [hosts.run("launch", *(f"walk:s{each}" for each in range(5))) for _ in range(2)]
    for each in both:
        await hosts.up(each, "launched")
    hosts.say("go")
    hosts.say("begin")
    for saga_id in (f"s{each}" for each in range(5)):
        await eventually(lambda saga_id=saga_id: ended(hosts, saga_id))  # type: ignore[misc]
    assert sorted((saga, step) for saga, step, _pid in hosts.effects()) == sorted(
        (f"s{each}", step) for each in range(5) for step in STEPS
    )


async def test_one_of_two_survivors_adopts(hosts: Hosts) -> None:
    survivors = [hosts.run("launch") for _ in range(2)]
    for each in survivors:
        await hosts.up(each, "launched")
    doomed = hosts.run(*(f"walk:s{each}" for each in range(5)))
    await eventually(lambda: len(hosts.effects()) == 10)
    doomed.kill()
    await eventually(lambda: len(hosts.effects()) == 15)
    hosts.say("go")
    for saga_id in (f"s{each}" for each in range(5)):
        await eventually(lambda saga_id=saga_id: ended(hosts, saga_id))  # type: ignore[misc]
        assert hosts.steps(saga_id) == ["one", "two", "two", "three"]


async def test_a_saga_that_kills_its_process_is_left_alone_after_some_adoptions(hosts: Hosts) -> None:
    await killed(hosts.run("kill:s1"))
    for _adoption in range(2):
        await killed(hosts.run())
    calm = hosts.run()
    assert calm.stderr
    assert "saga_stranded" in await anyio.to_thread.run_sync(calm.stderr.readline)
    hosts.say("stop")
    await anyio.to_thread.run_sync(calm.communicate)
    assert hosts.steps("s1") == ["kill"] * 3
    async with DurableEngine(hosts.where, {}, attempts=3, dead_after_s=0) as engine:
        assert await engine.stranded() == [Stranded(saga_id="s1", step="kill", attempts=3)]
        await engine.forsake("s1")
        assert await engine.stranded() == []
        assert await engine.wait("s1", 0)


async def test_a_process_that_ends_in_order_says_nothing_and_leaves_no_lock(hosts: Hosts) -> None:
    process = hosts.run("walk:s1")
    await eventually(lambda: hosts.steps("s1") == ["one", "two"])
    hosts.say("stop")
    out, log = await anyio.to_thread.run_sync(process.communicate)
    assert (out, log, process.returncode) == ("", "", 0)
    assert DurableEngine.pending(hosts.where)
    assert list((hosts.folder / "engine" / "owners").glob("*.lock")) == []


@pytest.mark.parametrize(
    "kills", [2, pytest.param(10, marks=pytest.mark.exhaustive)], ids=lambda kills: f"{kills} kills"
)
async def test_survivors_go_on_with_what_dead_processes_did_and_how_soon_is_told(
    hosts: Hosts, kills: int, record_property: Callable[[str, object], None]
) -> None:
    """How soon it must be is a matter of how often is looked, which `test_adoption` adds up; here it is measured."""
    taken = await adopted(hosts, kills)
    where = "SQLite" if isinstance(hosts.where, Path) else "PostgreSQL"
    shown = ", ".join(f"{each:.1f}" for each in taken)
    record_property(
        ADOPTIONS, f"{where}: {shown} s from SIGKILL to the end of the first step; at most 10 by design"
    )


@pytest.mark.parametrize("hosts", ["postgres"], indirect=True)
async def test_an_owner_that_lost_its_session_is_left_alone(hosts: Hosts, postgres: Cluster) -> None:
    """The server ends every session, as at a restart; nobody died, so nothing may be adopted."""
    other = hosts.run("launch")
    await hosts.up(other, "launched")
    slow = hosts.run("walk:s1")
    await eventually(lambda: hosts.steps("s1") == ["one", "two"])
    name = name_of((hosts.folder / "url").read_text())
    holds = f"select 1 from pg_locks join pg_database d on d.oid = database where datname = '{name}' and objsubid = 1"  # noqa: S608
    held = len(postgres.execute(holds))
    postgres.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608
    await eventually(lambda: len(postgres.execute(holds)) >= held)
    hosts.say("go")
    await eventually(lambda: ended(hosts, "s1"), 30)
    assert hosts.effects() == [("s1", step, slow.pid) for step in STEPS]
