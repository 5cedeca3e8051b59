"""uvicorn's connections, guarded: nobody holds one for ever, and so many that nothing else can be opened do not add up.

No token is needed to open a connection, so these limits hold for everybody. A request has a time for its head and for
its body. Beyond a number of connections the one that has waited longest for its client is closed for a new one; where
all of them are at work, a new one is told to come again, and may ask for the server's health.
"""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

_log: Final = logging.getLogger(__name__)
ACCEPTED_AT_ONCE: Final = 8
"""How many connections are accepted in one turn of the event loop, before anything can count them."""
QUEUE: Final = 1024
"""How many connections wait in the kernel to be accepted."""
_MOST: Final = 512
_PER_MANY: Final = 4
_CLIENTS_TURN: Final = (h11.IDLE, h11.SEND_BODY)
_TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_FULL: Final = (
    b'{"error":{"code":"rate_limited","message":"Too many connections are open.","recovery":"wait"}}'
)


def connection_limit() -> int:
    """A quarter of the files that this process may open, 512 at most: store, engine and Glean need files too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(1, min(_MOST, soft // _PER_MANY))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What clients may take of a server's connections.

    Attributes:
        head_s: seconds for the head of a request, from the connection or its first byte on.
        body_s: seconds for its body.
        idle_s: seconds between two requests. Longer than clients and proxies keep a connection (a minute at most, as a
            rule), so that none of them sends a request on one that is being closed.
        connections: how many connections may be open.
        health: the paths that are answered beyond that.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    idle_s: float = 75.0
    connections: int = field(default_factory=connection_limit)
    health: frozenset[str] = frozenset()


def guarded_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """The protocol for `uvicorn.Config(http=…)`."""
    return cast("type[asyncio.Protocol]", partial(GuardedProtocol, limits=limits))


def lengthen_queue(sockets: Iterable[socket.socket] | None) -> None:
    """Let connections wait in the kernel, however few are accepted at once; asyncio has one number for both."""
    for each in sockets or ():
        each.listen(QUEUE)


class GuardedProtocol(H11Protocol):
    """One connection, which is closed when its client takes too long, or too many others want to come."""

    def __init__(self, *, limits: ConnectionLimits, **uvicorns: Any) -> None:
        """Hold the limits; the other arguments are those of uvicorn."""
        super().__init__(**uvicorns)
        self._limits = limits
        self.timeout_keep_alive = limits.idle_s  # type: ignore[assignment] # uvicorn takes any number
        self._awaited: type[h11.IDLE | h11.SEND_BODY] | None = None
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, in the place of another connection where there are too many."""
        super().connection_made(transport)
        self._watch()
        if len(self._open_connections()) > self._limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take in what came, and wait for what comes next."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Leave the wait for another request, which is `idle_s`, to uvicorn until its first byte is there."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._wait_for(h11.IDLE if self.conn.trailing_data[0] else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_for(None)
        super().connection_lost(exc)

    @property
    def _idle(self) -> bool:
        """Whether it is the client's turn: no request is complete and still unanswered."""
        return self.conn.their_state in _CLIENTS_TURN

    def _open_connections(self) -> list[GuardedProtocol]:
        found = cast("set[GuardedProtocol]", self.connections)
        return [each for each in found if not each.transport.is_closing()]

    def _make_room(self) -> None:
        others = [each for each in self._open_connections() if each is not self and each._idle]  # noqa: SLF001
        _log.warning(
            "More than %d connections are open: those that wait for their clients are closed.",
            self._limits.connections,
        )
        if others:
            _oldest(others).transport.abort()
        else:
            self.app = _only_health(self.app, self._limits.health)

    def _watch(self) -> None:
        state = self.conn.their_state
        awaited = state if state in _CLIENTS_TURN else None
        if awaited is not self._awaited:
            self._wait_for(awaited)

    def _wait_for(self, state: type[h11.IDLE | h11.SEND_BODY] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._awaited, self._since = state, self.loop.time()
        seconds = self._limits.head_s if state is h11.IDLE else self._limits.body_s
        self._timer = None if state is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if (
            self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}
            and not self.transport.get_write_buffer_size()
        ):
            self.transport.write(_TOO_LATE)
            self.transport.close()
        else:
            self.transport.abort()


def _oldest(connections: list[GuardedProtocol]) -> GuardedProtocol:
    """The one that has waited longest: an idle one, else one that sends a head, else one that sends a body."""

    def order(each: GuardedProtocol) -> tuple[bool, bool, float]:
        begun = each._awaited is not None  # noqa: SLF001 - its own kind
        return each.conn.their_state is h11.SEND_BODY, begun, each._since  # noqa: SLF001

    return min(connections, key=order)


def _only_health(app: Any, paths: frozenset[str]) -> ASGIApp:  # noqa: ANN401 - uvicorn's own type
    """The application for a connection too many."""

    async def answer_health_only(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in paths:
            await app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_FULL)).encode()),
            (b"connection", b"close"),
            (b"retry-after", b"1"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _FULL})

    return answer_health_only
