"""HTTP client of Glean: one connection pool, one rate limiter, retries at this layer only, bounded responses."""

from __future__ import annotations

import re
import ssl
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx
from stamina import AsyncRetryingCaller

from domain.content import DECODE_ERRORS
from domain.errors import PlatformDeniedError, PlatformThrottledError, SettingsError
from domain.model import decode_json
from server.adapters.glean.transport.errors import Fault, fault_from_response, platform_error
from server.adapters.glean.transport.remedies import NOT_GLEAN_API, connection_remedy, is_web_page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from domain.ports import Clock
    from server.adapters.glean.transport.rate_limiter import RateLimiter
    from server.adapters.glean.transport.remedies import Remedy

T = TypeVar("T")
TRIES: Final = 4
"""One call and up to three retries."""
LONGEST_WAIT_S: Final = 60.0
"""The longest `Retry-After` that is waited for, in seconds. A longer one becomes an error that names it."""
ANSWER_BYTES: Final = 8 * 1024 * 1024
_EMPTY_STREAM: Final = httpx.ByteStream(b"")
"""Replaces a response's stream after use. The two refer to each other, which would keep the sent page in memory."""
_EMPTY_OBJECT: Final = b"{}"
"""Decoded in place of an empty body, for response types without a required field."""
_FIRST_WAIT_S: Final = 0.5
_QUIET_S: Final = 0.5
_MOST_REQUEUES: Final = 25
_KEY: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_DENIED: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Secret(Protocol):
    """A secret that its `repr` hides, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str:
        """Return the secret."""
        ...


@dataclass(frozen=True, slots=True)
class _ApiCall:
    """One call of the API, with all tries and retries that it takes."""

    operation: str
    method: str
    path: str
    body: bytes | None
    query: Mapping[str, str | int] | None
    absent: Collection[int]
    again: bool


class GleanHttpClient(AbstractAsyncContextManager["GleanHttpClient"]):
    """HTTP client of one Glean. Once open, it raises only PlatformError and its subclasses."""

    # The APIs of one Glean differ in all of these arguments.
    def __init__(  # noqa: PLR0913
        self,
        base_url: str,
        token: Secret | Callable[[], str],
        *,
        clock: Clock,
        limiter: RateLimiter,
        sent: Collection[str],
        timeout_s: float = 30.0,
        waits: float = 1.0,
        headers: Mapping[str, str] | None = None,
        denial: Callable[[int, bytes], Remedy] | None = None,
    ) -> None:
        """Prepare the client; nothing is sent yet.

        Args:
            base_url: the address, with the part of the path that all calls share.
            token: the key, or a function that returns it for each request.
            clock: the clock that a `Retry-After` date is compared with.
            limiter: the rate limiter that all clients of this Glean share.
            sent: the field names that we send; an error message repeats no other.
            timeout_s: seconds to connect, and for each pause in a response; a whole response may take four times that.
            waits: factor of every pause between tries; tests make it tiny.
            headers: additional headers of every request.
            denial: returns the remedy for a response that refuses the token, from its status and body.

        Raises:
            SettingsError: the address is not https (or http on this machine), or contains a user; the key is empty or
                contains invalid characters.
        """
        self.base_url = _normalize_base_url(base_url)
        self._token = token if callable(token) else token.get_secret_value
        if not callable(token) and not _KEY.fullmatch(token.get_secret_value()):
            raise SettingsError(
                "glean.api_key is empty, or contains invalid characters.", field="glean.api_key"
            )
        self._clock = clock
        self._limiter = limiter
        self._sent = sent
        self._deadline_s = 4 * timeout_s
        self._waits = waits
        self._denial = denial
        self._retry = AsyncRetryingCaller(
            attempts=TRIES,
            timeout=None,
            wait_initial=_FIRST_WAIT_S * waits,
            wait_max=LONGEST_WAIT_S * waits,
            wait_jitter=_FIRST_WAIT_S * waits,
        )
        parts = urlsplit(self.base_url)
        # Without TLS no certificate authorities are needed, and to load those of the machine takes longer than all
        # the rest here.
        trusted = True if parts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "dataset-lifecycle",
                **(headers or {}),
            },
            # A redirect would send the key to an address that nobody configured.
            follow_redirects=False,
            # A proxy from the environment cannot reach a server on this machine.
            trust_env=parts.hostname not in _LOOPBACK,
            verify=trusted,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        response_type: type[T],
        *,
        body: bytes | None = None,
        query: Mapping[str, str | int] | None = None,
        absent: Collection[int] = (),
        again: bool = True,
    ) -> T:
        """Make one call, with retries after transient faults.

        Every call of ours is idempotent, or its caller reads back what it did. `response_type` is the type of the body,
        `type(None)` for an empty one. A status in `absent` means that the thing does not exist. Without `again` a call
        is repeated only after a 429, which says that it had no effect. A call that is throttled while others succeed
        is merely queued, so it is tried again for as long as they do.

        Raises:
            PlatformError: the call failed; the subclass says how.
        """
        api_call = _ApiCall(operation, method, path, body, query, absent, again)
        requeues = 0
        while True:
            requeues += 1
            successes_before = self._limiter.successes
            try:
                return await self._call_with_retries(api_call, response_type)
            except PlatformThrottledError as error:
                nobody_succeeds = self._limiter.successes == successes_before
                if (
                    nobody_succeeds
                    or requeues == _MOST_REQUEUES
                    or (error.retry_after_s or 0) > LONGEST_WAIT_S
                ):
                    raise

    async def _call_with_retries(self, api_call: _ApiCall, response_type: type[T]) -> T:
        tries = 0

        async def attempt() -> T:
            nonlocal tries
            tries += 1
            return await self._attempt_call(api_call, response_type)

        try:
            # The retrying caller is freed only by the garbage collector, with its arguments: none of them may refer to
            # the body of the request.
            return await self._retry(
                partial(self._retry_delay, absent=api_call.absent, again=api_call.again), attempt
            )
        except Fault as fault:
            raise platform_error(fault, api_call.operation, tries, self._sent, api_call.absent) from None

    def _retry_delay(self, error: Exception, *, absent: Collection[int], again: bool) -> bool | float:
        """Whether to try again; the seconds to wait where the response asks for a delay."""
        if not isinstance(error, Fault) or not error.transient or error.status in absent:
            return False
        if not again and error.status != httpx.codes.TOO_MANY_REQUESTS:
            return False
        if error.retry_after_s is None:
            return True
        return error.retry_after_s <= LONGEST_WAIT_S and error.retry_after_s * self._waits

    async def _attempt_call(self, api_call: _ApiCall, response_type: type[T]) -> T:
        headers = {"Authorization": f"Bearer {self._require_key()}"}
        if api_call.body is not None:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(
            api_call.method,
            self.base_url + api_call.path,
            content=api_call.body,
            params=api_call.query,
            headers=headers,
        )
        async with self._limiter.slot():
            status, received, raw = await self._exchange(request)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            fault = fault_from_response(status, received, raw, self._clock.now())
            quiet = _QUIET_S if fault.retry_after_s is None else min(fault.retry_after_s, LONGEST_WAIT_S)
            self._limiter.record_throttling(quiet * self._waits)
            raise fault
        self._limiter.record_success()
        if not httpx.codes.is_success(status):
            raise self._refusal_fault(status, received, raw)
        return _decode_body(raw, response_type)

    def _refusal_fault(self, status: int, received: Mapping[str, str], raw: bytes) -> Fault:
        fault = fault_from_response(status, received, raw, self._clock.now())
        if self._denial and status in _DENIED and not is_web_page(received):
            fault.remedy = self._denial(status, raw)
        return fault

    async def _exchange(self, request: httpx.Request) -> tuple[int, Mapping[str, str], bytes]:
        try:
            with anyio.fail_after(self._deadline_s):
                response = await self._client.send(request, stream=True)
                try:
                    return response.status_code, response.headers, await _read_bounded(response)
                finally:
                    await response.aclose()
                    response.stream = _EMPTY_STREAM
        except (httpx.TimeoutException, TimeoutError):
            raise Fault("did not answer in time") from None
        except httpx.ConnectError as error:
            raise Fault("could not be reached", remedy=connection_remedy(error)) from None
        except httpx.RequestError:
            raise Fault("closed the connection before its response was complete") from None

    def _require_key(self) -> str:
        key = self._token()
        if not _KEY.fullmatch(key):
            raise PlatformDeniedError("The Glean key is empty, or contains invalid characters.")
        return key


def _normalize_base_url(base_url: str) -> str:
    field = "glean.base_url"
    try:
        parts = urlsplit(base_url)
        # urllib checks the port only when it is read.
        _ = parts.port
    except ValueError:
        raise SettingsError("glean.base_url is not a valid address.", field=field) from None
    if "@" in parts.netloc:
        raise SettingsError("glean.base_url must not contain a user or password.", field=field)
    if not parts.hostname or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\x7f\\]", base_url):
        raise SettingsError(
            "glean.base_url must be a host, with an optional port and path, and nothing more.", field=field
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SettingsError(
            "glean.base_url must begin with https:// (http:// on this machine only).", field=field
        )
    return base_url.rstrip("/")


async def _read_bounded(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    # Counted while it is read: a response without an end must not fill the memory.
    async for part in response.aiter_raw():
        size += len(part)
        if size > ANSWER_BYTES:
            raise Fault(f"answered more than {ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _decode_body(raw: bytes, response_type: type[T]) -> T:
    if response_type is type(None):
        if raw:
            raise Fault("sent an unexpected response", remedy=NOT_GLEAN_API)
        return None
    try:
        return decode_json(raw or _EMPTY_OBJECT, response_type)
    except DECODE_ERRORS:
        raise Fault("sent an unexpected response", remedy=NOT_GLEAN_API) from None
