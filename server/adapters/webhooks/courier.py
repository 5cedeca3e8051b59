"""HTTP courier: sends messages to a webhook, signed by Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import ssl
from contextlib import AbstractAsyncContextManager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final, Protocol, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx
from standardwebhooks import Webhook

from domain.events import CONTENT_TYPE
from domain.model import DeliveryResult
from server.adapters.webhooks.failures import failure_reason
from server.adapters.webhooks.resolving import ResolvingTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from urllib.parse import SplitResult

    from domain.ports import Clock, CloudEventMessage

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ANSWER_BYTES: Final = 8 * 1024
"""The most bytes read of a response. Its body is not used; it is read only to keep the connection usable."""
_CONNECT_SHARE: Final = 0.4
"""Share of the timeout for the connection, and again for TLS. The client closes a connection that takes too long, which
it would not do if our own timeout cancelled it."""
_GONE: Final = 410


class Secret(Protocol):
    """A secret that its `repr` hides, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str:
        """Return the secret."""
        ...


class HttpCourier(AbstractAsyncContextManager["HttpCourier"]):
    """The `Courier` of one address. The failures that it reports repeat neither the address nor the response."""

    def __init__(self, url: str, secrets: Sequence[Secret], *, clock: Clock, timeout_s: float) -> None:
        """Prepare the client; nothing is sent yet.

        Args:
            url: the address of the webhook; https, or http on this machine.
            secrets: one or more, each `whsec_` and base64; a message is signed with every one of them.
            clock: the clock of the messages' timestamps.
            timeout_s: seconds for the whole of one try.
        """
        self._url = url
        self._signers = [Webhook(each.get_secret_value()) for each in secrets]
        self._clock = clock
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        # Without TLS no certificate authorities are needed, and to load those of the machine takes time.
        trusted = True if parts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A proxy resolves names itself.
        direct = None if _is_proxied(parts) else ResolvingTransport(httpx.AsyncHTTPTransport(verify=trusted))
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=timeout_s * _CONNECT_SHARE, pool=None),
            headers={
                "Content-Type": CONTENT_TYPE,
                "Accept-Encoding": "identity",
                "User-Agent": "dataset-lifecycle",
            },
            # No cookie is stored: a webhook could make us carry more and more of them.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            transport=direct,
            verify=trusted,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, message: CloudEventMessage) -> DeliveryResult:
        return await self._request("POST", _delivery_answer, message.body, self._signature_headers(message))

    async def check_reachability(self) -> str | None:
        """Check by an empty request whether the webhook can be reached: None when it can, else why not.

        Any response counts as reachable except a redirect, which no message would follow.
        """
        return (await self._request("HEAD", _reachability_answer)).error

    async def _request(
        self,
        method: str,
        judge: Callable[[httpx.Response], DeliveryResult],
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> DeliveryResult:
        result: DeliveryResult | None = None
        try:
            with anyio.fail_after(self._timeout_s):
                async with self._client.stream(
                    method, self._url, content=content, headers=headers
                ) as response:
                    result = judge(response)
                    await _drain(response)
        except (TimeoutError, httpx.TimeoutException):
            # A result means that only the body failed, which is not used.
            return result or DeliveryResult(error=f"no answer within {self._timeout_s:g} seconds")
        except (httpx.HTTPError, OSError) as error:
            return result or DeliveryResult(error=f"no answer: {failure_reason(error)}")
        return result

    def _signature_headers(self, message: CloudEventMessage) -> dict[str, str]:
        now, body = self._clock.now(), message.body.decode()
        return {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(each.sign(message.id, now, body) for each in self._signers),
        }


def _is_proxied(parts: SplitResult) -> bool:
    """Whether the environment names a proxy for the address. An address on this machine never uses one."""
    if parts.hostname in _LOOPBACK:
        return False
    return not {parts.scheme, "all"}.isdisjoint(getproxies()) and not proxy_bypass(parts.netloc)


def _delivery_answer(response: httpx.Response) -> DeliveryResult:
    if response.is_success:
        return DeliveryResult()
    redirected = ", a redirect, which is not followed" if response.is_redirect else ""
    return DeliveryResult(
        error=f"answered {response.status_code}{redirected}",
        gone=response.status_code == _GONE,
        retry_after_s=_parse_retry_seconds(response.headers.get("retry-after", "")),
    )


def _reachability_answer(response: httpx.Response) -> DeliveryResult:
    return _delivery_answer(response) if response.is_redirect else DeliveryResult()


def _parse_retry_seconds(retry_after: str) -> float | None:
    """`Retry-After` in seconds; None for a date, which is ignored because clocks differ."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None


async def _drain(response: httpx.Response) -> None:
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > _ANSWER_BYTES:
            return
