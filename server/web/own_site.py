"""Refusal of requests whose `Host` or `Origin` is none, before anything compares it with the allowed ones.

The SDK compares only the beginning of the header, up to the port: it would take `127.0.0.1:8000@evil.example` for the
loopback interface.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from server.web.approvals_api.answers import WrongHostError, WrongOriginError, error_response

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

    from domain.errors import LifecycleError

_HOST: Final = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_ORIGIN: Final = re.compile(rb"https?://" + _HOST.pattern)


class OwnSiteMiddleware:
    """Middleware that answers requests with a malformed `Host` or `Origin`, but for the paths that are open to all."""

    def __init__(self, app: ASGIApp, open_paths: Collection[str]) -> None:
        """Guard the application."""
        self._app = app
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        refusal = None
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            refusal = _find_malformed_header(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await error_response(refusal)(scope, receive, send)


def _find_malformed_header(scope: Scope) -> LifecycleError | None:
    for name, value in scope["headers"]:
        if name == b"host" and not _HOST.fullmatch(value):
            return WrongHostError("The header Host of this request is not a host.")
        if name == b"origin" and not _ORIGIN.fullmatch(value):
            return WrongOriginError("The header Origin of this request is not the origin of a web page.")
    return None
