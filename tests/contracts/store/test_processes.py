"""What holds when several processes share one store."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.ports import DatasetQuery, Setting
from tests.support.entities import client
from tests.support.stores.postgres_server import database_name
from tests.support.stores.store_process import ALLOWED, CALLERS, ROUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.stores.postgres_server import PostgresServer
    from tests.support.stores.store_adapters import StoreLocation

    Start = Callable[[str], subprocess.Popen[str]]

_ROOT = Path(__file__).parents[3]
_CALLER = _ROOT / "tests" / "support" / "stores" / "store_process.py"


@pytest.fixture
def start_store_process(adapter: str, location: StoreLocation) -> Iterator[Start]:
    """Starts a process that is about to do a job, and waits for the line that lets it go."""
    with ExitStack() as stack:

        def begin(job: str) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-W", "error", str(_CALLER), adapter, str(location.folder), job],
                    env={**os.environ, "PYTHONPATH": str(_ROOT)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert read_line(process) == "ready"
            return process

        yield begin


@pytest.fixture
def store_template(postgres: PostgresServer) -> str:
    """A database without tables: whoever starts first makes them."""
    return database_name(postgres.create_icu_database())


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def release(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def run_together(start: Start, job: str, processes: int = 2) -> list[str]:
    started = [start(job) for _ in range(processes)]
    for process in started:
        release(process)
    return [read_line(process) for process in started]


def test_processes_that_start_at_once_on_a_new_folder_share_one_installation(
    start_store_process: Start,
) -> None:
    ids = run_together(start_store_process, "installation", processes=4)

    assert ids[0]
    assert ids == [ids[0]] * 4


async def test_ten_callers_in_each_of_two_processes_make_one_dataset(
    start_store_process: Start, location: StoreLocation
) -> None:
    admitted = run_together(start_store_process, "admit")

    async with location.open_store() as store:
        rows = await store.read(lambda uow: uow.datasets.find(DatasetQuery()))
    assert sorted(admitted) == ["0", "1"]
    assert len(rows) == 1
    assert CALLERS == 10


def test_two_processes_together_let_through_no_more_calls_than_one_principal_may_make(
    start_store_process: Start,
) -> None:
    let_through = [int(each) for each in run_together(start_store_process, "use")]
    assert sum(let_through) == ALLOWED


async def test_reading_and_then_writing_is_serialised_over_processes_and_never_refused(
    start_store_process: Start, location: StoreLocation
) -> None:
    assert run_together(start_store_process, "count", processes=3) == ["done"] * 3

    async with location.open_store() as store:
        assert await store.read(lambda uow: uow.settings.get(Setting("count", int))) == 3 * ROUNDS


async def test_a_process_killed_inside_a_transaction_leaves_nothing_and_holds_nobody_up(
    start_store_process: Start, location: StoreLocation
) -> None:
    victim = start_store_process("hang")
    release(victim)
    assert read_line(victim) == "inside"
    victim.kill()
    victim.wait()

    async with location.open_store() as store:
        assert await store.read(lambda uow: uow.clients.all()) == []
        await store.transact(lambda uow: uow.clients.put(client()))
        assert await store.read(lambda uow: uow.clients.all()) == [client()]
