"""Our server and the bare one, each in a process of its own, spoken to without an SDK: what is timed is the server."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio

from tests.benchmarks.measure import ROOT
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

INFO: Final = {"name": "bench", "version": "1"}
GREETING: Final = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFO}
STARTING_S: Final = 30.0
_MODERN: Final = "2026-07-28"
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientInfo": INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def ours(folder: Path, *arguments: str) -> list[str]:
    """The command that serves on that data folder; calls are counted as ever, with a bound that is never reached."""
    config = folder / "bench.yaml"
    config.write_text("dataops: {limits: {calls_per_minute: 1000000}}")
    own = ("--data-dir", str(folder), "--config", str(config))
    return [sys.executable, "-m", "server", *own, "serve", *arguments]


def bare(*arguments: str) -> list[str]:
    """The command of the peer."""
    return [sys.executable, "-m", "tests.benchmarks.server.bare_mcp_server", *arguments]


class Stdio:
    """A server on stdio, greeted: `greeted_s` is how long that took from its start."""

    def __init__(self, command: Sequence[str]) -> None:
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._id = 0
        self._ask("initialize", GREETING)
        self.greeted_s = time.perf_counter() - began
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers."""
        return self._ask("tools/call", {"name": tool, "arguments": arguments})

    def list_tools(self) -> dict[str, Any]:
        """The tools, as the server lists them."""
        return self._ask("tools/list", {})

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        return _result(answer, self._id)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


class Http:
    """A client of a server on a port, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._id = 0

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers."""
        self._id += 1
        params = {"name": tool, "arguments": arguments, "_meta": _META}
        self._connection.request(
            "POST",
            "/mcp",
            json.dumps({"jsonrpc": "2.0", "id": self._id, "method": "tools/call", "params": params}),
            {
                "content-type": "application/json",
                "accept": "application/json, text/event-stream",
                "mcp-protocol-version": _MODERN,
                "mcp-method": "tools/call",
                "mcp-name": tool,
            },
        )
        body = self._connection.getresponse().read()
        lines = [line for line in body.splitlines() if line.startswith((b"data: {", b"{"))]
        return _result(json.loads(lines[-1].removeprefix(b"data: ")), self._id)

    def close(self) -> None:
        """Leave."""
        self._connection.close()


@contextmanager
def run_server(command: Sequence[str], port: int) -> Iterator[Http]:
    """A server on that port as soon as it answers, ended afterwards."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Http(port)
    try:
        anyio.run(wait_for, lambda: _is_open(port), STARTING_S)
        yield client
    finally:
        client.close()
        process.kill()
        process.wait()


def _is_open(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    connection.close()
    return True


def _result(answer: dict[str, Any], number: int) -> dict[str, Any]:
    assert answer.get("id") == number, answer
    result: dict[str, Any] = answer["result"]
    assert not result.get("isError"), result
    return result
