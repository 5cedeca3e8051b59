from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from sse_starlette.sse import AppStatus

from server.sandbox.app import create_app
from server.sandbox.http.responses import ApiResponse
from server.sandbox.http.server import SandboxServer
from server.sandbox.state.database import SandboxFileError
from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.fault_responses import send_fault_response
from tests.support.sandbox.faults import Fault
from tests.support.servers.plain_http import NO_AUTHORITIES, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox.faults import TransportFaultKind

ROOT = Path(__file__).parents[3]
SERVE = (
    "import sys; from pathlib import Path; from server.sandbox.serve import run_forever;"
    "run_forever('127.0.0.1', 0, sys.argv[2] or None, Path(sys.argv[1]))"
)
SERVE_FAULTS = (
    "import sys; from pathlib import Path; from server.sandbox.serve import run_forever;"
    "from tests.support.sandbox.hooks import FaultHooks;"
    "run_forever('127.0.0.1', 0, sys.argv[2] or None, Path(sys.argv[1]), FaultHooks())"
)


@contextmanager
def process(path: Path, token: str, program: str = SERVE) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and where it answers."""
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(path), token],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with running:
        try:
            assert running.stderr is not None
            yield running, running.stderr.readline().split()[-1]
        finally:
            running.kill()


def test_two_servers_on_one_file_are_one_glean(
    glean: EmbeddedSandbox, admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    path = glean.sandbox.world.database.path
    with EmbeddedSandbox(path, now=clock) as second, AdminClient(second) as other:
        assert other.get("/tenant").json() == admin_client.get("/tenant").json()
        one = admin_client.create_datasource()
        other.load(one, "r", [document(1)])
        clock.advance(1)
        assert (
            admin_client.search_document_ids("ordinary")
            == other.search_document_ids("ordinary")
            == ["page-1"]
        )
        with ThreadPoolExecutor(8) as threads:
            uploads = [
                threads.submit(client.upload, one, f"run-{number % 4}", [document(number)])
                for number in range(40)
                for client in (admin_client, other)
            ]
            assert {upload.result().status_code for upload in uploads} == {200}
        assert [other.upload(one, f"run-{run}", []).json()["total"] for run in range(4)] == [10] * 4


@pytest.mark.resilience
def test_two_processes_on_one_file_are_one_glean(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with (
        process(path, "secret", SERVE_FAULTS) as (_, first),
        process(path, "secret", SERVE_FAULTS) as (_, second),
    ):
        headers = {"Authorization": "Bearer secret"}
        with (
            httpx.Client(base_url=f"{first}/api/v1", headers=headers, verify=NO_AUTHORITIES) as one,
            httpx.Client(base_url=f"{second}/api/v1", headers=headers, verify=NO_AUTHORITIES) as two,
            Sandbox.open(path) as sandbox,
        ):
            assert one.get("/tenant").json() == two.get("/tenant").json()
            sandbox.create_foreign_datasource("A")
            assert [each["name"] for each in two.get("/datasources").json()["datasources"]] == ["A"]
            sandbox.faults.add(Fault(kind="status", status=500))
            assert sorted([one.get("/tenant").status_code, two.get("/tenant").status_code]) == [200, 500]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_on_a_signal_and_prints_nothing_on_stdout(
    tmp_path: Path, how: signal.Signals
) -> None:
    with process(tmp_path / "sandbox.db", "") as (running, url):
        assert running.stderr is not None
        token = running.stderr.readline().split()[-1]
        assert fetch(f"{url}/api/v1/tenant", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        running.send_signal(how)
        out, err = running.communicate(timeout=20)
    assert (out, err) == ("", "")
    assert running.returncode in (0, -how)


def test_a_minted_token_is_long_and_differs(tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        with EmbeddedSandbox(tmp_path / "sandbox.db") as running:
            tokens.append(running.token)
    assert len(set(tokens)) == 2
    assert min(len(token) for token in tokens) >= 32


def test_a_port_that_is_taken_is_said_at_once(glean: EmbeddedSandbox, tmp_path: Path) -> None:
    port = int(glean.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        EmbeddedSandbox(tmp_path / "other.db", port=port)


def test_a_file_that_is_something_else_leaves_no_open_port(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database at all " * 100)
    with pytest.raises(SandboxFileError):
        EmbeddedSandbox(tmp_path / "text.db")


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_an_ipv6_address_is_written_in_brackets(tmp_path: Path) -> None:
    with EmbeddedSandbox(tmp_path / "sandbox.db", host="::1") as running:
        assert running.base_url.startswith("http://[::1]:")
        assert fetch(f"{running.base_url}/healthz").json() == {"status": "ok"}


async def test_many_async_clients_at_once(tmp_path: Path) -> None:
    async with (
        EmbeddedSandbox(tmp_path / "sandbox.db", token="secret") as running,
        httpx.AsyncClient(
            base_url=running.base_url, headers={"Authorization": "Bearer secret"}, verify=NO_AUTHORITIES
        ) as client,
    ):
        statuses: list[int] = []

        async def ask() -> None:
            statuses.append((await client.get("/api/v1/tenant")).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)
        assert statuses == [200] * 20
        assert running.sandbox.request_counts() == {("tenant.get", 200): 20}


def test_a_client_that_leaves_in_the_middle_of_its_body_changes_nothing(
    glean: EmbeddedSandbox, admin_client: AdminClient
) -> None:
    host, port = glean.base_url.removeprefix("http://").split(":")
    for path in ("search", "nothing"):
        with socket.create_connection((host, int(port))) as half:
            lines = (
                f"POST /api/v1/{path} HTTP/1.1",
                "Host: x",
                "Authorization: Bearer secret",
                "Content-Length: 100",
            )
            half.sendall("\r\n".join((*lines, "", '{"query"')).encode())
    assert admin_client.get("/tenant").status_code == 200
    assert ("search", 200) not in glean.sandbox.request_counts()


def test_a_server_that_was_stopped_does_not_start_again(tmp_path: Path) -> None:
    embedded = EmbeddedSandbox(tmp_path / "sandbox.db")
    embedded.stop()
    with pytest.raises(OSError, match="Bad file descriptor"):
        embedded.start()


async def test_a_signal_before_the_first_request_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Once it is imported, sse_starlette keeps every signal that any server of the process ever got.
    monkeypatch.setattr(AppStatus, "should_exit", False)
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:
        server = SandboxServer(create_app(sandbox.world, "secret"), on_start=lambda: None)
        server.handle_exit(signal.SIGTERM, None)
        with anyio.fail_after(20):
            await server.main_loop()


@pytest.mark.parametrize("kind", ["drop_before", "timeout"])
async def test_a_held_request_is_let_go_only_when_its_client_has_left(kind: TransportFaultKind) -> None:
    dropped, left = [], [{"type": "http.request"}, {"type": "http.disconnect"}]

    class Transport:
        def abort(self) -> None:
            dropped.append(kind)

    class Cycle:
        transport = Transport()

        async def receive(self) -> Any:  # noqa: ANN401 - an ASGI message
            return left.pop(0)

    async def send(_: object) -> None:
        raise AssertionError

    await send_fault_response(Fault(kind=kind), ApiResponse(), Cycle().receive, send)
    assert (left, dropped) == ([], ["drop_before"] if kind == "drop_before" else [])
