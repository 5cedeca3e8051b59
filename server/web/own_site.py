"""Refusal of requests whose `Host` or `Origin` is none of this server's: a browser was tricked into sending them.

Names are compared as HTTP means them: case, a final dot and the default port make no difference. Nothing but a whole
host is compared, so `127.0.0.1:8000@evil.example` is none.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from domain.model import quote_foreign
from server.web.approvals_api.answers import WrongHostError, WrongOriginError, error_response

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from domain.errors import LifecycleError

    RawHeaders = Iterable[tuple[bytes, bytes]]

_log: Final = logging.getLogger(__name__)
_HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS: Final = {"http": frozenset({80}), "https": frozenset({443})}
_EITHER: Final = frozenset({80, 443})
"""Whether a proxy has terminated TLS is not known, so a `Host` may leave out either port."""
_ANY_PORT: Final = ":*"


class OwnSite:
    """The hosts and origins of a server, as they are configured; one that ends with `:*` is allowed with any port."""

    def __init__(self, hosts: Collection[str], origins: Collection[str]) -> None:
        """Allow those hosts and origins."""
        self._hosts = {_parse_allowed(each, _EITHER) for each in hosts}
        self._origins = {
            (scheme, *_parse_allowed(host, _DEFAULT_PORTS[scheme]))
            for scheme, _, host in (each.partition("://") for each in origins)
        }

    def find_foreign_host(self, headers: RawHeaders) -> WrongHostError | None:
        """The refusal of a request to another host, or to none; None when its host is one of the server's."""
        given = [value.decode("latin-1") for name, value in headers if name == b"host"]
        for host in given:
            parts = _HOST.fullmatch(host)
            if not parts:
                return WrongHostError(
                    f"The header Host of this request is not a host: {quote_foreign(host)}."
                )
            name, port = _normalize(parts, _EITHER)
            if not {(name, port), (name, None)} & self._hosts:
                return WrongHostError(
                    f"This server does not answer to the host {quote_foreign(host)}, which this request names.",
                    suggested_action="Call the server by its own address. Where a proxy passes on this host, the "
                    f"operator adds {quote_foreign(host.lower())} to `http.allowed_hosts`, which needs `identity`.",
                )
        return None if given else WrongHostError("This request names no host.")

    def find_foreign_origin(self, headers: RawHeaders) -> WrongOriginError | None:
        """The refusal of a request from a page of another site; None when there is no page, or one of the server's."""
        for value in (value.decode("latin-1") for name, value in headers if name == b"origin"):
            scheme, _, host = value.lower().partition("://")
            parts = _HOST.fullmatch(host) if scheme in _DEFAULT_PORTS else None
            if not parts:
                return WrongOriginError("The header Origin of this request is not the origin of a web page.")
            name, port = _normalize(parts, _DEFAULT_PORTS[scheme])
            if not {(scheme, name, port), (scheme, name, None)} & self._origins:
                return WrongOriginError(f"This server does not answer to pages of {quote_foreign(value)}.")
        return None


def _parse_allowed(host: str, default_ports: Collection[int]) -> tuple[str, int | None]:
    """The name and port of a host that is allowed: 0 for the default port, None for any."""
    parts = _HOST.fullmatch(host.removesuffix(_ANY_PORT))
    if not parts:
        msg = f"{host!r} is no host."
        raise ValueError(msg)
    name, port = _normalize(parts, default_ports)
    return name, None if host.endswith(_ANY_PORT) else port


def _normalize(host: re.Match[str], default_ports: Collection[int]) -> tuple[str, int]:
    """The name in its one spelling, and the port, 0 for the default one."""
    port = int(host[2] or 0)
    return host[1].lower().removesuffix("."), 0 if port in default_ports else port


class OwnSiteMiddleware:
    """Middleware that refuses requests to other hosts and from other sites' pages, except on paths open to all."""

    def __init__(self, app: ASGIApp, site: OwnSite, open_paths: Collection[str]) -> None:
        """Guard the application."""
        self._app = app
        self._site = site
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        refusal: LifecycleError | None = None
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            headers = scope["headers"]
            refusal = self._site.find_foreign_host(headers) or self._site.find_foreign_origin(headers)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            _log.warning("A request was refused. %s", refusal.message)
            await error_response(refusal)(scope, receive, send)
