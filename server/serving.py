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
from server import app, logs, presence
from server.http import GRACE_S, Door, bound, serve_http
from server.opening import Opening
from server.replicas.agreement import Replica
from server.resuming import FirstAnswer, take_up
from server.rounds_key import rounds_keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    from server.app import LifecycleServer
    from server.settings import Settings
    from tools.services import Services

    Looking = Callable[[], Coroutine[Any, Any, None]]

Transport = Literal["stdio", "http"]

_log: Final = logging.getLogger(__name__)
CLOSING_S: Final = 1.5
"""How long the services may take to close. Hosts send SIGTERM two seconds after they closed stdin, and then kill."""


def run(
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
    logs.configure()
    door = door_of(settings) if transport == "http" else Door()
    listening = bound(host, port, guarded=door.gate is not None) if transport == "http" else None
    keys = rounds_keys(settings)
    # An answer reaches another replica only over HTTP, and where something can be asked at all.
    meeting = keys if listening is not None and not read_only else ()
    with _present(settings, meeting) as replica:
        opening = Opening(lambda: _services(settings, schedules=schedules, replica=replica))
        first = FirstAnswer()
        server = app.build(
            opening.services,
            version=version("dataset-lifecycle"),
            toolsets=toolsets,
            read_only=read_only,
            caller=app.agent(settings.identity.local),
            gate=door.gate,
            middleware=[first],
            via=transport,
            state_keys=keys,
        )
        if listening is None:
            looking = partial(take_up, opening, partial(_pending, settings, schedules=schedules), first)
            anyio.run(_to_the_client, server, opening, looking)
        else:
            looking = partial(take_up, opening, lambda: True, first, final=SettingsError)
            anyio.run(_to_all, partial(serve_http, server, opening, listening, door=door), opening, looking)


async def _to_the_client(server: LifecycleServer, opening: Opening, looking: Looking) -> None:
    """Serve over stdio."""
    async with opening, anyio.create_task_group() as tasks:
        tasks.start_soon(looking)
        await until_over(lambda _: server.run_stdio_async(), opening, linger_s=0)


async def _to_all(
    serve: Callable[[anyio.Event], Awaitable[None]], opening: Opening, looking: Looking
) -> None:
    """Serve over HTTP. Raises what is final about opening the services, once nobody is served any more."""
    refusals: list[SettingsError] = []

    async def opened(stop: anyio.Event) -> None:
        try:
            await looking()
        except SettingsError as error:
            refusals.append(error)
            stop.set()

    async def served(stop: anyio.Event) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(opened, stop)
            await serve(stop)
            tasks.cancel_scope.cancel()

    def leave(status: int) -> NoReturn:
        if refusals:
            raise refusals[0]
        os._exit(status)

    async with opening:
        await until_over(served, opening, linger_s=GRACE_S + CLOSING_S, leave=leave)


@contextmanager
def _present(settings: Settings, keys: Sequence[str]) -> Iterator[Replica | None]:
    """Be known as a server of the data folder and, where the store is shared, as one of its replicas."""
    with presence.present(settings.data_dir):
        if not settings.store.shared:
            yield None
            return
        from server.postgres.presence import present  # noqa: PLC0415 - most stores are SQLite, and need no driver

        with present(settings.store.address) as shown:
            yield Replica(owner=shown.owner, shown=shown.wait, keys=keys)


async def until_over(
    serve: Callable[[anyio.Event], Awaitable[Any]],
    opening: Opening,
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

    async def served() -> None:
        nonlocal failed
        try:
            await serve(stop)
        except Exception:  # noqa: BLE001 - whatever it was, the services are closed and the process left
            _log.exception("Serving ended by a fault.")
            failed = True
        stop.set()
        over.set()

    async def signalled() -> None:
        await anext(signals)
        stop.set()

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(served)
            tasks.start_soon(signalled)
            await stop.wait()
            with anyio.move_on_after(linger_s):
                await over.wait()
            with anyio.move_on_after(CLOSING_S):
                await opening.close()
            leave(int(failed))


@asynccontextmanager
async def _services(
    settings: Settings, *, schedules: bool, replica: Replica | None
) -> AsyncIterator[Services]:
    wiring = await to_thread.run_sync(_wiring)
    async with wiring.running(
        settings, sagas=True, serves=True, schedules=schedules, replica=replica
    ) as services:
        yield services


def door_of(settings: Settings) -> Door:
    """How the server is reached over HTTP, as configured. Raises SettingsError for a key that is none."""
    if not settings.identity.configured:
        return Door()
    from server.identity.gate import gate  # noqa: PLC0415 - cryptography takes its time

    return Door(
        gate=gate(settings.identity),
        allowed_hosts=settings.http.allowed_hosts,
        allowed_origins=settings.http.allowed_origins,
    )


def _pending(settings: Settings, *, schedules: bool) -> bool:
    return schedules or bool(_wiring().pending(settings))


def _wiring() -> ModuleType:
    from server import wiring  # noqa: PLC0415 - it imports the engine and every adapter

    return wiring
