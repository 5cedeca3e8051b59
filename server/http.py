"""Serving over streamable HTTP, on the loopback interface only: nobody's identity is checked yet."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import anyio
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse

from domain.errors import InvalidArgumentError, LifecycleError, PlatformUnavailableError, Recovery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from server.app import LifecycleServer
    from server.opening import Opening

_log: Final = logging.getLogger(__name__)
_READY_S: Final = 5.0
GRACE_S: Final = 2
"""How long requests that run may go on after a signal."""

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidArgumentError for a host that is not this machine's own, or a port in use."""
    if not _is_loopback(host):
        raise InvalidArgumentError(
            f"{host} is reachable from other machines, and this server checks nobody's identity.",
            field="host",
            candidates=("127.0.0.1",),
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action="Listen on 127.0.0.1.",
        )
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InvalidArgumentError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            field="port",
            suggested_action="Choose another port, or end the program that has it.",
        ) from error
    # With the protocol named, asyncio turns Nagle's algorithm off; else every answer waits 40 ms for an ACK.
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def application(server: LifecycleServer, opening: Opening) -> Starlette:
    """The ASGI application: `/mcp` for clients, `/healthz` and `/readyz` for whoever watches the process.

    Requests that a browser was tricked into sending (another Host or Origin) are refused.
    """

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def readyz(_: Request) -> Response:
        try:
            await _ready(opening)
        except LifecycleError as error:
            return JSONResponse({"status": "not ready", "error": error.as_dict()}, status_code=503)
        return JSONResponse({"status": "ready"})

    server.custom_route("/healthz", methods=["GET"])(healthz)
    server.custom_route("/readyz", methods=["GET"])(readyz)
    return server.streamable_http_app(
        stateless_http=True,
        json_response=False,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[f"{each}:*" for each in _LOOPBACK],
            allowed_origins=[f"http://{each}:*" for each in _LOOPBACK],
        ),
    )


async def _ready(opening: Opening) -> None:
    """Raises LifecycleError unless the store can be read and the platform answers, both soon."""
    with anyio.move_on_after(_READY_S):
        services = await opening.services()
        await services.health.reach()
        return
    raise PlatformUnavailableError("Store and platform did not answer in time.")


class _Listener(uvicorn.Server):
    """uvicorn, with signals left to us: it would raise them again before the services are closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(
    server: LifecycleServer, opening: Opening, listening: socket.socket, stop: anyio.Event
) -> None:
    """Serve until `stop` is set, then let the requests that run end for a moment."""
    config = uvicorn.Config(
        application(server, opening),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )
    listener = _Listener(config)

    async def stopped() -> None:
        await stop.wait()
        listener.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stopped)
        _log.info("Listening on %s port %s, at /mcp.", *listening.getsockname()[:2])
        await listener.serve(sockets=[listening])
        tasks.cancel_scope.cancel()
