"""Processes that serve, over services that only say when they are opened and closed.

One process imports everything, and forks a server whenever it is told to, so that each begins in milliseconds. An order
is one message on its socket: the server's arguments, as JSON, and its three streams. The answer is the server's process
id, and in a second message, when it has ended, its exit status. There is one server at a time.

Usage: python -m tests.support.servers.stub_server_process SOCKET
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import traceback
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import anyio
import anyio._backends._asyncio
import rich.logging
import uvicorn.lifespan.off
import uvicorn.protocols.http.h11_impl

from domain.audit.calls import CallAudit
from domain.governance.orphan_facts import OrphanPage
from server.adapters.clock import RandomIds, SystemClock
from server.adapters.store.sqlite.store import SqliteStore
from server.mcp_server import serve
from server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from server.settings import Settings

IMPORTED: Final = (anyio, rich, uvicorn)
"""Also what a server imports when it first needs it."""
LONGEST: Final = 4096
options: set[str] = set()
"""What is wished of this server: `pending`, there is work; `slow`, its services do not close; `hurried`, nor may they
take the time for it that hosts leave; `busy`, a saga runs and does not end; `brief`, nor may it take long."""


def write_line(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


class PrintingOrphans:
    """Orphans that print where they should not."""

    async def list(self, principal: object, **_: object) -> OrphanPage:
        print("stray output")  # noqa: T201 - what must not reach the protocol
        return OrphanPage(items=(), unknown=(), next_cursor=None, scanned_at=datetime.now(UTC))


class StubSagas:
    """Sagas of which none runs, or one that never ends."""

    def release_waiters(self) -> None:
        """Nobody waits."""

    async def wait_until_idle(self) -> None:
        if "busy" in options:
            await anyio.sleep_forever()


@asynccontextmanager
async def open_services(settings: Settings, *, sagas: bool, **_: object) -> AsyncIterator[Any]:
    async with SqliteStore(settings.store_path) as store:
        write_line(f"opened sagas={sagas}")
        try:
            yield SimpleNamespace(
                orphans=PrintingOrphans(),
                calls=CallAudit(store, SystemClock(), RandomIds()),
                sagas=StubSagas(),
            )
        finally:
            if "slow" in options:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep_forever()
            write_line("closed")


class PendingWork:
    """Work that is pending when the server's wishes say so."""

    def __init__(self, settings: object, *, schedules: bool) -> None:
        pass

    def __call__(self) -> bool:
        write_line("looked")
        return "pending" in options


def replace_module(name: str, **functions: object) -> None:
    """Have whoever imports that module find these functions, in place of the real ones."""
    module = ModuleType(name)
    vars(module).update(functions)
    sys.modules[name] = module


def run_server(data_dir: str, transport: str, *wishes: str) -> None:
    """Serve until the process ends."""
    options.update(wishes)
    if "hurried" in options:
        serve.CLOSING_S = 0.1  # type: ignore[misc] # shorter than it is
    if "brief" in options:
        serve.FINISH_S = 0.1  # type: ignore[misc] # shorter than it is
    replace_module("server.composition.process", open_services=open_services)
    replace_module("server.composition.pending_work", PendingWork=PendingWork)
    serve.run_server(load_settings({}, None, Path(data_dir)), cast("Any", transport), port=0)


def fork_servers(orders: socket.socket) -> None:
    """Fork a server for each order, until the other side hangs up."""
    assert threading.active_count() == 1
    while True:
        order, streams, _, _ = socket.recv_fds(orders, LONGEST, 3)
        if not order:
            return
        pid = os.fork()
        if pid == 0:
            orders.close()
            _run_child(json.loads(order), streams)
        for each in streams:
            os.close(each)
        orders.send(json.dumps(pid).encode())
        _, status = os.waitpid(pid, 0)
        orders.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())


def _run_child(arguments: list[str], streams: Sequence[int]) -> NoReturn:
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        run_server(*arguments)
    except BaseException:  # noqa: BLE001 - what forks must not be gone on with in here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    fork_servers(socket.socket(fileno=int(sys.argv[1])))
