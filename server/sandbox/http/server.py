"""uvicorn for the sandbox: a server that starts and stops without delay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvicorn

from server.infra.guarded_http import (
    ACCEPTED_AT_ONCE,
    ConnectionLimits,
    guarded_protocol,
    lengthen_queue,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.types import ASGIApp

_GRACE_SECONDS = 0.2


class SandboxServer(uvicorn.Server):
    """Server that calls `on_start` when it accepts requests, and stops from any thread.

    When it stops it closes every connection, so that no client waits for it.
    """

    def __init__(
        self, app: ASGIApp, *, on_start: Callable[[], None], limits: ConnectionLimits | None = None
    ) -> None:
        """Serve `app` on the sockets given to `serve`."""
        config = uvicorn.Config(
            app,
            http=guarded_protocol(limits or ConnectionLimits()),
            backlog=ACCEPTED_AT_ONCE,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
        )
        super().__init__(config)
        self._on_start = on_start
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        lengthen_queue(sockets)

    async def main_loop(self) -> None:
        """Serve until `stop`, or a signal."""
        self._loop = asyncio.get_running_loop()
        self._on_start()
        if not self.should_exit:  # a signal may have come before there was a loop to tell
            await self._stopping.wait()

    def stop(self) -> None:
        """End `serve`, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def handle_exit(self, sig: int, frame: object) -> None:
        """End `serve` on a signal."""
        super().handle_exit(sig, frame)  # type: ignore[arg-type]
        self.stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give requests in progress a moment to end, then close every connection."""
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = set(self.server_state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # cancelled tasks raise; that is expected here
