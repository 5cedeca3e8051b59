"""The fork server, seen from the test that has it fork."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import anyio
import msgspec

from tests.support.resilience.kills.processes.orders import ProcessOrder, ProcessReport
from tests.support.servers.data_folder import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_LONG_S = 180.0


class ForkedProcess:
    """A process that was forked; `log` is what it wrote."""

    def __init__(self, order: ProcessOrder) -> None:
        self.order = order
        self.pid = Future[int]()
        self.status = Future[int]()

    async def wait_for_exit(self) -> int:
        """Its exit status; -9 when it was killed."""
        with anyio.fail_after(_LONG_S):
            return await asyncio.wrap_future(self.status)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if self.pid.done() and not self.status.done():
            os.kill(self.pid.result(), signal.SIGKILL)


class ForkServer:
    """Started inside its context. Coverage is not measured there: it would make every process a slow one."""

    def __init__(self) -> None:
        self._numbers = count()
        self._born: dict[int, ForkedProcess] = {}
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.resilience.kills.processes.fork_server"],
            cwd=ROOT,
            env={**kept, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._listener = threading.Thread(target=self._listen, name="fork_server", daemon=True)

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._listener.join()
        self._process.stdout.close()

    def fork(self, folder: Path, verb: str, **told: Any) -> ForkedProcess:
        """A new process of the product on that folder, with that order."""
        born = ForkedProcess(ProcessOrder(number=next(self._numbers), verb=verb, folder=str(folder), **told))
        self._born[born.order.number] = born
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(born.order) + b"\n")
        self._process.stdin.flush()
        return born

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            said = msgspec.json.decode(line, type=ProcessReport)
            if said.status is None:
                self._born[said.number].pid.set_result(said.pid)
            else:
                self._born.pop(said.number).status.set_result(said.status)
