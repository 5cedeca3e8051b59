"""`dataset-lifecycle serve`: one process, one transport, from the first message to a clean end.

Nothing but the tools' descriptions is imported before the first answer; the engine and the adapters come with the
services, when they are first wanted.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal

import anyio
from anyio import to_thread

from domain.errors import SettingsError
from server.composition.lazy_services import LazyServices
from server.composition.replicas.agreement import Replica
from server.composition.replicas.presence import hold_folder_presence
from server.infra.logging import configure_logging
from server.infra.state_keys import load_state_keys
from server.mcp_server.server import build_server, local_agent_principal
from server.mcp_server.startup_recovery import FirstResponseMiddleware, recover_pending_work
from server.web.http import GRACE_S, HttpAccess, open_listening_socket, serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any, NoReturn

    from server.mcp_server.server import LifecycleServer
    from server.settings import Settings
    from tools.services import Services

    RecoveryTask = Callable[[], Coroutine[Any, Any, None]]

Transport = Literal["stdio", "http"]
_log: Final = logging.getLogger(__name__)
CLOSING_S: Final = 1.5
"""How long the services may take to close. Hosts send SIGTERM two seconds after they closed stdin, and then kill."""


def run_server(
    settings: Settings,
    transport: Transport = "stdio",
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    read_only: bool = False,
    schedules: bool = False,
    toolsets: Sequence[str] = (),
) -> None:
    """Serve until the client goes away or a signal comes. Does not return: it leaves the process.

    Raises InvalidArgumentError, before anything is served, for a toolset that does not exist, a host that is not on the
    loopback interface though nobody's identity is checked, and a port that is in use; SettingsError for a data folder
    that cannot be written, for a token's key that is none, and for one of the data folder's that is none. Over HTTP
    also for what its services refuse as soon as they can be opened: folders that are not the store's, or a replica that
    does not agree with those beside it. Over stdio, where somebody waits for an answer, every call is told so instead.
    """
    configure_logging()
    door = build_http_access(settings) if transport == "http" else HttpAccess()
    listening = (
        open_listening_socket(host, port, guarded=door.gate is not None) if transport == "http" else None
    )
    configured = [each.get_secret_value() for each in settings.http.state_keys]
    keys = load_state_keys(configured, settings.data_dir)
    # An answer reaches another replica only over HTTP, and where something can be asked at all.
    meeting = keys if listening is not None and not read_only else ()
    with _hold_presence(settings, meeting) as replica:
        opening = LazyServices(lambda: _open_services(settings, schedules=schedules, replica=replica))
        first = FirstResponseMiddleware()
        server = build_server(
            opening.get_services,
            version=version("dataset-lifecycle"),
            toolsets=toolsets,
            read_only=read_only,
            principal=local_agent_principal(settings.identity.local),
            gate=door.gate,
            middleware=[first],
            via=transport,
            state_keys=keys,
        )
        if listening is None:
            looking = partial(
                recover_pending_work,
                opening,
                partial(_has_pending_work, settings, schedules=schedules),
                first,
            )
            anyio.run(_serve_over_stdio, server, opening, looking)
        else:
            looking = partial(recover_pending_work, opening, lambda: True, first, final=SettingsError)
            anyio.run(
                _serve_over_http,
                partial(serve_http, server, server.edge, opening, listening, door=door),
                opening,
                looking,
            )


async def _serve_over_stdio(server: LifecycleServer, opening: LazyServices, recover: RecoveryTask) -> None:
    """Serve over stdio."""
    async with opening, anyio.create_task_group() as tasks:
        tasks.start_soon(recover)
        await serve_until_shutdown(lambda _: server.run_stdio_async(), opening, linger_s=0)


async def _serve_over_http(
    serve: Callable[[anyio.Event], Awaitable[None]], opening: LazyServices, recover: RecoveryTask
) -> None:
    """Serve over HTTP. Raises what is final about opening the services, once nobody is served any more."""
    refusals: list[SettingsError] = []

    async def recover_or_stop(stop: anyio.Event) -> None:
        try:
            await recover()
        except SettingsError as error:
            refusals.append(error)
            stop.set()

    async def serve_and_recover(stop: anyio.Event) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recover_or_stop, stop)
            await serve(stop)
            tasks.cancel_scope.cancel()

    def raise_or_exit(status: int) -> NoReturn:
        if refusals:
            raise refusals[0]
        os._exit(status)

    async with opening:
        await serve_until_shutdown(
            serve_and_recover, opening, linger_s=GRACE_S + CLOSING_S, leave=raise_or_exit
        )


@contextmanager
def _hold_presence(settings: Settings, keys: Sequence[str]) -> Iterator[Replica | None]:
    """Be known as a server of the data folder and, where the store is shared, as one of its replicas."""
    with hold_folder_presence(settings.data_dir):
        if not settings.store.shared:
            yield None
            return
        # Most stores are SQLite, and need no driver.
        from server.infra.postgres.presence import hold_database_presence  # noqa: PLC0415

        with hold_database_presence(settings.store.address) as shown:
            yield Replica(owner=shown.owner, wait_until_present=shown.wait_until_held, keys=keys)


async def serve_until_shutdown(
    serve: Callable[[anyio.Event], Awaitable[Any]],
    opening: LazyServices,
    *,
    linger_s: float,
    leave: Callable[[int], NoReturn] = os._exit,
) -> None:
    """Serve until that ends by itself or a signal comes, close the services, and leave the process.

    The process leaves as it stands, because a thread of the SDK reads stdin and cannot be called off. Nothing may
    depend on the moment that the services get to close: a host may also kill.

    Args:
        serve: serves; it is told to stop by the event.
        opening: what is closed in the end.
        linger_s: how long `serve` may go on after a signal.
        leave: ends the process with an exit status.
    """
    stop, over = anyio.Event(), anyio.Event()
    failed = False

    async def serve_and_stop() -> None:
        nonlocal failed
        try:
            await serve(stop)
        except Exception:  # noqa: BLE001
            # Whatever it was, the services are closed and the process ends.
            _log.exception("Serving ended by a fault.")
            failed = True
        stop.set()
        over.set()

    async def stop_on_signal() -> None:
        await anext(signals)
        stop.set()

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve_and_stop)
            tasks.start_soon(stop_on_signal)
            await stop.wait()
            with anyio.move_on_after(linger_s):
                await over.wait()
            with anyio.move_on_after(CLOSING_S):
                await opening.close()
            leave(int(failed))


@asynccontextmanager
async def _open_services(
    settings: Settings, *, schedules: bool, replica: Replica | None
) -> AsyncIterator[Services]:
    open_services = await to_thread.run_sync(_import_composition)
    async with open_services(
        settings, sagas=True, serves=True, schedules=schedules, replica=replica
    ) as services:
        yield services


def build_http_access(settings: Settings) -> HttpAccess:
    """How the server is reached over HTTP, as configured. Raises SettingsError for a key that is none."""
    if not settings.identity.configured:
        return HttpAccess()
    # Importing cryptography takes its time.
    from server.web.auth.gate import build_gate  # noqa: PLC0415

    return HttpAccess(
        gate=build_gate(settings.identity),
        allowed_hosts=settings.http.allowed_hosts,
        allowed_origins=settings.http.allowed_origins,
    )


def _has_pending_work(settings: Settings, *, schedules: bool) -> bool:
    if schedules:
        return True
    # It imports the engine and the stores.
    from server.composition.stores import has_pending_work  # noqa: PLC0415

    return has_pending_work(settings)


def _import_composition() -> Callable[..., AbstractAsyncContextManager[Services]]:
    # It imports the engine and every adapter.
    from server.composition.process import open_services  # noqa: PLC0415

    return open_services
