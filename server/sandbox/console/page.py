"""The sandbox's page for people: a search with filters, the documents that it finds, and the datasources."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from server.sandbox.console.views import SearchView, render_document, render_missing, render_search
from server.sandbox.state.content.contents import load_shown_document
from server.sandbox.state.content.processing import advance_due_work
from server.sandbox.state.content.search.fulltext import search_fulltext
from server.sandbox.state.datasources import (
    datasource_payload,
    load_datasource,
    load_datasource_page,
)
from server.sandbox.state.refusals import RefusedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from server.sandbox.console.datasets import DatasetLookup
    from server.sandbox.http.pipeline import Gate

_COOKIE: Final = "sandbox_token"
_LIMIT: Final = 20
_MOST_DATASOURCES: Final = 500
_LONGEST_FIELD: Final = 1000
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class ConsolePage:
    """ASGI application of the pages at `/` and `/document`, for people on this machine or with the token."""

    def __init__(self, gate: Gate, datasets: DatasetLookup) -> None:
        """Render the state of a gate, with what `datasets` knows of the datasources; it may block."""
        self._gate = gate
        self._datasets = datasets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._respond(request)
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        offered = request.query_params.get("token")
        if offered is not None and self._is_token(offered):
            # The redirect takes the token out of the address bar and the browser's history.
            response: Response = RedirectResponse("/", status_code=303)
            response.set_cookie(_COOKIE, offered, httponly=True, samesite="strict")
            return response
        if not (_is_local(request) or self._is_token(request.cookies.get(_COOKIE, ""))):
            return PlainTextResponse("Open this page with ?token=… and the sandbox's token.", status_code=401)
        given = {name: value.strip()[:_LONGEST_FIELD] for name, value in request.query_params.items()}
        render = self._render_document if request.url.path == "/document" else self._render_search
        return await anyio.to_thread.run_sync(render, given)

    def _is_token(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode(), self._gate.token.encode())

    def _render_search(self, given: Mapping[str, str]) -> Response:
        known = self._datasets()
        world = self._gate.world
        advance_due_work(world)
        with world.database.read() as connection:
            datasources = [
                datasource_payload(connection, row)
                for row in load_datasource_page(connection, 0, _MOST_DATASOURCES)
            ]
            view = SearchView.from_form(datasources, known, given)
            found = _search(connection, view) if view.question else None
        return HTMLResponse(render_search(view, found))

    def _render_document(self, given: Mapping[str, str]) -> Response:
        world = self._gate.world
        advance_due_work(world)
        with world.database.read() as connection:
            try:
                datasource = load_datasource(connection, given.get("in", ""))
            except RefusedError:
                return HTMLResponse(render_missing(), status_code=404)
            document = load_shown_document(connection, datasource, given.get("type", ""), given.get("id", ""))
            if document is None:
                return HTMLResponse(render_missing(), status_code=404)
            return HTMLResponse(
                render_document({"id": datasource["id"], "name": datasource["name"]}, document)
            )


def _search(connection: sqlite3.Connection, view: SearchView) -> dict[str, Any]:
    names = [each["name"] for each in view.shown] if view.is_filtered else None
    return search_fulltext(connection, view.question, datasources=names, limit=_LIMIT)


def _is_local(request: Request) -> bool:
    """Whether the browser is on this machine and named it in a way that no name server can give.

    A page elsewhere could otherwise point its own host name to this machine (DNS rebinding) and read this page.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return host == "localhost" or (
        _is_loopback(host) and _is_loopback(request.client.host if request.client else "")
    )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
