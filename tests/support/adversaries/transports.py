"""The crowd at a real server: over stdio as host processes, over HTTP as bearers of signed tokens, in either era.

A principal on stdio is the account that started the server; so a second server, confined to one client by its
configuration, stands for the tenant. Over HTTP everybody has a token of their own, and people answer at `/approvals`.
"""

from __future__ import annotations

import getpass
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from server.adapters.store.sqlite.store import SqliteStore
from server.composition.lazy_services import LazyServices
from server.composition.process import open_services
from server.mcp_server.server import build_server
from server.settings import load_settings
from server.web.http import HttpAccess, open_listening_socket, serve_http
from tests.integration.identity.conftest import build_test_gate
from tests.integration.identity.conftest import identity_settings as believing
from tests.support.adversaries.actors import (
    BOUND,
    DELEGATE,
    EVERY_SCOPE,
    MINE,
    TENANT,
    THEIRS,
    TOOLS_SCOPES,
    McpActor,
    ScriptedAnswers,
)
from tests.support.adversaries.arena import (
    TOOLSETS,
    FailureSwitches,
    Installation,
    add_clients_and_journeys,
    write_mock_data,
)
from tests.support.adversaries.oracle import ActorIdentity
from tests.support.servers.plain_http import NO_AUTHORITIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server.settings import Settings
    from tests.support.servers.token_issuer import TokenIssuer

ROOT: Final = Path(__file__).parents[3]
BOTH: Final = frozenset({MINE, THEIRS})
ACCOUNT: Final = f"agent:{getpass.getuser()}"
OPERATOR: Final = ActorIdentity(ACCOUNT, forms=True)
CONFINED: Final = ActorIdentity(ACCOUNT, clients=frozenset({MINE}), forms=True)
OPS: Final = ActorIdentity("ops", clients=BOTH, scopes=TOOLS_SCOPES, forms=True)
QUIET: Final = ActorIdentity("ops", clients=BOTH, scopes=TOOLS_SCOPES)
LOOKER: Final = ActorIdentity("rex", clients=BOTH, scopes=frozenset({"datasets:read"}))
KIM: Final = ActorIdentity("kim", clients=BOTH, scopes=EVERY_SCOPE)
LEE: Final = ActorIdentity("lee", clients=BOTH, scopes=EVERY_SCOPE)
BEARERS: Final = (OPS, QUIET, TENANT, DELEGATE, LOOKER, BOUND)
PEOPLE: Final = (KIM, LEE, TENANT, DELEGATE)
LONG: Final = 4_000_000_000
"""An instant that no run of these tests sees, in seconds since 1970."""


@dataclass
class RunningServer:
    """A real server: what people reach of it, its agents, and the one among them who may do most."""

    ground: Installation
    actors: dict[ActorIdentity, McpActor]
    operator: ActorIdentity
    tenant: ActorIdentity
    people: tuple[ActorIdentity, ...]
    asks: bool


@dataclass
class HttpInstallation(Installation):
    """People answer by HTTP, with tokens of their own."""

    address: str = ""
    headers: dict[ActorIdentity, dict[str, str]] = field(default_factory=dict)

    async def answer_approval(
        self, who: ActorIdentity, approval_id: str, *, yes: bool, typed: str
    ) -> tuple[str, str]:
        word = {"decision": "approve", "name": typed} if yes else {"decision": "decline"}
        async with httpx2.AsyncClient(
            verify=NO_AUTHORITIES, trust_env=False, headers=self.headers[who]
        ) as client:
            found = await client.post(f"{self.address}/approvals/{approval_id}", json=word)
        error = found.json().get("error")
        return ("ok" if error is None else str(error["code"])), found.text


@asynccontextmanager
async def open_stdio_server(folder: Path, era: str) -> AsyncIterator[RunningServer]:
    """Two server processes on one folder, and the operator's own hand on it."""
    async with AsyncExitStack() as stack:
        environ = _server_environment(folder, "")
        ground = await _operator_installation(stack, load_settings(environ, None, folder))
        actors: dict[ActorIdentity, McpActor] = {}
        for who, more in ((OPERATOR, ""), (CONFINED, f"  identity: {{local: {{clients: [{MINE}]}}}}\n")):
            answers = ScriptedAnswers()
            transport = _start_stdio_process(folder, _server_environment(folder, more))
            client = Client(transport, mode=era, elicitation_callback=answers)
            actors[who] = McpActor(who, answers, {era: await stack.enter_async_context(client)})
        people = (ActorIdentity("person:kim"), ActorIdentity("person:lee"), OPERATOR)
        yield RunningServer(ground, actors, OPERATOR, CONFINED, people, asks=True)


@asynccontextmanager
async def open_http_server(
    folder: Path, era: str, issuer: TokenIssuer, more: str = ""
) -> AsyncIterator[RunningServer]:
    """One server that believes the issuer, and a client for each bearer of a token; `more` are further settings."""
    found = load_settings(_server_environment(folder, more), None, folder)
    async with AsyncExitStack() as stack:
        ground = await _operator_installation(stack, found)
        door = HttpAccess(gate=build_test_gate(believing(issuer)))
        opening = await stack.enter_async_context(LazyServices(partial(open_services, found, sagas=True)))
        server = build_server(opening.get_services, version="1", toolsets=TOOLSETS, gate=door.gate)
        listening, stop = open_listening_socket("127.0.0.1", 0), anyio.Event()
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(serve_http, server, server.edge, opening, listening, stop, door)
        stack.callback(stop.set)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        headers = {
            who: {"authorization": f"Bearer {_bearer_token(issuer, who)}"} for who in (*BEARERS, *PEOPLE)
        }
        actors = {
            who: await _connect_bearer(stack, who, headers[who], f"{address}/mcp", era) for who in BEARERS
        }
        web = HttpInstallation(
            ground.services, ground.store, ground.switches, address=address, headers=headers
        )
        yield RunningServer(web, actors, OPS, TENANT, PEOPLE, asks=False)


def _start_stdio_process(folder: Path, environ: dict[str, str]) -> Any:  # noqa: ANN401 - the SDK's transport
    command = ["-m", "server", "serve", "--data-dir", str(folder), "--toolsets", ",".join(TOOLSETS)]
    return stdio_client(
        StdioServerParameters(command=sys.executable, args=command, cwd=str(ROOT), env=environ)
    )


async def _connect_bearer(
    stack: AsyncExitStack, who: ActorIdentity, headers: dict[str, str], address: str, era: str
) -> McpActor:
    answers = ScriptedAnswers()
    carrier = await stack.enter_async_context(
        httpx2.AsyncClient(verify=NO_AUTHORITIES, trust_env=False, headers=headers)
    )
    client = Client(
        streamable_http_client(address, http_client=carrier),
        mode=era,
        elicitation_callback=answers if who.forms else None,
    )
    return McpActor(who, answers, {era: await stack.enter_async_context(client)})


async def _operator_installation(stack: AsyncExitStack, found: Settings) -> Installation:
    services = await stack.enter_async_context(open_services(found, sagas=False))
    store = await stack.enter_async_context(SqliteStore(found.store_path))
    ground = Installation(services=services, store=store, switches=FailureSwitches())
    await add_clients_and_journeys(ground)
    return ground


def _server_environment(folder: Path, more: str) -> dict[str, str]:
    """What a server on the folder is told: our mock data, and no bound on how often anybody may call."""
    repository = folder.parent / f"{folder.name}-repository"
    if not repository.exists():
        write_mock_data(repository)
    config = folder.parent / f"{folder.name}-{len(more)}.yaml"
    limits = "  limits: {calls_per_minute: 0, teardowns_per_hour: 0}\n"
    config.write_text(f"dataops:\n{limits}{more}", encoding="utf-8")
    return {"MOCK_DATA_REPO_PATH": str(repository), "DATASET_LIFECYCLE_CONFIG": str(config)}


def _bearer_token(issuer: TokenIssuer, who: ActorIdentity) -> str:
    claims: dict[str, Any] = {"sub": who.subject, "exp": LONG}
    claims["clients"] = sorted(who.clients or ())
    claims["scope"] = " ".join(sorted(who.scopes or ()))
    if who.act:
        claims["act"] = {"sub": who.act}
    if who.journey:
        claims["journey_id"] = who.journey
    return issuer.token("two", **claims)
