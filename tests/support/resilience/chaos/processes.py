"""The processes, and where they come from: how they are begun, told what to do, killed and ended."""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import SocketAttribute

from tests.support.resilience.chaos.installation import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import ByteReceiveStream, Process, SocketStream

    from tests.support.resilience.chaos.installation import Installation
    from tests.support.resilience.chaos.plan import ProcessLife

    Answer = dict[str, Any]


class DiedError(Exception):
    """The process died before it answered."""


class ForkServer:
    """Brings processes to life, and hears of their deaths."""

    def __init__(self, place: Installation) -> None:
        self._place = place
        self._numbers = count(1)
        self._hosts: dict[int, ProcessHost] = {}
        self._ends: dict[int, tuple[anyio.Event, list[int]]] = {}
        self._turn = anyio.Lock()
        self._process: Process
        self._port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Lives begin inside, and none outlasts it."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as orders:
            self._port = orders.extra(SocketAttribute.local_port)  # noqa: S610 - nothing of Django's
            with self._place.log_path("fork_server").open("ab") as log:
                self._process = await anyio.open_process(
                    [sys.executable, "-m", "tests.support.resilience.chaos.fork_server"],
                    env=self._place.environ,
                    cwd=ROOT,
                    stderr=log,
                )
            async with self._process, anyio.create_task_group() as tasks:
                tasks.start_soon(orders.serve, self._send_orders)
                tasks.start_soon(self._read_exits)
                yield
                tasks.cancel_scope.cancel()

    async def start_life(self, host: ProcessHost, given: Answer) -> int:
        """Begin a life; its name."""
        name = next(self._numbers)
        self._hosts[name], self._ends[name] = host, (anyio.Event(), [])
        given = {**given, "life": name, "port": self._port}
        await self._send({"given": given, "log": str(self._place.log_path(str(host.number)))})
        return name

    async def wait_for_exit(self, name: int) -> int:
        """Wait for the end of a life; the exit status."""
        event, status = self._ends[name]
        await event.wait()
        del self._hosts[name], self._ends[name]
        return status[0]

    async def kill(self, name: int) -> None:
        """Kill a process, if it lives."""
        await self._send({"kill": name})

    async def _send(self, told: Answer) -> None:
        assert self._process.stdin
        async with self._turn:
            await self._process.stdin.send(json.dumps(told).encode() + b"\n")

    async def _read_exits(self) -> None:
        assert self._process.stdout
        async for told in _lines(self._process.stdout):
            event, status = self._ends[told["life"]]
            status.append(told["status"])
            event.set()

    async def _send_orders(self, stream: SocketStream) -> None:
        async with stream:
            lines = _lines(stream)
            async for first in lines:
                if host := self._hosts.get(first["life"]):
                    await host.read_answers(stream, lines)
                return


async def _lines(stream: ByteReceiveStream) -> AsyncIterator[Answer]:
    rest = b""
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        while True:
            *lines, rest = (rest + await stream.receive()).split(b"\n")
            for line in lines:
                yield json.loads(line)


@dataclass
class ProcessHost:
    """One of the processes: dead, starting, or up."""

    number: int
    place: Installation
    fork_server: ForkServer
    brisk: bool
    up: anyio.Event = field(default_factory=anyio.Event)
    waiting: dict[int, tuple[anyio.Event, list[Answer]]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    life: int | None = None
    stream: SocketStream | None = None
    turn: anyio.Lock = field(default_factory=anyio.Lock)

    async def run_life(self, life: ProcessLife | None) -> int:
        """Live one life from its start to its death; the exit status."""
        given = {
            "data": str(self.place.data_folder(self.number)),
            "config": str(self.place.config),
            "moment": life.moment if life else 0,
            "later_s": life.later_s if life else 0.0,
            "brisk": self.brisk,
        }
        self.life = await self.fork_server.start_life(self, given)
        status = await self.fork_server.wait_for_exit(self.life)
        self._pending_answers()
        return status

    async def send_command(self, command: Answer) -> Answer:
        """Its answer. Raises DiedError."""
        stream = self.stream
        if stream is None or not self.up.is_set():
            raise DiedError
        number, event = next(self.numbers), anyio.Event()
        answers: list[Answer] = []
        self.waiting[number] = (event, answers)
        try:
            async with self.turn:
                await stream.send(json.dumps({"number": number, **command}).encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise DiedError from None
        await event.wait()
        if not answers:
            raise DiedError
        return answers[0]

    async def kill(self) -> None:
        """Kill it, wherever it is."""
        if self.life is not None:
            await self.fork_server.kill(self.life)

    async def end_orders(self) -> None:
        """Have no more orders for it, so that it ends well."""
        if self.stream:
            await self.stream.send_eof()

    async def read_answers(self, stream: SocketStream, lines: AsyncIterator[Answer]) -> None:
        """Take its answers as they come."""
        self.stream = stream
        async for answer in lines:
            if answer["number"] == 0:
                self.up.set()
            elif heard := self.waiting.pop(answer["number"], None):
                event, answers = heard
                answers.append(answer)
                event.set()

    def _pending_answers(self) -> None:
        self.up, self.life, self.stream = anyio.Event(), None, None
        for event, _ in self.waiting.values():
            event.set()
        self.waiting.clear()
