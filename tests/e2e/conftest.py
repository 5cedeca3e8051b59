"""One way to reach the whole product: every transport, in both protocol eras, over one data folder.

In memory and over HTTP the server lives in this process; over stdio it is a process of its own, started as a host does.
"""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from domain.model.enums import JourneyState, Stage
from domain.model.journey import Client as Customer
from domain.model.journey import Journey
from domain.model.principal import Principal
from server.composition.lazy_services import LazyServices
from server.composition.process import open_services
from server.mcp_server.server import build_server
from server.settings import load_settings
from server.web.http import open_listening_socket, serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from domain.model.approval import Confirmer

Transport = Literal["memory", "http", "stdio"]
Era = Literal["legacy", "2026-07-28"]

ROOT: Final = Path(__file__).parents[2]
TRANSPORTS: Final[tuple[Transport, ...]] = ("memory", "http", "stdio")
ERAS: Final[tuple[Era, ...]] = ("legacy", "2026-07-28")


@asynccontextmanager
async def connect_client(
    transport: Transport,
    era: Era,
    data_dir: Path,
    *,
    environ: Mapping[str, str] | None = None,
    confirmer: Confirmer | None = None,
    read_only: bool = False,
) -> AsyncIterator[Client]:
    """A client of a server on that data folder.

    Args:
        transport: how it is reached.
        era: the protocol's, with a handshake or without.
        data_dir: the data folder.
        environ: further settings, as environment variables.
        confirmer: where a person's word comes from; only where the server lives in this process.
        read_only: whether the server is started so.
    """
    if transport == "stdio":
        assert confirmer is None, "a process of its own takes no port from here"
        async with Client(stdio_server(data_dir, environ or {}, read_only=read_only), mode=era) as client:
            yield client
        return
    settings = load_settings(environ or {}, None, data_dir)
    provider = partial(open_services, settings, sagas=True, confirmer=confirmer)
    async with LazyServices(provider) as opening:
        server = build_server(opening.get_services, version="test", read_only=read_only)
        if transport == "memory":
            async with Client(server, mode=era) as client:
                yield client
            return
        stop = anyio.Event()
        door = open_listening_socket("127.0.0.1", 0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve_http, server, server.edge, opening, door, stop)
            async with Client(f"http://127.0.0.1:{door.getsockname()[1]}/mcp", mode=era) as client:
                yield client
            stop.set()


def stdio_server(data_dir: Path, environ: Mapping[str, str], *, read_only: bool) -> Any:  # noqa: ANN401 - the SDK's transport
    """A server process on that folder, as a host starts it."""
    measured = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    return stdio_client(
        StdioServerParameters(
            command=sys.executable,
            args=[
                "-m",
                "server",
                "serve",
                "--data-dir",
                str(data_dir),
                *(["--read-only"] if read_only else []),
            ],
            cwd=str(ROOT),
            env=measured | dict(environ),
        )
    )


@dataclass(frozen=True)
class TransportCell:
    """`connected`, with transport and era chosen by the matrix."""

    transport: Transport
    era: Era

    def __call__(self, data_dir: Path, **options: Any) -> AbstractAsyncContextManager[Client]:
        return connect_client(self.transport, self.era, data_dir, **options)


CELLS = [(transport, era) for transport in TRANSPORTS for era in ERAS]
EVERY_TIME = ("http", ERAS[1])
"""The cell of a life that runs with every change: what the others add is shown by `test_transports` in all of them."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A life over one transport in one era; marked `each_cell`, over all of them; the rest exhaustively."""
    if "connect" not in metafunc.fixturenames:
        return
    every = metafunc.definition.get_closest_marker("each_cell") is not None
    params = [
        pytest.param(
            cell, marks=() if every or cell == EVERY_TIME else pytest.mark.exhaustive, id="-".join(cell)
        )
        for cell in CELLS
    ]
    metafunc.parametrize("connect", params, indirect=True)


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> TransportCell:
    """`connect(data_dir)` gives a client over one transport in one era."""
    transport, era = request.param
    return TransportCell(transport=transport, era=era)


async def add_client_and_journey(
    data_dir: Path, client_id: str = "ACME", journey_id: str = "j1", stage: Stage = Stage.SANDBOX
) -> None:
    """Add a client with an active journey to the data folder, as an operator would before."""
    async with open_services(load_settings({}, None, data_dir), sagas=False) as services:
        await services.registry.add_client(
            Customer(
                client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"
            ),
            Principal(subject="person:kim"),
        )
        await services.registry.add_journey(
            Journey(journey_id=journey_id, client_id=client_id, stage=stage, state=JourneyState.ACTIVE),
            Principal(subject="person:kim"),
        )
