"""A load balancer: one address, each request to the next replica that answers, streams passed on as they come."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from server.web.http import open_listening_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from tests.support.servers.replica_fleet import ReplicaProcess

_OWN: Final = {"host", "connection", "content-length", "transfer-encoding", "date", "server"}


@dataclass(slots=True)
class Balancer:
    """Where it is, and which replica each call of a tool went to."""

    address: str
    calls: list[tuple[str, ReplicaProcess]] = field(default_factory=list)

    def replicas_of(self, tool: str) -> list[ReplicaProcess]:
        """The replicas that the calls of that tool went to, in order."""
        return [server for name, server in self.calls if name == tool]


@asynccontextmanager
async def run_balancer(servers: Sequence[ReplicaProcess]) -> AsyncIterator[Balancer]:
    """Serve as long as the context lasts."""
    listening = open_listening_socket("127.0.0.1", 0)
    made = Balancer(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
    servers = tuple(servers)
    # Calls have turns of their own, so that each goes to another replica than the last, whatever goes on between.
    calls, others = cycle(servers), cycle(servers)

    async def forward(request: Request) -> Response:
        body = await request.body()
        tool = _tool_name(body)
        headers = [(name, value) for name, value in request.headers.items() if name not in _OWN]
        for _ in servers:
            server = next(calls if tool else others)
            out = http.build_request(request.method, f"{server.address}/mcp", headers=headers, content=body)
            try:
                answer = await http.send(out, stream=True)
            except httpx.ConnectError:
                continue
            if tool:
                made.calls.append((tool, server))
            kept = {name: value for name, value in answer.headers.items() if name not in _OWN}
            return StreamingResponse(_stream_answer(answer), answer.status_code, kept)
        return Response(status_code=502)

    route = Route("/mcp", forward, methods=["GET", "POST", "DELETE"])
    config = uvicorn.Config(
        Starlette(routes=[route]), log_config=None, ws="none", timeout_graceful_shutdown=0
    )
    listener = uvicorn.Server(config)
    async with (
        httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_keepalive_connections=0)) as http,  # noqa: S113 - as long as a call takes
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener._serve, [listening])  # noqa: SLF001 - `serve` would take the signals of the tests
        yield made
        listener.should_exit = True


async def _stream_answer(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _tool_name(body: bytes) -> str | None:
    try:
        message: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    return str(message["params"]["name"])
