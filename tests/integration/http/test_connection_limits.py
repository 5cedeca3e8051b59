"""Clients that take their time, and too many of them, at a server that asks none of them for a token."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import httpx
import pytest
from anyio import to_thread
from starlette.responses import PlainTextResponse

from server.infra.guarded_http import ConnectionLimits, connection_limit
from server.sandbox.http.server import SandboxServer
from server.web import http
from server.web.http import HEALTH_PATH, open_listening_socket
from tests.integration.http.test_http import Health, get, serve

ROOT: Final = Path(__file__).parents[3]
PATIENCE_S: Final = 30.0
LISTENS: Final = re.compile(r"Listening on 127\.0\.0\.1 port (\d+)")
GET_HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost:1\r\n\r\n"
HALF_A_HEAD: Final = b"POST /mcp HTTP/1.1\r\nHost: localhost:1\r\n"
HALF_A_BODY: Final = (
    HALF_A_HEAD
    + b"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: 100\r\n\r\n{"
)
TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\n"
MANY: Final = 160
LONGEST_OF_PROXIES_S: Final = 60
FEW_FILES: Final = 128


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def connect(port: int, sent: bytes = b"") -> socket.socket:
    """A connection, on which that much was sent."""
    made = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    made.sendall(sent)
    return made


def read_answer(connection: socket.socket) -> None:
    """Read an answer with a JSON object, to its end."""
    found = b""
    while not found.endswith(b"}"):
        found += connection.recv(4096)


async def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection, which it may also do without a word."""

    def read() -> bytes:
        found = b""
        try:
            while more := connection.recv(4096):
                found += more
        except ConnectionResetError:
            pass
        return found

    with connection:
        return await to_thread.run_sync(read)


@pytest.mark.parametrize(
    "sent", [b"", HALF_A_HEAD, HALF_A_BODY], ids=["nothing", "half a head", "half a body"]
)
async def test_a_request_that_does_not_come_to_its_end_is_given_up(sent: bytes) -> None:
    limits = ConnectionLimits(head_s=PATIENCE_S * 2, body_s=0.05)
    if sent != HALF_A_BODY:
        limits = ConnectionLimits(head_s=0.05, body_s=PATIENCE_S * 2)
    async with serve(Health(), limits) as address:
        assert (await read_to_end(connect(port_of(address), sent))).startswith(TOO_LATE)


async def test_so_is_the_next_request_on_the_same_connection() -> None:
    async with serve(Health(), ConnectionLimits(head_s=0.05)) as address:
        connection = connect(port_of(address), GET_HEALTH + HALF_A_HEAD[:10])
        answered = await read_to_end(connection)
        assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
        assert TOO_LATE in answered

        connection = connect(port_of(address), GET_HEALTH)
        await to_thread.run_sync(partial(connection.recv, 4096))
        connection.sendall(HALF_A_HEAD)
        assert TOO_LATE in await read_to_end(connection)


async def test_a_connection_without_a_request_is_kept_as_an_idle_one_and_not_as_half_a_request() -> None:
    assert ConnectionLimits().idle_s > LONGEST_OF_PROXIES_S
    async with serve(Health(), ConnectionLimits(head_s=0.05, idle_s=0.2)) as address:
        answered = await read_to_end(connect(port_of(address), GET_HEALTH))
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"408" not in answered


async def test_an_idle_connection_gives_way_before_one_that_sends() -> None:
    limits = ConnectionLimits(connections=2, health=frozenset({HEALTH_PATH}))
    async with serve(Health(), limits) as address:
        port = port_of(address)
        with connect(port, HALF_A_HEAD) as sending:
            idle = connect(port, GET_HEALTH)
            await to_thread.run_sync(read_answer, idle)
            assert await get(f"{address}/healthz") == (200, {"status": "up"})
            assert await read_to_end(idle) == b""
            sending.sendall(GET_HEALTH.partition(b"\r\n")[2])
            assert (await to_thread.run_sync(partial(sending.recv, 4096))).startswith(b"HTTP/1.1 ")


async def test_one_who_sends_on_after_the_answer_is_given_up_too() -> None:
    long = HALF_A_HEAD.replace(b"/mcp", b"/nowhere") + b"Content-Length: 100\r\n\r\n{"
    async with serve(Health(), ConnectionLimits(body_s=0.05)) as address:
        answered = await read_to_end(connect(port_of(address), long))
    assert answered.startswith(b"HTTP/1.1 404 Not Found\r\n")


async def test_whoever_has_waited_longest_makes_room_for_the_next() -> None:
    limits = ConnectionLimits(connections=2, health=frozenset({HEALTH_PATH}))
    async with serve(Health(), limits) as address:
        port = port_of(address)
        with connect(port, HALF_A_BODY):
            assert await get(f"{address}/healthz") == (200, {"status": "up"})
            second = connect(port, HALF_A_HEAD)
            # A body that is on its way is worth more than a head.
            for _ in range(2):
                assert await get(f"{address}/healthz") == (200, {"status": "up"})
            assert await read_to_end(second) == b""


async def test_a_server_at_work_everywhere_says_that_it_is_up_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "GRACE_S", 0)  # nobody waits for what is at work in the end
    health = Health()
    health.slow = True
    limits = ConnectionLimits(connections=1, health=frozenset({HEALTH_PATH}))
    async with serve(health, limits) as address, anyio.create_task_group() as tasks:
        tasks.start_soon(get, f"{address}/readyz")
        await health.asked.wait()
        assert await get(f"{address}/healthz") == (200, {"status": "up"})
        async with httpx.AsyncClient() as client:
            refused = await client.get(f"{address}/approvals")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["recovery"] == "wait"
        tasks.cancel_scope.cancel()


async def test_the_sandbox_gives_up_as_well() -> None:
    started = anyio.Event()
    server = SandboxServer(
        PlainTextResponse("here"), on_start=started.set, limits=ConnectionLimits(head_s=0.05)
    )
    listener = open_listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        await started.wait()
        assert (await read_to_end(connect(port, HALF_A_HEAD))).startswith(TOO_LATE)
        server.stop()


@pytest.mark.parametrize(
    ("files", "connections"), [(128, 32), (1024, 256), (100_000, 512), (resource.RLIM_INFINITY, 512), (2, 1)]
)
def test_connections_leave_files_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert connection_limit() == connections


@pytest.mark.resilience
def test_health_is_told_among_more_connections_than_there_are_files(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name.startswith("COV") or name == "PATH"}
    command = [
        sys.executable,
        "-m",
        "server",
        "serve",
        "--transport",
        "http",
        "--port",
        "0",
        "--no-schedules",
    ]
    with (
        subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f'ulimit -n {FEW_FILES}; exec "$0" "$@"',
                *command,
                "--data-dir",
                str(tmp_path),
            ],
            cwd=ROOT,
            env=kept,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        ExitStack() as stack,
    ):
        assert process.stderr is not None
        found = next(filter(None, map(LISTENS.search, process.stderr)))
        port = int(found[1])
        for number in range(MANY):
            stack.enter_context(connect(port, HALF_A_BODY if number % 2 else HALF_A_HEAD))
        for _ in range(3):
            assert b" 200 OK" in stack.enter_context(connect(port, GET_HEALTH)).recv(4096)
        process.terminate()
        told = process.stderr.read()
    assert told.count("connections are open") == 1
    assert "system resource" not in told
