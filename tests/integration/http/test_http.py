"""Serving over HTTP on the loopback interface."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx
import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp_types import INVALID_PARAMS

from domain.errors import InvalidArgumentError, PlatformDeniedError, StoreUnavailableError
from server.composition.lazy_services import LazyServices
from server.mcp_server.server import build_server
from server.web import http
from server.web.http import HttpAccess, open_listening_socket, serve_http
from tests.support.world import open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.connectors.health_service import HealthService
    from server.infra.guarded_http import ConnectionLimits
    from tools.services import Services

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
ACCEPT = {"accept": "application/json, text/event-stream"}


class Health:
    """A platform that answers, or not."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.slow = False
        self.asked = anyio.Event()

    async def probe_platform(self) -> None:
        self.asked.set()
        if self.slow:
            await anyio.sleep_forever()
        if self.error:
            raise self.error


class Sagas:
    """A saga engine that could start sagas, until it has an error."""

    error: StoreUnavailableError | None = None

    async def probe(self) -> None:
        if self.error:
            raise self.error


@asynccontextmanager
async def serve(
    health: Health | HealthService, limits: ConnectionLimits | None = None, sagas: Sagas | None = None
) -> AsyncIterator[str]:
    """A server, and its address."""

    @asynccontextmanager
    async def services() -> AsyncIterator[Services]:
        yield cast("Services", SimpleNamespace(health=health, sagas=sagas or Sagas()))

    stop = anyio.Event()
    door = open_listening_socket("127.0.0.1", 0)
    async with LazyServices(services) as opening, anyio.create_task_group() as tasks:
        server = build_server(opening.get_services, version="1")
        tasks.start_soon(serve_http, server, server.edge, opening, door, stop, HttpAccess(), limits)
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        stop.set()


async def get(address: str) -> tuple[int, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(address)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_client_of_either_era_lists_the_tools(mode: str) -> None:
    async with serve(Health()) as address, Client(f"{address}/mcp", mode=mode) as client:
        assert len((await client.list_tools()).tools) == 4


async def test_it_is_up_whatever_the_platform_says_and_ready_when_that_answers() -> None:
    health = Health()
    async with serve(health) as address:
        assert await get(f"{address}/readyz") == (200, {"status": "ready"})
        health.error = PlatformDeniedError("Glean refused the key.")
        assert await get(f"{address}/readyz") == (
            503,
            {"status": "not ready", "error": PlatformDeniedError("Glean refused the key.").as_dict()},
        )
        assert await get(f"{address}/healthz") == (200, {"status": "up"})


async def test_it_is_not_ready_while_no_saga_can_be_started() -> None:
    sagas = Sagas()
    sagas.error = StoreUnavailableError("The saga engine's database failed: the disk is full.")
    async with serve(Health(), sagas=sagas) as address:
        status, answer = await get(f"{address}/readyz")
        assert (status, answer["error"]) == (503, sagas.error.as_dict())
        sagas.error = None
        assert await get(f"{address}/readyz") == (200, {"status": "ready"})


async def test_ready_means_that_the_real_store_and_the_real_platform_answer(tmp_path: Path) -> None:
    async with (
        open_world(tmp_path) as place,
        place.open_process() as process,
        serve(process.services.health) as address,
    ):
        assert await get(f"{address}/readyz") == (200, {"status": "ready"})
        place.sandbox.token = "revoked"
        status, answer = await get(f"{address}/readyz")
    assert (status, answer["error"]["code"]) == (503, "platform_denied")


async def test_readiness_is_answered_in_time_though_the_platform_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_READY_S", 0.01)
    health = Health()
    health.slow = True
    async with serve(health) as address:
        status, answer = await get(f"{address}/readyz")
    assert (status, answer["error"]["code"]) == (503, "platform_unavailable")


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("host", "evil.example.com", 421),
        ("host", "127.0.0.1:8000@evil.example.com", 421),
        ("host", "localhost:1/evil.example.com", 421),
        ("host", "[::1]:8000.evil.example.com", 421),
        ("host", "127.0.0.1:", 421),
        ("origin", "http://evil.example.com", 403),
        ("origin", "http://127.0.0.1:8000@evil.example.com", 403),
        ("origin", "http://localhost:8000.evil.example.com", 403),
        ("host", "localhost..", 421),
        ("host", "xlocalhost", 421),
        ("host", "gateway.example:8443", 421),
        ("origin", "null", 403),
        ("origin", "https://localhost", 403),
        ("origin", "ftp://localhost", 403),
    ],
)
async def test_what_a_browser_was_tricked_into_sending_is_refused(
    header: str, value: str, status: int
) -> None:
    async with serve(Health()) as address, httpx.AsyncClient() as client:
        sent = await client.post(f"{address}/mcp", json=GREETING, headers=ACCEPT | {header: value})
        assert sent.status_code == status
        asked = await client.get(f"{address}/approvals", headers={header: value})
        assert asked.status_code == status
        assert asked.json()["error"]["code"] == "forbidden"
        assert (await client.get(f"{address}/healthz", headers={header: value})).status_code == 200
        fine = await client.post(f"{address}/mcp", json=GREETING, headers=ACCEPT | {"origin": address})
        assert fine.status_code == 200


