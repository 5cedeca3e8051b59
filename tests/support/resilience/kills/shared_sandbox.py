"""Many Gleans behind one address, told apart by their keys: so one may be copied with all that refers to it."""

from __future__ import annotations

import asyncio
import secrets
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Self

from server.sandbox.app import create_app
from server.sandbox.http.server import SandboxServer
from server.sandbox.state.state import SandboxState
from server.web.http import open_listening_socket
from tests.support.sandbox.hooks import FaultHooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

_HEADER = b"authorization"


class SharedSandbox:
    """They answer inside its context, from a thread and a loop of their own."""

    def __init__(self) -> None:
        self._apps: dict[bytes, ASGIApp] = {}
        self._socket = open_listening_socket("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._started = threading.Event()
        self._server = SandboxServer(self, on_start=self._started.set)
        self._thread = threading.Thread(target=self._serve, name="gleans", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join()
        self._socket.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[dict(scope["headers"])[_HEADER]](scope, receive, send)

    @contextmanager
    def serve_file(self, path: Path) -> Iterator[str]:
        """The key of the Glean in that file."""
        token = secrets.token_urlsafe(24)
        hooks = FaultHooks()
        with closing(SandboxState.open(path, hooks=hooks)) as state:
            app = create_app(state, token, hooks)
            self._apps[f"Bearer {token}".encode()] = app
            try:
                yield token
            finally:
                del self._apps[f"Bearer {token}".encode()]
                app.state.workers.shutdown()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))
