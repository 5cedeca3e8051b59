"""`dataset-lifecycle serve`: one process, one transport, from the first message to a clean end.

Only the tools' descriptions are imported before the first answer. The engine and the adapters are imported with the
services, when something first needs them.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal

import anyio
from anyio import to_thread

from domain.errors import SettingsError
from prompts.words import load_prompt
from server.composition.glean.home_notice import configured_platform, describe_home
from server.composition.lazy_services import LazyServices
from server.composition.replicas.agreement import Replica
from server.composition.replicas.presence import hold_folder_presence
from server.infra.logging import configure_logging
from server.infra.memory import share_malloc_arena
from server.infra.state_keys import load_state_keys
from server.mcp_server.open_requests import OpenRequestsMiddleware
from server.mcp_server.server import build_server, local_agent_principal
from server.mcp_server.startup_recovery import FirstResponseMiddleware, recover_pending_work
from server.settings import format_command_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from socket import socket
    from typing import Any, NoReturn, Self

    from server.composition.pending_work import PendingWork
    from server.mcp_server.server import LifecycleServer
    from server.settings import Settings
    from server.web.http import HttpAccess
    from tools.services import Services

    RecoveryTask = Callable[[], Coroutine[Any, Any, None]]

Transport = Literal["stdio", "http"]
_log: Final = logging.getLogger(__name__)
CLOSING_S: Final = 1.5
"""Seconds for the services to close. Hosts send SIGTERM two seconds after they closed stdin, and then kill."""
FINISH_S: Final = 300.0
"""Seconds for which a server whose client has left over stdio goes on with the sagas that run."""
_EVENT_LOOP: Final = {"use_uvloop": True}
"""A call goes to the threads of the store and back several times, for which asyncio's own loop takes longer."""
_ANSWER_S: Final = 0.4
"""Seconds for the calls over stdio that wait to answer after a signal."""


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
    """Serve until the client disconnects or a signal comes. Does not return: it ends the process.

    After a signal every call that waits for a saga answers at once how far it is. After a client over stdio has left,
    the sagas that run are finished first, for at most `FINISH_S` seconds or until a signal comes.

    Raises InvalidArgumentError, before anything is served, for an unknown toolset, a port that is in use, and a host
    beyond the loopback interface without `identity`. Raises SettingsError for a data folder that cannot be written, and
    for an invalid public key or state key. Over HTTP it is also raised when the services refuse to open: the folders
    are not the store's, or this replica does not agree with the others. Over stdio a client waits for answers, so each
    call answers with that error instead.
    """
    configure_logging()
    share_malloc_arena()
    address, notice = configured_platform(settings).shown_address, describe_home(settings)
    _log.info("Serving %s. The data folder is %s.", address, settings.data_dir)
    if notice:
        _log.warning(notice)
    door = _HttpDoor.open(settings, host, port) if transport == "http" else None
    configured = [each.get_secret_value() for each in settings.http.state_keys]
    keys = load_state_keys(configured, settings.data_dir)
    # Only over HTTP can an answer reach another replica, and only a server that may change things asks questions.
    shared_keys = keys if door and not read_only else ()
    with _hold_presence(settings, shared_keys) as replica:
        lazy_services = LazyServices(
            lambda: _open_services(settings, transport, schedules=schedules, replica=replica)
        )
        first_response, requests = FirstResponseMiddleware(), OpenRequestsMiddleware()
        server = build_server(
            lazy_services.get_services,
            version=version("dataset-lifecycle"),
            toolsets=toolsets,
            read_only=read_only,
            principal=local_agent_principal(settings.identity.local),
            gate=door.access.gate if door else None,
            middleware=[first_response, requests],
            via=transport,
            state_keys=keys,
            command_options=format_command_options(settings.data_dir, settings.config_file),
            platform=" ".join(filter(None, (load_prompt("platform").format(platform=address), notice))),
        )
        if door is None:
            recover = partial(
                recover_pending_work,
                lazy_services,
                _build_pending_work(settings, schedules=schedules),
                first_response,
            )
            anyio.run(
                _serve_over_stdio, server, lazy_services, recover, requests, backend_options=_EVENT_LOOP
            )
        else:
            # Opened at once, since nobody may call for hours: a wrong setting has to end the server now.
            recover = partial(
                recover_pending_work, lazy_services, lambda: True, first_response, final=SettingsError
            )
            anyio.run(
                _serve_over_http,
                door.build_serve(server, lazy_services),
                lazy_services,
                recover,
                backend_options=_EVENT_LOOP,
            )


async def _serve_over_stdio(
    server: LifecycleServer,
    lazy_services: LazyServices,
    recover: RecoveryTask,
    requests: OpenRequestsMiddleware,
) -> None:
    async def serve_and_finish(_: anyio.Event) -> None:
        try:
            await server.run_stdio_async()
        finally:
            with anyio.move_on_after(FINISH_S):
                await _finish_sagas(lazy_services)

    async with lazy_services, anyio.create_task_group() as tasks:
        tasks.start_soon(recover)
        # A thread of the SDK reads stdin and cannot be stopped, so after a signal only the answers are waited for.
        await serve_until_shutdown(
            serve_and_finish, lazy_services, linger_s=_ANSWER_S, until=requests.wait_until_answered
        )


async def _finish_sagas(lazy_services: LazyServices) -> None:
    """Wait until no saga runs in this process; nothing runs before the services are open."""
    if lazy_services.opened:
        _log.info("The client has left. What runs is finished first, for at most %d seconds.", FINISH_S)
        services = await lazy_services.get_services()
        await services.sagas.wait_until_idle()


