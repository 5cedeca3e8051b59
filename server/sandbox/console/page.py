"""The sandbox's page for people: a table of its datasources, and a search box."""

from __future__ import annotations

import hmac
import ipaddress
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from domain.model import printable
from server.sandbox.state.content.processing import advance_due_work
from server.sandbox.state.content.search.fulltext import search_fulltext
from server.sandbox.state.datasources import datasource_payload, load_datasource_page

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from server.sandbox.http.pipeline import Gate

_COOKIE: Final = "sandbox_token"
_LIMIT: Final = 20
_MOST_DATASOURCES: Final = 500
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8886}"
    "input{font:inherit;width:60%}small{opacity:.7}"
)


class ConsolePage:
    """ASGI application of the page at `/`, for people on this machine or with the token."""

    def __init__(self, gate: Gate) -> None:
        """Render the state of a gate."""
        self._gate = gate

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
        question = request.query_params.get("q", "").strip()[:1000]
        return HTMLResponse(await anyio.to_thread.run_sync(self._render, question))

    def _is_token(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode(), self._gate.token.encode())

    def _render(self, question: str) -> str:
        world = self._gate.world
        advance_due_work(world)
        with world.database.read() as connection:
            datasources = [
                datasource_payload(connection, row)
                for row in load_datasource_page(connection, 0, _MOST_DATASOURCES)
            ]
            found = search_fulltext(connection, question, limit=_LIMIT) if question else None
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Glean sandbox</title>'
            f"<style>{_STYLE}</style></head><body><h1>Glean sandbox</h1>"
            f'<form role="search"><label>Search <input name="q" value="{_show(question)}" autofocus></label>'
            f" <button>Search</button></form>{_render_hits(found)}<h2>Datasources</h2>{_render_table(datasources)}"
            "</body></html>"
        )


def _show(text: str) -> str:
    """Somebody's text as HTML: printable, and never markup."""
    return escape(printable(text))


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


def _render_hits(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    items = "".join(
        f"<li><b>{_show(hit['title'])}</b> <small>{_show(hit['datasource'])} · {_show(hit['documentId'])}</small>"
        f"<br>{_show(hit['snippet'])}</li>"
        for hit in found["results"]
    )
    return f"<p>{found['total']} found</p><ol>{items}</ol>"


def _render_table(datasources: list[dict[str, Any]]) -> str:
    if not datasources:
        return "<p>There are none.</p>"
    rows = "".join(
        f"<tr><td>{_show(each['name'])}</td><td>{_show(each['connector'])}</td>"
        f"<td>{_show(each['status'])}</td><td>{each['documentCount']}</td></tr>"
        for each in datasources
    )
    return f"<table><tr><th>Name</th><th>Connector</th><th>Status</th><th>Documents</th></tr>{rows}</table>"