@pytest.mark.parametrize(
    "host", ["LOCALHOST:8797", "127.0.0.1", "localhost.", "LocalHost.:1", "[::1]", "127.0.0.1:80"]
)
async def test_a_host_is_known_in_each_of_its_spellings(host: str) -> None:
    async with serve(Health()) as address, httpx.AsyncClient() as client:
        sent = await client.post(f"{address}/mcp", json=GREETING, headers=ACCEPT | {"host": host})
        asked = await client.get(f"{address}/readyz", headers={"host": host})
    assert (sent.status_code, asked.json()) == (200, {"status": "ready"})


async def test_a_foreign_host_is_told_which_it_is_and_where_it_is_allowed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {"host": "Gateway.example:8443"}
    async with serve(Health()) as address, httpx.AsyncClient() as client:
        sent = await client.post(f"{address}/mcp", json=GREETING, headers=ACCEPT | given)
        asked = await client.get(f"{address}/readyz", headers=given)
        up = await client.get(f"{address}/healthz", headers=given)
    error = sent.json()["error"]
    assert (sent.status_code, asked.status_code, up.status_code) == (421, 200, 200)
    assert error["message"] == (
        'This server does not answer to the host "Gateway.example:8443", which this request names.'
    )
    assert '"gateway.example:8443" to `http.allowed_hosts`' in error["suggested_action"]
    assert asked.json() == {"status": "ready", "warning": f"{error['message']} {error['suggested_action']}"}
    assert error["message"] in caplog.text


async def test_a_request_without_a_host_is_refused() -> None:
    async with (
        serve(Health()) as address,
        await anyio.connect_tcp("127.0.0.1", int(address.rpartition(":")[2])) as stream,
    ):
        await stream.send(b"GET /approvals HTTP/1.0\r\n\r\n")
        assert b" 421 " in await stream.receive()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", ""])  # noqa: S104 - refused
def test_a_host_that_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        open_listening_socket(host, 0)
    assert (refused.value.field, refused.value.candidates) == ("host", ("127.0.0.1",))


def test_a_guarded_server_may_listen_for_other_machines() -> None:
    open_listening_socket("0.0.0.0", 0, guarded=True).close()  # noqa: S104 - that is the point


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_the_loopback_interface_has_several_names(host: str) -> None:
    open_listening_socket(host, 0).close()


def test_the_protocol_is_named_so_that_no_answer_waits_for_an_acknowledgement() -> None:
    with open_listening_socket("127.0.0.1", 0) as door:
        assert door.proto == socket.IPPROTO_TCP


def test_a_port_that_is_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InvalidArgumentError) as refused:
        open_listening_socket("127.0.0.1", taken.getsockname()[1])
    assert refused.value.field == "port"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_an_unknown_prompt_is_the_callers_mistake(mode: str) -> None:
    async with serve(Health()) as address, Client(f"{address}/mcp", mode=mode) as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("no-such-prompt")
    assert refused.value.error.code == INVALID_PARAMS
