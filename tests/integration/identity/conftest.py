"""A server that is guarded, and clients that come with tokens."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from server.composition.lazy_services import LazyServices
from server.mcp_server.server import build_server
from server.settings.fields import DATA_DIR
from server.settings.identity import IdentitySettings
from server.web.auth.gate import Gate, build_gate
from server.web.http import HttpAccess, open_listening_socket, serve_http
from tests.support.servers.plain_http import NO_AUTHORITIES
from tests.support.servers.token_issuer import AUDIENCE, ISSUER, TokenIssuer
from tests.support.world import Process, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_types import CallToolResult

    from tools.services import Services

ERA = "2026-07-28"


@pytest.fixture(scope="session")
def issuer_keys() -> TokenIssuer:
    """Keys take a while to make."""
    issuer = TokenIssuer()
    issuer.add_key("one", "RS256")
    issuer.add_key("two", "ES256")
    issuer.add_key("three", "EdDSA")
    return issuer


@pytest.fixture
def issuer(issuer_keys: TokenIssuer) -> TokenIssuer:
    """An issuer with three keys."""
    return TokenIssuer(keys=dict(issuer_keys.keys))


def identity_settings(issuer: TokenIssuer | None = None, **given: Any) -> IdentitySettings:
    """The section `identity`: with the issuer's keys in PEM, unless others are given."""
    keys = {"keys": {kid: issuer.pem(kid) for kid in issuer.keys}} if issuer else {}
    values = {"issuer": ISSUER, "audience": AUDIENCE} | keys | given
    return IdentitySettings.model_validate(values, context={DATA_DIR: Path("/")})


def build_test_gate(identity: IdentitySettings) -> Gate:
    """The gate of that section."""
    made = build_gate(identity)
    assert made is not None
    return made


COMMAND_OPTIONS = "--data-dir /srv/hidden"


@dataclass
class GuardedServer:
    """A guarded server over real services."""

    address: str
    process: Process

    async def post(self, token: str | None = None, **headers: str) -> httpx2.Response:
        """A greeting, with that token."""
        given = {"accept": "application/json, text/event-stream"} | headers
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        greeting = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "person:root", "version": "1"},
            },
        }
        async with httpx2.AsyncClient(verify=NO_AUTHORITIES, trust_env=False) as client:
            return await client.post(f"{self.address}/mcp", json=greeting, headers=given)

    async def get(self, path: str, token: str | None = None) -> httpx2.Response:
        """Another page of the server."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(verify=NO_AUTHORITIES, trust_env=False) as client:
            return await client.get(f"{self.address}{path}", headers=headers)

    async def call_tool(self, token: str, tool: str, mode: str = ERA, **arguments: Any) -> CallToolResult:
        """What a tool answers to the bearer of a token, asked by the SDK's own client."""
        headers = {"authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(verify=NO_AUTHORITIES, trust_env=False, headers=headers) as http,
            Client(streamable_http_client(f"{self.address}/mcp", http_client=http), mode=mode) as client,
        ):
            return await client.call_tool(tool, arguments)

    async def call_ok(self, token: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """What it answers, when it is no refusal."""
        result = await self.call_tool(token, tool, **arguments)
        assert not result.is_error, result.content
        found: dict[str, Any] = result.structured_content
        return found

    async def call_refused(self, token: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """What it refuses with, beside the id under which that is on record."""
        result = await self.call_tool(token, tool, **arguments)
        assert result.is_error
        assert result.meta is not None
        found: dict[str, Any] = dict(result.meta["dataset-lifecycle/error"])
        assert found.pop("audit_id").startswith("au-")
        return found


@asynccontextmanager
async def open_guarded_server(folder: Path, identity: IdentitySettings) -> AsyncIterator[GuardedServer]:
    """A server behind that gate, on its own folder."""
    async with open_world(folder) as place, place.open_process() as process:

        @asynccontextmanager
        async def services() -> AsyncIterator[Services]:
            yield process.services

        stop = anyio.Event()
        way = HttpAccess(gate=build_test_gate(identity), allowed_hosts=("mcp.internal",))
        listening = open_listening_socket("127.0.0.1", 0)
        async with LazyServices(services) as opening, anyio.create_task_group() as tasks:
            server = build_server(
                opening.get_services,
                version="1",
                toolsets=("recovery", "leases"),
                gate=way.gate,
                command_options=COMMAND_OPTIONS,
            )
            tasks.start_soon(serve_http, server, server.edge, opening, listening, stop, way)
            yield GuardedServer(address=f"http://127.0.0.1:{listening.getsockname()[1]}", process=process)
            stop.set()


@pytest.fixture
async def guarded_server(tmp_path: Path, issuer: TokenIssuer) -> AsyncIterator[GuardedServer]:
    """A server that believes the issuer."""
    async with open_guarded_server(tmp_path, identity_settings(issuer)) as found:
        yield found
