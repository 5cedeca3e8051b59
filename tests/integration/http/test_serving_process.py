"""A serving process, from the first message to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 30.0
END_S = 2.0
"""A host sends SIGTERM two seconds after it closed stdin."""

GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class ForkServer:
    """The process that forks serving processes, and says what becomes of them."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.settimeout(PATIENCE_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.servers.stub_server_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )

    def fork(self, arguments: tuple[str, ...], streams: list[int]) -> int:
        """The id of a new process, with these streams."""
        socket.send_fds(self._orders, [json.dumps(arguments).encode()], streams)
        return self.receive()

    def receive(self) -> int:
        """What it says next."""
        number: int = json.loads(self._orders.recv(100))
        return number

    def close(self) -> None:
        self._orders.close()
        self._process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


class ServingProcess:
    """A serving process and its three streams."""

    def __init__(self, fork_server: ForkServer, *arguments: str) -> None:
        self._fork_server = fork_server
        self._status: int | None = None
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = os.pipe(), os.pipe(), os.pipe()
        self._pidfd = os.pidfd_open(fork_server.fork(arguments, [stdin, stdout, stderr]))
        for each in (stdin, stdout, stderr):
            os.close(each)
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(to_stdin, "w"),
            os.fdopen(from_stdout),
            os.fdopen(from_stderr),
        )

    def send(self, message: dict[str, Any]) -> None:
        self.stdin.write(json.dumps(message) + "\n")
        self.stdin.flush()

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        self.send(message)
        answer: dict[str, Any] = json.loads(self.stdout.readline())
        assert answer["id"] == message["id"]
        return answer

    def greet(self) -> None:
        assert self.ask(GREETING)["result"]["serverInfo"]["name"] == "dataset-lifecycle"
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self) -> None:
        asked = {"name": "list_orphans", "arguments": {}}
        answer = self.ask({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": asked})
        assert answer["result"]["structuredContent"]["items"] == []

    def end(self, kind: signal.Signals | None) -> tuple[int, float, str]:
        """End it by a signal, or (None) by closing stdin: exit status, seconds that it took, what it said."""
        began = time.monotonic()
        if kind is None:
            self.stdin.close()
        else:
            signal.pidfd_send_signal(self._pidfd, kind)
        status = self.wait()
        took = time.monotonic() - began
        assert self.stdout.read() == ""
        return status, took, self.stderr.read()

    def read_until(self, word: str) -> str:
        """What it says up to that word; all of it when it ends without."""
        said = ""
        while word not in said and (line := self.stderr.readline()):
            said += line
        return said

    def wait(self) -> int:
        if self._status is None:
            self._status = self._fork_server.receive()
        return self._status

    def kill(self) -> None:
        if self._status is None:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self.wait()
        os.close(self._pidfd)
        for each in (self.stdin, self.stdout, self.stderr):
            each.close()


StartServer = Callable[..., AbstractContextManager[ServingProcess]]


@pytest.fixture
def start_server(fork_server: ForkServer) -> StartServer:
    """`start_server(transport, *wishes)` has a process that serves, until the context ends."""

    @contextmanager
    def start(*arguments: str) -> Iterator[ServingProcess]:
        with TemporaryDirectory() as data_dir:
            process = ServingProcess(fork_server, data_dir, *arguments)
            try:
                yield process
            finally:
                process.kill()

    return start


@pytest.mark.parametrize(
    "kind", [signal.SIGTERM, signal.SIGINT, None], ids=["SIGTERM", "SIGINT", "closed stdin"]
)
def test_it_closes_its_services_and_ends_cleanly(
    start_server: StartServer, kind: signal.Signals | None
) -> None:
    with start_server("stdio") as process:
        process.greet()
        process.call()
        status, took, said = process.end(kind)
    assert (status, said.count("opened sagas=True"), said.count("closed")) == (0, 1, 1)
    assert took < END_S
    assert "stray output" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("kind", "wishes"),
    [(signal.SIGTERM, ["slow", "hurried"]), (None, ["slow"])],
    ids=["SIGTERM", "closed stdin"],
)
def test_it_ends_in_time_though_its_services_do_not_close(
    start_server: StartServer, kind: signal.Signals | None, wishes: list[str]
) -> None:
    with start_server("stdio", *wishes) as process:
        process.greet()
        process.call()
        status, took, said = process.end(kind)
    assert status == 0
    assert took < END_S
    assert "closed" not in said


def test_what_runs_is_finished_for_a_while_when_the_client_has_left(start_server: StartServer) -> None:
    with start_server("stdio", "busy", "brief") as process:
        process.greet()
        process.call()
        status, _, said = process.end(None)
    assert (status, said.count("The client has left."), said.count("closed")) == (0, 1, 1)


def test_a_signal_ends_that_at_once(start_server: StartServer) -> None:
    with start_server("stdio", "busy") as process:
        process.greet()
        process.call()
        process.stdin.close()
        process.read_until("The client has left.")
        status, took, said = process.end(signal.SIGTERM)
    assert (status, said.count("closed")) == (0, 1)
    assert took < END_S


def test_it_ends_without_having_opened_anything_when_nobody_asked(start_server: StartServer) -> None:
    with start_server("stdio") as process:
        process.greet()
        status, took, said = process.end(None)
    assert (status, "opened" in said) == (0, False)
    assert took < END_S


def test_work_that_was_left_behind_is_taken_up_though_nobody_calls(start_server: StartServer) -> None:
    with start_server("stdio", "pending") as process:
        process.greet()
        first, _, rest = process.read_until("opened").partition("\n")
        assert "Serving embedded sandbox, nobody else sees it." in first
        assert rest == "looked\nopened sagas=True\n"
        status, _, said = process.end(signal.SIGTERM)
    assert (status, said) == (0, "closed\n")


def test_it_ends_as_a_failure_when_the_client_died_over_an_answer(start_server: StartServer) -> None:
    with start_server("stdio") as process:
        process.greet()
        process.stdout.close()
        for number in range(2, 202):  # the first is answered before the input is at its end
            process.send({"jsonrpc": "2.0", "id": number, "method": "tools/list"})
        process.stdin.close()
        assert process.wait() == 1
        assert "Serving ended because of an error." in process.stderr.read()


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_over_http_it_ends_cleanly_too(start_server: StartServer, kind: signal.Signals) -> None:
    with start_server("http", "pending") as process:
        before = process.read_until("opened")
        assert re.search(r"Listening on 127\.0\.0\.1 port \d+, at /mcp\.", before)
        status, took, said = process.end(kind)
    assert (status, said.count("closed")) == (0, 1)
    assert took < 2 * END_S
    assert "Traceback" not in said
