"""Serves the sandbox: inside this process on a port of its own, or as a command until a signal."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import threading
from contextlib import AbstractAsyncContextManager, AbstractContextManager, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import anyio.to_thread

from server.sandbox.background import BackgroundThread
from server.sandbox.console.datasets import no_datasets
from server.sandbox.http.hooks import NO_HOOKS
from server.sandbox.state.clock import Clock, utc_now
from server.sandbox.state.state import BATCH, SandboxState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from server.sandbox.console.datasets import DatasetLookup
    from server.sandbox.http.hooks import SandboxHooks
    from server.sandbox.http.server import SandboxServer


class EmbeddedSandbox(
    AbstractContextManager["EmbeddedSandbox"], AbstractAsyncContextManager["EmbeddedSandbox"]
):
    """Sandbox that serves a port of this machine from a thread with an event loop of its own.

    Attributes:
        base_url: the address it serves, without `/api/v1`; known before it is started.
        token: the token that its clients must present.
        state: the state in its file.
    """

    def __init__(
        self,
        path: Path,
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Clock = utc_now,
        hooks: SandboxHooks = NO_HOOKS,
        batch: int = BATCH,
        datasets: DatasetLookup = no_datasets,
    ) -> None:
        """Bind the port (0: any free one) and open the file `path`; without `token`, a random one is made.

        The page for people says what `datasets` knows of the datasources.

        One step of indexing or deleting is of `batch` documents.

        Raises:
            OSError: the port is taken.
            SandboxFileError: the file is not a sandbox's, or was made by a version that this one cannot read.
        """
        self._socket = _bind_socket(host, port)
        self.base_url = _base_url(self._socket)
        self.token = token or secrets.token_urlsafe(24)
        try:
            self.state = open_state(path, now=now, hooks=hooks, batch=batch)
        except BaseException:
            self._socket.close()
            raise
        self._hooks = hooks
        self._datasets = datasets
        self._server: SandboxServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start serving, unless it serves already, and return this sandbox once it accepts requests.

        Raises:
            OSError: it was stopped before; make a new one.
        """
        if self._thread is not None:
            return self
        started = threading.Event()
        self._server, end = _build_server(self.state, self.token, self._hooks, self._datasets, started.set)
        server = self._server
        failures: list[OSError] = []

        def serve() -> None:
            try:
                asyncio.run(server.serve(sockets=[self._socket]))
            except OSError as error:
                failures.append(error)
            finally:
                end()
                started.set()  # also after a failure, or `start` would wait for ever

        self._thread = threading.Thread(target=serve, name="glean-sandbox", daemon=True)
        self._thread.start()
        started.wait()
        if failures:
            raise failures[0]
        return self

    def stop(self) -> None:
        """Stop serving and close the file; a second call does nothing."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
            self._server = self._thread = None
        self._socket.close()
        self.state.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await anyio.to_thread.run_sync(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await anyio.to_thread.run_sync(self.stop)


def run_forever(
    host: str,
    port: int,
    token: str | None,
    path: Path,
    hooks: SandboxHooks = NO_HOOKS,
    datasets: DatasetLookup = no_datasets,
) -> None:
    """Serve until SIGINT or SIGTERM; write the address to stderr, and the token when it was made here.

    Raises:
        OSError: the port is taken.
        SandboxFileError: the file is not a sandbox's, or was made by a version that this one cannot read.
    """
    with _bind_socket(host, port) as bound, closing(open_state(path, hooks=hooks)) as state:
        secret = token or secrets.token_urlsafe(24)

        def announce_address() -> None:
            minted = "" if token else f"\nToken: {secret}"
            sys.stderr.write(f"Glean sandbox on {_base_url(bound)}{minted}\n")
            sys.stderr.flush()

        server, end = _build_server(state, secret, hooks, datasets, announce_address)
        try:
            asyncio.run(server.serve(sockets=[bound]))
        except KeyboardInterrupt:
            pass  # uvicorn raises the signal again after it has stopped cleanly
        finally:
            end()


def open_state(
    path: Path, *, now: Clock = utc_now, hooks: SandboxHooks = NO_HOOKS, batch: int = BATCH
) -> SandboxState:
    """Open the file with a background that does what requests leave. Raises SandboxFileError."""
    state = SandboxState.open(path, now=now, hooks=hooks, batch=batch)

    def do_step() -> bool:
        # Only now: the stdio server answers before it needs a sandbox.
        from server.sandbox.state.content.processing import work_in_background  # noqa: PLC0415

        return work_in_background(state)

    return replace(state, background=BackgroundThread(do_step))


def _build_server(
    state: SandboxState,
    token: str,
    hooks: SandboxHooks,
    datasets: DatasetLookup,
    on_start: Callable[[], None],
) -> tuple[SandboxServer, Callable[[], None]]:
    """The server of the sandbox, and the function that ends its worker threads."""
    # Starlette and uvicorn only now: the stdio server answers before it needs a sandbox.
    from server.sandbox.app import create_app  # noqa: PLC0415
    from server.sandbox.http.server import SandboxServer  # noqa: PLC0415

    app = create_app(state, token, hooks, datasets)
    return SandboxServer(app, on_start=on_start), app.state.workers.shutdown


def _bind_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off; else every answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


def _base_url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
