"""What a server costs that nobody calls, beside a server of the bare SDK: before its first saga, and after it."""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio

from domain.model.enums import JourneyState, Stage
from server.adapters.store.sqlite.store import SqliteStore
from server.settings import load_settings
from tests.benchmarks.measure import Goal, Row
from tests.benchmarks.server.server_clients import Stdio, bare, ours
from tests.support.entities import client, journey

if TYPE_CHECKING:
    from domain.ports import UnitOfWork

IDLE_SHARE: Final = 0.005
"""Of a core, before the first saga."""
AFTER_SHARE: Final = 0.01
"""Of a core, after it; connectors are checked every minute by then."""
MEMORY_GOAL: Final = Goal(bound=1.3, at_most=True)
CPU_GOAL: Final = Goal(bound=1, at_most=True)
_REQUEST: Final = {
    "client_id": "acme",
    "journey_id": "q3",
    "stage": "sandbox",
    "dataset_type": "jira_issues",
    "record_count": 50,
}
_RESIDENT: Final = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


class _Idle(NamedTuple):
    """What a server takes that nobody calls."""

    share: float
    memory_mb: float
    threads: int


def rows(*, quick: bool) -> list[Row]:
    """All of them side by side, in folders of their own."""
    settle_s, watch_s = (8.0, 5.0) if quick else (15.0, 60.0)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = {"bare": stack.enter_context(closing(Stdio(bare())))}
        for each in ("greeted", "has read", "has run a saga"):
            folder = Path(name) / each.replace(" ", "-")
            folder.mkdir()
            anyio.run(_filled, folder)
            servers[each] = stack.enter_context(closing(Stdio(ours(folder))))
        servers["has read"].call("list_orphans", {})
        made = servers["has run a saga"].call("provision_dataset", _REQUEST)
        assert made["structuredContent"]["status"] == "ready", made
        time.sleep(settle_s)
        found = _watch({each: server.pid for each, server in servers.items()}, watch_s)
    peer = found.pop("bare")
    return [
        *(
            _cpu_row(each, idle, peer, AFTER_SHARE if each == "has run a saga" else IDLE_SHARE)
            for each, idle in found.items()
        ),
        *(_memory_row(each, idle, peer) for each, idle in found.items()),
    ]


def _watch(pids: dict[str, int], seconds: float) -> dict[str, _Idle]:
    began, before = time.monotonic(), {each: _cpu_s(pid) for each, pid in pids.items()}
    time.sleep(seconds)
    watched_s = time.monotonic() - began
    return {
        each: _Idle(
            share=(_cpu_s(pid) - before[each]) / watched_s,
            memory_mb=_resident_mb(pid),
            threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
        )
        for each, pid in pids.items()
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    found = _RESIDENT.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def _cpu_row(what: str, idle: _Idle, peer: _Idle, promised: float) -> Row:
    return Row(
        what=f"idle server that {_told(what)}",
        figure=f"{60 * idle.share:.2f} CPU s a minute, {100 * idle.share:.2f} %",
        beside=f"bare SDK server {60 * peer.share:.2f} s; promised {100 * promised:g} %",
        ratio=idle.share / promised,
        goal=CPU_GOAL,
    )


def _memory_row(what: str, idle: _Idle, peer: _Idle) -> Row:
    return Row(
        what=f"memory of a server that {_told(what)}",
        figure=f"{idle.memory_mb:.0f} MB, {idle.threads} threads",
        beside=f"bare SDK server {peer.memory_mb:.0f} MB, {peer.threads} threads",
        ratio=idle.memory_mb / peer.memory_mb,
        goal=None if what == "has run a saga" else MEMORY_GOAL,
    )


def _told(what: str) -> str:
    return "has greeted" if what == "greeted" else what


async def _filled(folder: Path) -> None:
    def fill(uow: UnitOfWork) -> None:
        uow.clients.put(client("acme"))
        uow.journeys.put(journey("q3", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE))

    async with SqliteStore(load_settings({}, data_dir=folder, cwd=folder).store_path) as store:
        await store.transact(fill)
