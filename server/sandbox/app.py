"""The sandbox as an ASGI application: its three APIs, `/healthz`, and a page for people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from server.sandbox.admin_api.operations import ADMIN_OPERATIONS, render_admin_refusal
from server.sandbox.console.datasets import no_datasets
from server.sandbox.console.page import ConsolePage
from server.sandbox.http.hooks import NO_HOOKS
from server.sandbox.http.pipeline import Gate, Resource, UnknownRoute
from server.sandbox.indexing_api import operations
from server.sandbox.indexing_api.operations import INDEXING_OPERATIONS
from server.sandbox.search_api.operations import CLIENT_OPERATIONS
from server.sandbox.state.switches import is_denial_explained

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from server.sandbox.console.datasets import DatasetLookup
    from server.sandbox.http.hooks import SandboxHooks
    from server.sandbox.http.operation import Operation
    from server.sandbox.state.state import SandboxState

_WORKERS = 4


def create_app(
    world: SandboxState,
    token: str,
    hooks: SandboxHooks = NO_HOOKS,
    datasets: DatasetLookup = no_datasets,
) -> Starlette:
    """Create the application over one state; clients of its APIs must present `token`.

    Its page says what `datasets` knows of the datasources.

    Its worker threads are in `app.state.workers`; shut them down after the last request.
    """
    workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="glean-sandbox")
    gate = Gate(world=world, token=token, workers=workers, refuse=render_admin_refusal, hooks=hooks)
    indexing = replace(
        gate, refuse=operations.render_indexing_refusal, api="indexing", explains_denial=is_denial_explained
    )
    console = ConsolePage(gate, datasets)
    app = Starlette(
        routes=[
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/", console, methods=["GET"]),
            Route("/document", console, methods=["GET"]),
            Mount("/api/v1", app=dialect_router(gate, ADMIN_OPERATIONS)),
            Mount("/api/index/v1", app=dialect_router(indexing, INDEXING_OPERATIONS)),
            Mount("/rest/api/v1", app=dialect_router(replace(indexing, api="search"), CLIENT_OPERATIONS)),
        ]
    )
    app.state.workers = workers
    app.router.default = UnknownRoute(gate)
    # A path with a further slash is unknown, as any other that no operation has; it is not redirected.
    app.router.redirect_slashes = False
    return app


def dialect_router(gate: Gate, operations: Iterable[Operation]) -> Router:
    """The routes of one dialect, each path once with all its methods."""
    # `groupby` joins neighbours only, so operations of one path must follow each other in the table.
    routes = [
        Route(path, Resource(gate, list(same_path)))
        for path, same_path in groupby(operations, key=lambda operation: operation.path)
    ]
    return Router(routes, redirect_slashes=False, default=UnknownRoute(gate))


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
