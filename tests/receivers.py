"""Webhooks that events are really sent to: over HTTP, and as well or as badly behaved as a test wants."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import anyio
import uvicorn
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from server.http import bound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    Behaviour = Callable[[Request], Awaitable[Response]]

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_SECRET: Final = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
MEGABYTES: Final = 64


async def accept(_: Request) -> Response:
    return Response(status_code=204)


async def fail(_: Request) -> Response:
    return Response(b"not an excuse that anybody reads", status_code=500)


async def wait_please(_: Request) -> Response:
    return Response(status_code=429, headers={"Retry-After": "30"})


async def gone(_: Request) -> Response:
    return Response(status_code=410)


async def hang(_: Request) -> Response:
    await anyio.sleep_forever()
    raise AssertionError("nobody sleeps longer than for ever")


async def redirect(request: Request) -> Response:
    return RedirectResponse(str(request.url.replace(path="/elsewhere")), status_code=307)


async def babble(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MEGABYTES):
            yield b"x" * (1 << 20)

    return StreamingResponse(chunks())


async def drip(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"
        await anyio.sleep_forever()

    return StreamingResponse(chunks())


@dataclass
class Receiver:
    """One webhook. `heard` are the messages as they came; one that `checks` nothing takes anything."""

    behaviour: Behaviour = accept
    checks: bool = True
    port: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    elsewhere: int = 0

    @property
    def url(self) -> str:
        """Where it is, once it is up."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def seqs(self) -> list[int]:
        """The numbers of the events that came, in their order."""
        return [int(each["sequence"]) for each in self.heard]

    async def hook(self, request: Request) -> Response:
        """Check and keep a message, then behave."""
        if not self.checks:
            return await self.behaviour(request)
        body = await request.body()
        self.heard.append(Webhook(SECRET).verify(body, dict(request.headers)))
        self.headers.append(dict(request.headers))
        assert json.loads(body) == self.heard[-1]
        return await self.behaviour(request)

    async def other(self, _: Request) -> Response:
        """Where nobody should come."""
        self.elsewhere += 1
        return Response(status_code=204)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Receiver]:
        """It listens; again on the port that it had before, if it had one."""
        routes = [
            Route("/hook", self.hook, methods=["POST"] if self.checks else ["POST", "HEAD"]),
            Route("/elsewhere", self.other, methods=["GET", "POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=0,
        )
        server = uvicorn.Server(config)
        door = bound("127.0.0.1", self.port)
        self.port = door.getsockname()[1]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server._serve, [door])  # noqa: SLF001 - as `serve`, but leaves the signals to pytest
            try:
                yield self
            finally:
                server.should_exit = True
