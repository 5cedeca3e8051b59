"""Requests to Glean: one pooled client, one limiter, retries at this layer only, answers bounded and checked."""

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
import msgspec
from stamina import AsyncRetryingCaller

from domain.errors import PlatformDeniedError, PlatformThrottledError, SettingsError
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
"""A longer `Retry-After` is not waited for: the caller is told instead."""
ANSWER_BYTES: Final = 8 * 1024 * 1024
_EMPTY_STREAM: Final = httpx.ByteStream(b"")
"""In place of a response's stream, which refers back to it: else both, and the page sent, await the collector."""
_EMPTY_OBJECT: Final = b"{}"
"""An empty body is as good as an empty object where nothing has to be in it."""
_FIRST_WAIT_S: Final = 0.5
_QUIET_S: Final = 0.5
_ROUNDS: Final = 25
_KEY: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_DENIED: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Secret(Protocol):
    """A secret that does not show itself, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str:
        """The secret."""
        ...


@dataclass(frozen=True, slots=True)
class _ApiCall:
    """One call, whatever it takes to make it."""

    operation: str
    method: str
    path: str
    body: bytes | None
    query: Mapping[str, str | int] | None
    absent: Collection[int]
    again: bool


class GleanHttpClient(AbstractAsyncContextManager["GleanHttpClient"]):
    """HTTP to one Glean. Raises only PlatformError and its kinds, once open."""

    # Its arguments are all in which two APIs of one Glean differ.
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
        """Prepare to talk; nothing is sent yet.

        Args:
            base_url: where Glean is, up to the part that all its paths share.
            token: the key, or where it is asked for at each request.
            clock: by which a `Retry-After` date is read.
            limiter: shared with everything else that talks to this Glean.
            sent: the field names that we send, and that an error may therefore repeat.
            timeout_s: for connecting, and for each pause in an answer; the whole of one may take four times as long.
            waits: scales every pause between tries; tests make it tiny.
            headers: what every request carries beside the usual.
            denial: reads out of an answer why it refuses the token, where that is told.

        Raises:
            SettingsError: the address is not https (or http on this machine), or carries a user; the key is empty or
                holds what no key holds.
        """
        self.base_url = _normalize_base_url(base_url)
        self._token = token if callable(token) else token.get_secret_value
        if not callable(token) and not _KEY.fullmatch(token.get_secret_value()):
            raise SettingsError(
                "glean.api_key is empty, or holds characters that no key has.", field="glean.api_key"
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
        # Without TLS no authorities are needed, and reading those of the machine takes longer than all else here.
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
            follow_redirects=False,
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
        answer: type[T],
        *,
        body: bytes | None = None,
        query: Mapping[str, str | int] | None = None,
        absent: Collection[int] = (),
        again: bool = True,
    ) -> T:
        """Make one call, retrying what may pass; every call of ours is idempotent, or settled by reading back.

        `answer` is the shape of the body, `type(None)` where there is none. A status of `absent` says that the thing is
        not there. Without `again` only an answer that it was not done is a reason for another try. Who is throttled
        while others get through is only queued: it is tried on for as long as they do.
        """
        asked = _ApiCall(operation, method, path, body, query, absent, again)
        rounds = 0
        while True:
            rounds += 1
            others = self._limiter.successes
            try:
                return await self._call_with_retries(asked, answer)
            except PlatformThrottledError as error:
                alone = self._limiter.successes == others
                if alone or rounds == _ROUNDS or (error.retry_after_s or 0) > LONGEST_WAIT_S:
                    raise

    async def _call_with_retries(self, asked: _ApiCall, answer: type[T]) -> T:
        tries = 0

        async def attempt() -> T:
            nonlocal tries
            tries += 1
            return await self._attempt_call(asked, answer)

        try:
            # It leaves itself to the garbage collector, and with it what it was given: so nothing that has the body.
            return await self._retry(
                partial(self._retry_delay, absent=asked.absent, again=asked.again), attempt
            )
        except Fault as fault:
            raise platform_error(fault, asked.operation, tries, self._sent, asked.absent) from None

    def _retry_delay(self, error: Exception, *, absent: Collection[int], again: bool) -> bool | float:
        """Whether to try again, and after how long when the answer said it."""
        if not isinstance(error, Fault) or not error.transient or error.status in absent:
            return False
        if not again and error.status != httpx.codes.TOO_MANY_REQUESTS:
            return False
        if error.retry_after_s is None:
            return True
        return error.retry_after_s <= LONGEST_WAIT_S and error.retry_after_s * self._waits

    async def _attempt_call(self, asked: _ApiCall, answer: type[T]) -> T:
        headers = {"Authorization": f"Bearer {self._require_key()}"}
        if asked.body is not None:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(
            asked.method,
            self.base_url + asked.path,
            content=asked.body,
            params=asked.query,
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
        return _decode_body(raw, answer)

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
            raise Fault("broke off without a whole answer") from None

    def _require_key(self) -> str:
        key = self._token()
        if not _KEY.fullmatch(key):
            raise PlatformDeniedError("The Glean key is empty, or holds characters that no key has.")
        return key


def _normalize_base_url(base_url: str) -> str:
    field = "glean.base_url"
    try:
        parts = urlsplit(base_url)
        # Reading the port is what checks it.
        _ = parts.port
    except ValueError:
        raise SettingsError("glean.base_url is not an address.", field=field) from None
    if "@" in parts.netloc:
        raise SettingsError("glean.base_url must not hold a user or password.", field=field)
    if not parts.hostname or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\x7f\\]", base_url):
        raise SettingsError(
            "glean.base_url must be a host, maybe with a port and path, and nothing more.", field=field
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SettingsError(
            "glean.base_url must begin with https:// (http:// on this machine only).", field=field
        )
    return base_url.rstrip("/")


async def _read_bounded(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > ANSWER_BYTES:
            raise Fault(f"answered more than {ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _decode_body(raw: bytes, answer: type[T]) -> T:
    if answer is type(None):
        if raw:
            raise Fault("answered something else than it should", remedy=NOT_GLEAN_API)
        return None
    try:
        return msgspec.json.decode(raw or _EMPTY_OBJECT, type=answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Fault("answered something else than it should", remedy=NOT_GLEAN_API) from None
