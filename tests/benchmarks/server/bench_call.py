"""What a call of a read tool costs over stdio and HTTP, beside a tool of the bare SDK that does nothing."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path
from socket import create_server
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio

from domain.model.enums import DatasetType, Stage
from domain.model.principal import Principal
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.process import open_services
from server.settings import load_settings
from tests.benchmarks.measure import Goal, Row, medians
from tests.benchmarks.server.server_clients import Http, Stdio, bare, ours, run_server
from tests.support.entities import client, dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from domain.ports import UnitOfWork

GOAL: Final = Goal(bound=3, at_most=True)
ORPHANS: Final = len(Stage) * len(DatasetType)


def rows(*, quick: bool) -> list[Row]:
    """An empty page and one of some orphans over stdio, and the empty one over HTTP."""
    rounds, calls = (20, 10) if quick else (60, 25)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        anyio.run(_fill_store, folder)
        on_record = anyio.run(_on_record, folder, rounds * calls // 2)
        return [*_over_stdio(folder, rounds, calls), _over_http(folder, rounds, calls), on_record]


def _over_stdio(folder: Path, rounds: int, calls: int) -> list[Row]:
    with closing(Stdio(ours(folder))) as mine, closing(Stdio(bare())) as theirs:
        assert len(_page(mine, "acme")["items"]) == ORPHANS
        took = medians(
            rounds,
            {
                "empty": lambda: _time_calls(lambda: _page(mine, "none"), calls),
                "full": lambda: _time_calls(lambda: _page(mine, "acme"), calls),
                "bare": lambda: _time_calls(lambda: theirs.call("list_nothing", {}), calls),
            },
        )
    return [
        _row("list_orphans over stdio", took["empty"], took["bare"], GOAL),
        _row(f"the same with {ORPHANS} orphans on it", took["full"], took["bare"]),
    ]


def _over_http(folder: Path, rounds: int, calls: int) -> Row:
    with ExitStack() as stack:
        port = _free_port()
        command = ours(folder, "--transport", "http", "--port", str(port))
        mine = stack.enter_context(run_server(command, port))
        port = _free_port()
        theirs = stack.enter_context(run_server(bare(str(port)), port))
        _page(mine, "none")
        took = medians(
            rounds,
            {
                "empty": lambda: _time_calls(lambda: _page(mine, "none"), calls),
                "bare": lambda: _time_calls(lambda: theirs.call("list_nothing", {}), calls),
            },
        )
    return _row("list_orphans over HTTP", took["empty"], took["bare"], GOAL)


async def _on_record(folder: Path, calls: int) -> Row:
    """What it takes of a call to be counted against the limit and recorded, beside the call's own work."""
    ours(folder)  # its limit of calls is never reached
    settings = load_settings({}, folder / "bench.yaml", folder, cwd=folder)
    caller = Principal(subject="agent:bench")
    recording, working = [], []
    async with open_services(settings, sagas=False) as services:
        for _ in range(calls):
            began = time.perf_counter()
            called = services.calls.begin(caller, "orphans", "bench", {"client_id": "none"})
            await services.calls.count(called)
            recorded = time.perf_counter() - began
            began = time.perf_counter()
            await services.orphans.list(called, client_id="none")
            working.append(time.perf_counter() - began)
            began = time.perf_counter()
            await services.calls.record_success(called)
            recording.append(recorded + time.perf_counter() - began)
    mine, work = median(recording), median(working)
    return Row(
        what="of it, being counted and on record",
        figure=f"{mine * 1e3:.2f} ms",
        beside=f"the reading of the page {work * 1e3:.2f} ms",
        ratio=mine / work,
    )


def _page(server: Stdio | Http, client_id: str) -> dict[str, Any]:
    page: dict[str, Any] = server.call("list_orphans", {"client_id": client_id})["structuredContent"]
    return page


def _time_calls(call: Callable[[], object], calls: int) -> float:
    """The median of some calls, in seconds."""
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return median(took)


def _row(what: str, mine: float, theirs: float, goal: Goal | None = None) -> Row:
    return Row(
        what=what,
        figure=f"{mine * 1e3:.2f} ms",
        beside=f"bare SDK tool {theirs * 1e3:.2f} ms",
        ratio=mine / theirs,
        goal=goal,
    )


async def _fill_store(folder: Path) -> None:
    """A store in which one client has orphans whose journey is not on record, and another has nothing."""

    def fill(uow: UnitOfWork) -> None:
        for client_id in ("acme", "none"):
            uow.clients.put(client(client_id))
        for stage, dataset_type in product(Stage, DatasetType):
            uow.datasets.put(dataset(f"ds-{stage}-{dataset_type}", stage=stage, dataset_type=dataset_type))

    async with SqliteStore(load_settings({}, data_dir=folder, cwd=folder).store_path) as store:
        await store.transact(fill)


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port
