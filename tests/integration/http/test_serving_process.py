"""A serving process, from the first message to its end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class ServingProcess:
    """A serving process and its three streams."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers.stub_server_process", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self.stdin, self.stdout, self.stderr = (
            self._process.stdin,
            self._process.stdout,
            self._process.stderr,
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
            self._process.send_signal(kind)
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
        return self._process.wait(20)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for each in (self.stdin, self.stdout, self.stderr):
            each.close()


@contextmanager
def start_serving_process(*arguments: str) -> Iterator[ServingProcess]:
    with TemporaryDirectory() as data_dir:
        process = ServingProcess(data_dir, *arguments)
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "kind", [signal.SIGTERM, signal.SIGINT, None], ids=["SIGTERM", "SIGINT", "closed stdin"]
)
def test_it_closes_its_services_and_ends_cleanly(kind: signal.Signals | None) -> None:
    with start_serving_process("stdio") as process:
        process.greet()
        process.call()
        status, took, said = process.end(kind)
    assert (status, said.count("opened sagas=True"), said.count("closed")) == (0, 1, 1)
    assert took < END_S
    assert "stray output" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("kind", [signal.SIGTERM, None], ids=["SIGTERM", "closed stdin"])
def test_it_ends_in_time_though_its_services_do_not_close(kind: signal.Signals | None) -> None:
    with start_serving_process("stdio", "slow") as process:
        process.greet()
        process.call()
        status, took, said = process.end(kind)
    assert status == 0
    assert took < END_S
    assert "closed" not in said


def test_it_ends_without_having_opened_anything_when_nobody_asked() -> None:
    with start_serving_process("stdio") as process:
        process.greet()
        status, took, said = process.end(None)
    assert (status, "opened" in said) == (0, False)
    assert took < END_S


def test_work_that_was_left_behind_is_taken_up_though_nobody_calls() -> None:
    with start_serving_process("stdio", "pending") as process:
        process.greet()
        assert process.read_until("opened") == "looked\nopened sagas=True\n"
        status, _, said = process.end(signal.SIGTERM)
    assert (status, said) == (0, "closed\n")


def test_it_ends_as_a_failure_when_the_client_died_over_an_answer() -> None:
    with start_serving_process("stdio") as process:
        process.greet()
        process.stdout.close()
        process.send({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        process.stdin.close()
        assert process.wait() == 1
        assert "Serving ended because of an error." in process.stderr.read()


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_over_http_it_ends_cleanly_too(kind: signal.Signals) -> None:
    with start_serving_process("http", "pending") as process:
        before = process.read_until("opened")
        assert re.search(r"Listening on 127\.0\.0\.1 port \d+, at /mcp\.", before)
        status, took, said = process.end(kind)
    assert (status, said.count("closed")) == (0, 1)
    assert took < 2 * END_S
    assert "Traceback" not in said