async def _serve_over_http(
    serve: Callable[[anyio.Event], Awaitable[None]], lazy_services: LazyServices, recover: RecoveryTask
) -> None:
    """Serve over HTTP. Raises SettingsError, after serving has ended, when the services can never be opened."""
    from server.web.http import GRACE_S  # noqa: PLC0415

    errors: list[SettingsError] = []

    async def recover_or_stop(stop: anyio.Event) -> None:
        try:
            await recover()
        except SettingsError as error:
            errors.append(error)
            stop.set()

    async def serve_and_recover(stop: anyio.Event) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recover_or_stop, stop)
            await serve(stop)
            tasks.cancel_scope.cancel()

    def raise_or_exit(status: int) -> NoReturn:
        if errors:
            raise errors[0]
        os._exit(status)

    async with lazy_services:
        await serve_until_shutdown(
            serve_and_recover, lazy_services, linger_s=GRACE_S + CLOSING_S, leave=raise_or_exit
        )


@dataclass(frozen=True, slots=True)
class _HttpDoor:
    """The socket on which a server over HTTP listens, and who may pass.

    What it imports is slow to import, and a server over stdio does not need it.
    """

    access: HttpAccess
    listening: socket

    @classmethod
    def open(cls, settings: Settings, host: str, port: int) -> Self:
        from server.web.http import open_listening_socket  # noqa: PLC0415

        access = build_http_access(settings)
        return cls(access, open_listening_socket(host, port, guarded=access.gate is not None))

    def build_serve(
        self, server: LifecycleServer, lazy_services: LazyServices
    ) -> Callable[[anyio.Event], Awaitable[None]]:
        from server.web.http import serve_http  # noqa: PLC0415

        return partial(serve_http, server, server.edge, lazy_services, self.listening, access=self.access)


@contextmanager
def _hold_presence(settings: Settings, keys: Sequence[str]) -> Iterator[Replica | None]:
    """Hold the locks by which this process counts as a server of the data folder and as a replica of a shared store."""
    with hold_folder_presence(settings.data_dir):
        if not settings.store.shared:
            yield None
            return
        # Most stores are SQLite, and need no driver.
        from server.infra.postgres.presence import hold_database_presence  # noqa: PLC0415

        with hold_database_presence(settings.store.address) as presence:
            yield Replica(owner=presence.owner, wait_until_present=presence.wait_until_held, keys=keys)


async def serve_until_shutdown(
    serve: Callable[[anyio.Event], Awaitable[Any]],
    lazy_services: LazyServices,
    *,
    linger_s: float,
    until: Callable[[], Awaitable[None]] | None = None,
    leave: Callable[[int], NoReturn] = os._exit,
) -> None:
    """Serve until serving ends or a signal comes, close the services, and end the process.

    Args:
        serve: serves until the event is set.
        lazy_services: the services, closed in the end. Nothing may depend on that, because a host may also kill.
        linger_s: seconds that `serve` may go on after a signal.
        until: returns when that is no longer needed; by default when `serve` has ended.
        leave: ends the process with an exit status. It does so at once: a thread of the SDK reads stdin and cannot be
            stopped, so a normal exit would wait for it.
    """
    stop, over = anyio.Event(), anyio.Event()
    failed = False

    async def serve_and_stop() -> None:
        nonlocal failed
        try:
            await serve(stop)
        except Exception:  # noqa: BLE001
            # Whatever it was, the services must still be closed before the process ends.
            _log.exception("Serving ended because of an error.")
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
            if lazy_services.opened:
                (await lazy_services.get_services()).sagas.release_waiters()
            with anyio.move_on_after(linger_s):
                await (until or over.wait)()
            with anyio.move_on_after(CLOSING_S):
                await lazy_services.close()
            leave(int(failed))


@asynccontextmanager
async def _open_services(
    settings: Settings, transport: Transport, *, schedules: bool, replica: Replica | None
) -> AsyncIterator[Services]:
    open_services = await to_thread.run_sync(_import_composition)
    async with open_services(
        settings,
        sagas=True,
        serves=True,
        schedules=schedules,
        replica=replica,
        elicits=transport == "stdio",
    ) as services:
        yield services


def build_http_access(settings: Settings) -> HttpAccess:
    """Build the configured access over HTTP. Raises SettingsError for an invalid public key."""
    from server.web.http import HttpAccess  # noqa: PLC0415

    if not settings.identity.configured:
        return HttpAccess()
    # cryptography is slow to import, and a server without identity does not need it.
    from server.web.auth.gate import build_gate  # noqa: PLC0415

    return HttpAccess(
        gate=build_gate(settings.identity),
        allowed_hosts=settings.http.allowed_hosts,
        allowed_origins=settings.http.allowed_origins,
    )


def _build_pending_work(settings: Settings, *, schedules: bool) -> Callable[[], bool]:
    @cache
    def import_pending_work() -> PendingWork:
        # It imports the store, in the thread in which it is asked.
        from server.composition.pending_work import PendingWork  # noqa: PLC0415

        return PendingWork(settings, schedules=schedules)

    def has_pending_work() -> bool:
        return import_pending_work()()

    return has_pending_work


def _import_composition() -> Callable[..., AbstractAsyncContextManager[Services]]:
    # It imports the engine and every adapter.
    from server.composition.process import open_services  # noqa: PLC0415

    return open_services
