"""A process that has imported everything and begun nothing, and forks a process of the product for each order.

So a process begins in milliseconds, with the product's own composition root, store, engine and sandbox; and it is
killed by the kernel as any other. Orders come as lines on the standard input, and what is said of them goes to the
standard output; when the input ends, whatever is left is killed.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

import anyio._backends._asyncio
import certifi
import dbos._sys_db_postgres
import dbos._sys_db_sqlite
import httpcore
import msgspec
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite
import uvicorn.lifespan.off

from server.adapters.engine import dbos_runtime, postgres_journal
from server.adapters.store.postgres import store
from server.infra.postgres import presence
from server.sandbox import app
from server.sandbox.http import server
from tests.support.resilience.kills.processes.orders import ProcessOrder, ProcessReport
from tests.support.resilience.kills.processes.process_main import run_order
from tests.support.sandbox.embedded import script_composed_sandboxes

_IMPORTED = (
    anyio,
    app,
    certifi,
    dbos,
    httpcore,
    postgres_journal,
    presence,
    server,
    dbos_runtime,
    sqlalchemy,
    store,
    uvicorn,
)
"""Also what others import when they first need it; or else every process would do that anew."""
_LINE = 1 << 16


def main() -> None:
    """Fork until the input ends."""
    assert threading.active_count() == 1
    script_composed_sandboxes()
    gc.disable()  # they live for a second
    gc.freeze()
    sys.modules.setdefault("trio", None)  # type: ignore[arg-type] # httpcore would look for it at every request
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    alive: dict[int, int] = {}
    text = b""
    try:
        while True:
            for key, _ in selector.select():
                if key.fd == sys.stdin.fileno():
                    read = os.read(key.fd, _LINE)
                    if not read:
                        return
                    *lines, text = (text + read).split(b"\n")
                    for line in lines:
                        order = msgspec.json.decode(line, type=ProcessOrder)
                        pid = _fork_process(order)
                        alive[pid] = order.number
                        selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                        _write_report(ProcessReport(number=order.number, pid=pid))
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _, status = os.waitpid(key.data, 0)
                    number = alive.pop(key.data)
                    _write_report(
                        ProcessReport(number=number, pid=key.data, status=os.waitstatus_to_exitcode(status))
                    )
    finally:
        for pid in alive:
            os.kill(pid, signal.SIGKILL)


def _fork_process(order: ProcessOrder) -> int:
    pid = os.fork()
    if pid == 0:
        _run_child(order)
    return pid


def _run_child(order: ProcessOrder) -> NoReturn:
    status = 1
    try:
        log = os.open(Path(order.folder) / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for number, copy in ((0, null), (1, log), (2, log)):
            os.dup2(copy, number)
        os.closerange(3, 1 << 10)
        run_order(order)
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the fork server's own life must not be gone on with
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _write_report(said: ProcessReport) -> None:
    os.write(1, msgspec.json.encode(said) + b"\n")


if __name__ == "__main__":
    main()
