"""MCP over streamable HTTP: for bearers of tokens, or without identity on the loopback interface only."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import anyio
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse

from domain.errors import InvalidArgumentError, LifecycleError, PlatformUnavailableError, Recovery
from domain.model import printable_json
from server.infra.guarded_http import (
    ACCEPTED_AT_ONCE,
    ConnectionLimits,
    guarded_protocol,
    lengthen_queue,
)
from tools.commands import complete_commands_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp.server import MCPServer
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from server.composition.lazy_services import LazyServices
    from server.web.auth.gate import Gate
    from tools.edge.tool import Edge

_log: Final = logging.getLogger(__name__)
_READY_S: Final = 5.0
GRACE_S: Final = 2
"""Seconds that running requests may go on after a signal."""

HEALTH_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def open_listening_socket(host: str, port: int, *, guarded: bool = False) -> socket.socket:
    """Open a listening socket.

    Raises InvalidArgumentError for a port in use, and for a host that other machines can reach unless `guarded`, that
    is, unless callers must present a token.
    """
    if not guarded and not _is_loopback(host):
        raise InvalidArgumentError(
            f"Other machines can reach {host}, and this server does not check who calls.",
            field="host",
            candidates=("127.0.0.1",),
            recovery=Recovery.CHOOSE_OTHER,
            suggested_action="Listen on 127.0.0.1, or configure `identity`.",
        )
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InvalidArgumentError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            field="port",
            suggested_action="Choose another port, or end the program that uses it.",
        ) from error
    # asyncio turns Nagle's algorithm off only if the protocol is named; otherwise each answer waits 40 ms for an ACK.
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAccess:
    """Who may reach the server: the gate, None on the loopback interface, and the allowed hosts and origins."""

    gate: Gate | None = None
    allowed_hosts: Sequence[str] = ()
    allowed_origins: Sequence[str] = ()

    @property
    def hosts(self) -> list[str]:
        """The hosts that requests may name."""
        own = [self.gate.host] if self.gate else []
        return [*(f"{each}:*" for each in _LOOPBACK), *own, *self.allowed_hosts]

    @property
    def origins(self) -> list[str]:
        """The origins of the pages that may send requests."""
        own = [self.gate.origin] if self.gate else []
        return [*(f"http://{each}:*" for each in _LOOPBACK), *own, *self.allowed_origins]


_OPEN: Final = HttpAccess()


def build_application(
    server: MCPServer[Edge], edge: Edge, lazy_services: LazyServices, access: HttpAccess = _OPEN
) -> Starlette:
    """Build the ASGI application: `/mcp`, `/approvals`, and `/healthz` and `/readyz` for monitoring.

    Requests with a foreign Host or Origin are refused: a browser was tricked into sending them. The two health paths
    are open to all; with a gate, everything else needs a token.
    """
    # A server on stdio needs none of it.
    from server.web.approvals_api.approvals import ApprovalsApi  # noqa: PLC0415
    from server.web.own_site import OwnSite, OwnSiteMiddleware  # noqa: PLC0415

    site = OwnSite(access.hosts, access.origins)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def readyz(request: Request) -> Response:
        foreign = site.find_foreign_host(request.headers.raw)
        warning = {"warning": f"{foreign.message} {foreign.suggested_action}"} if foreign else {}
        try:
            await _require_ready(lazy_services)
        except LifecycleError as error:
            shown = complete_commands_json(printable_json(error.as_dict()), edge.command_options())
            return JSONResponse({"status": "not ready", "error": shown, **warning}, status_code=503)
        return JSONResponse({"status": "ready", **warning})

    server.custom_route(HEALTH_PATH, methods=["GET"])(healthz)
    server.custom_route(READY_PATH, methods=["GET"])(readyz)
    # The SDK compares hosts and origins letter by letter; OwnSiteMiddleware does so as HTTP means them.
    made = server.streamable_http_app(
        stateless_http=True,
        json_response=False,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    metadata_url = access.gate.metadata_url if access.gate else None
    made.router.routes += ApprovalsApi(edge, metadata_url).routes()
    if access.gate:
        # A server without identity does not need it.
        from server.web.auth.gate import KeysUnavailableMiddleware  # noqa: PLC0415

        made.router.routes[:0] = access.gate.metadata_routes()
        made.add_middleware(KeysUnavailableMiddleware)
    made.add_middleware(OwnSiteMiddleware, site=site, open_paths=(HEALTH_PATH, READY_PATH))
    return made


async def _require_ready(lazy_services: LazyServices) -> None:
    """Raise LifecycleError unless store and platform answer within a few seconds, and a saga could be started."""
    with anyio.move_on_after(_READY_S):
        services = await lazy_services.get_services()
        await services.health.probe_platform()
        await services.sagas.probe()
        return
    raise PlatformUnavailableError("Store, platform and saga engine did not answer in time.")


class _Listener(uvicorn.Server):
    """uvicorn without its signal handling: it would raise signals again before the services are closed."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        lengthen_queue(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(
    server: MCPServer[Edge],
    edge: Edge,
    lazy_services: LazyServices,
    listening: socket.socket,
    stop: anyio.Event,
    access: HttpAccess = _OPEN,
    limits: ConnectionLimits | None = None,
) -> None:
    """Serve until `stop` is set, then give running requests `GRACE_S` seconds to end."""
    config = uvicorn.Config(
        build_application(server, edge, lazy_services, access),
        http=guarded_protocol(limits or ConnectionLimits(health=frozenset({HEALTH_PATH}))),
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )
    listener = _Listener(config)

    async def exit_on_stop() -> None:
        await stop.wait()
        listener.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exit_on_stop)
        _log.info("Listening on %s port %s, at /mcp.", *listening.getsockname()[:2])
        await listener.serve(sockets=[listening])
        tasks.cancel_scope.cancel()
