"""Name resolution of webhooks, in threads of their own.

A look-up that hangs cannot be cancelled. In the event loop's own few threads it would block every other look-up, those
of Glean's client included.
"""

from __future__ import annotations

import socket
from functools import partial
from ipaddress import ip_address
from typing import Final

import httpx
from anyio import CapacityLimiter, to_thread

_LOOPBACK_ADDRESSES: Final = ("127.0.0.1", "::1")
_AT_ONCE: Final = 8
_MAX_ADDRESSES: Final = 4
"""The most addresses of one name that are tried. They share the time that a connection may take."""


class ResolvingTransport(httpx.AsyncBaseTransport):
    """A transport that resolves the name and passes the request on to `inner`. `localhost` is always this machine.

    Certificates are checked against the name. Raises httpx.ConnectError for a name that cannot be resolved.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._limiter: CapacityLimiter | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.raw_host.decode("ascii")
        addresses = await self._resolve(name)
        for each in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(
                    _request_to_address(request, name, each, len(addresses))
                )
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent yet, so the next address cannot receive the message twice
        return await self._inner.handle_async_request(
            _request_to_address(request, name, addresses[-1], len(addresses))
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _resolve(self, name: str) -> list[str]:
        if name == "localhost":
            return list(_LOOPBACK_ADDRESSES)
        try:
            return [str(ip_address(name))]
        except ValueError:
            pass
        if self._limiter is None:  # created at first use, since it belongs to an event loop
            self._limiter = CapacityLimiter(_AT_ONCE)
        resolve = partial(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM)
        try:
            entries = await to_thread.run_sync(resolve, abandon_on_cancel=True, limiter=self._limiter)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("The host name cannot be resolved.") from error
        return list(dict.fromkeys(str(each[4][0]) for each in entries))[:_MAX_ADDRESSES]


def _request_to_address(request: httpx.Request, name: str, address: str, shares: int) -> httpx.Request:
    limits = request.extensions["timeout"]
    extensions = {
        **request.extensions,
        "timeout": {**limits, "connect": limits["connect"] / shares},
        "sni_hostname": name,
    }
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )
