"""What holds when several processes share one store."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from domain.ports import DatasetQuery, Setting
from tests.support.entities import client
from tests.support.stores.store_process import ALLOWED, CALLERS, ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stores.postgres_server import PostgresServer
    from tests.support.stores.store_adapters import StoreLocation

    class RunTogether(Protocol):
        def __call__(self, job: str, processes: int = ...) -> list[str]: ...


_ROOT = Path(__file__).parents[3]
_CALLER = _ROOT / "tests" / "support" / "stores" / "store_process.py"


class StoreProcess:
    """One process, which uses whichever stores it is told to."""

    def __init__(self, stack: ExitStack) -> None:
        self._process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-W", "error", str(_CALLER)],
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(self.kill)

    def begin(self, job: str, adapter: str, folder: Path) -> None:
        """Have it do that job on that store."""
        assert self._process.stdin
        self._process.stdin.write(f"{job} {adapter} {folder}\n")
        self._process.stdin.flush()

    def read_line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def start_store_processes(count: int) -> Iterator[list[StoreProcess]]:
    """So many processes, each at the point where it waits for its first job."""
    with ExitStack() as stack:
        started = [StoreProcess(stack) for _ in range(count)]
        assert [each.read_line() for each in started] == ["ready"] * count
        yield started


@pytest.fixture(scope="module")
def store_processes() -> Iterator[list[StoreProcess]]:
    """Processes for all tests here, as their start takes far longer than any job; each test has a store of its own."""
    with start_store_processes(4) as started:
        yield started


@pytest.fixture
def run_together(store_processes: list[StoreProcess], adapter: str, location: StoreLocation) -> RunTogether:
    """Has some processes do one job on the test's store at once; gives what each came to."""

    def run(job: str, processes: int = 2) -> list[str]:
        working = store_processes[:processes]
        for process in working:
            process.begin(job, adapter, location.folder)
        return [process.read_line() for process in working]

    return run


class NewDatabases:
    """Databases without tables: whoever opens one first makes them."""

    def __init__(self, cluster: PostgresServer) -> None:
        self._cluster = cluster

    @contextmanager
    def lend(self) -> Iterator[str]:
        url = self._cluster.create_icu_database()
        yield url
        self._cluster.drop_database(url)


@pytest.fixture
def databases(postgres: PostgresServer) -> NewDatabases:
    return NewDatabases(postgres)


def test_processes_that_start_at_once_on_a_new_folder_share_one_installation(
    run_together: RunTogether,
) -> None:
    ids = run_together("installation", processes=4)

    assert ids[0]
    assert ids == [ids[0]] * 4


async def test_ten_callers_in_each_of_two_processes_make_one_dataset(
    run_together: RunTogether, location: StoreLocation
) -> None:
    admitted = run_together("admit")

    async with location.open_store() as store:
        rows = await store.read(lambda uow: uow.datasets.find(DatasetQuery()))
    assert sorted(admitted) == ["0", "1"]
    assert len(rows) == 1
    assert CALLERS == 10


def test_two_processes_together_let_through_no_more_calls_than_one_principal_may_make(
    run_together: RunTogether,
) -> None:
    let_through = [int(each) for each in run_together("use")]
    assert sum(let_through) == ALLOWED


async def test_reading_and_then_writing_is_serialised_over_processes_and_never_refused(
    run_together: RunTogether, location: StoreLocation
) -> None:
    assert run_together("count", processes=3) == ["done"] * 3

    async with location.open_store() as store:
        assert await store.read(lambda uow: uow.settings.get(Setting("count", int))) == 3 * ROUNDS


async def test_a_process_killed_inside_a_transaction_leaves_nothing_and_holds_nobody_up(
    adapter: str, location: StoreLocation
) -> None:
    with start_store_processes(1) as [victim]:
        victim.begin("hang", adapter, location.folder)
        assert victim.read_line() == "inside"
        victim.kill()

    async with location.open_store() as store:
        assert await store.read(lambda uow: uow.clients.all()) == []
        await store.transact(lambda uow: uow.clients.put(client()))
        assert await store.read(lambda uow: uow.clients.all()) == [client()]
