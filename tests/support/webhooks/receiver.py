"""Webhooks that events are really sent to: over HTTP, and as well or as badly behaved as a test wants."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import anyio
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from server.sandbox.http.server import SandboxServer
from server.web.http import open_listening_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    Behaviour = Callable[[Request], Awaitable[Response]]

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_SECRET: Final = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
MEGABYTES: Final = 64


async def reply_accepted(_: Request) -> Response:
    return Response(status_code=204)


async def reply_error(_: Request) -> Response:
    return Response(b"not an excuse that anybody reads", status_code=500)


async def reply_retry_after(_: Request) -> Response:
    return Response(status_code=429, headers={"Retry-After": "30"})


async def reply_gone(_: Request) -> Response:
    return Response(status_code=410)


async def never_reply(_: Request) -> Response:
    await anyio.sleep_forever()
    raise AssertionError("nobody sleeps longer than for ever")


async def reply_redirect(request: Request) -> Response:
    return RedirectResponse(str(request.url.replace(path="/elsewhere")), status_code=307)


async def send_huge_body(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MEGABYTES):
            yield b"x" * (1 << 20)

    return StreamingResponse(chunks())


async def stall_body(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"
        await anyio.sleep_forever()

    return StreamingResponse(chunks())


@dataclass
class WebhookReceiver:
    """One webhook. `heard` are the messages as they came; one that `checks` nothing takes anything."""

    behaviour: Behaviour = reply_accepted
    checks: bool = True
    port: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stray_requests: int = 0

    @property
    def url(self) -> str:
        """Where it is, once it is up."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def sequence_numbers(self) -> list[int]:
        """The numbers of the events that came, in their order."""
        return [int(each["sequence"]) for each in self.messages]

    async def handle_message(self, request: Request) -> Response:
        """Check and keep a message, then behave."""
        if not self.checks:
            return await self.behaviour(request)
        body = await request.body()
        self.messages.append(Webhook(SECRET).verify(body, dict(request.headers)))
        self.headers.append(dict(request.headers))
        assert json.loads(body) == self.messages[-1]
        return await self.behaviour(request)

    async def handle_stray_request(self, _: Request) -> Response:
        """Where nobody should come."""
        self.stray_requests += 1
        return Response(status_code=204)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[WebhookReceiver]:
        """It listens; again on the port that it had before, if it had one."""
        routes = [
            Route("/hook", self.handle_message, methods=["POST"] if self.checks else ["POST", "HEAD"]),
            Route("/elsewhere", self.handle_stray_request, methods=["GET", "POST"]),
        ]
        started = anyio.Event()
        server = SandboxServer(Starlette(routes=routes), on_start=started.set)
        door = open_listening_socket("127.0.0.1", self.port)
        self.port = door.getsockname()[1]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server._serve, [door])  # noqa: SLF001 - as `serve`, but leaves the signals to pytest
            try:
                await started.wait()
                yield self
            finally:
                server.stop()
