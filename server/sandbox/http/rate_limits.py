"""Glean's rate limits, as token buckets in the file, which every process on the file shares.

https://developers.glean.com/get-started/rate-limits has a limit for the whole deployment, for an address and for a
token, and lower ones for some operations. A request that is refused for another reason counts too.
"""

from __future__ import annotations

import math
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from server.sandbox.state.clock import SET_BACK_S
from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.state import load_setting, store_setting
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.http.responses import ApiResponse
    from server.sandbox.state.state import SandboxState


class RateBucket(NamedTuple):
    """Kind of token bucket: requests refilled in a second, its capacity, and the key of the bucket for a request."""

    name: str
    per_second: float
    size: float
    key_of: Callable[[ApiRequest], str]


def _shared_key(_: ApiRequest) -> str:
    return ""


def _token_key(call: ApiRequest) -> str:
    return sha256(call.bearer.encode()).hexdigest()[:16]


DEPLOYMENT_BUCKET: Final = RateBucket("deployment", 8_000 / 60, 8_000, _shared_key)
ADDRESS_BUCKET: Final = RateBucket("address", 100, 100, lambda call: call.peer)
TOKEN_BUCKET: Final = RateBucket("token", 30, 30, _token_key)
SINGLE_DOCUMENT_BUCKET: Final = RateBucket("single", 10, 10, _token_key)
DOCUMENTS_BUCKET: Final = RateBucket("documents", 600 / 60, 600, _token_key)
_EVERY_REQUEST: Final = (DEPLOYMENT_BUCKET, ADDRESS_BUCKET, TOKEN_BUCKET)


def rate_limited_handler(
    handler: Callable[[SandboxState, ApiRequest], ApiResponse], *buckets: RateBucket
) -> Callable[[SandboxState, ApiRequest], ApiResponse]:
    """The handler with rate limits: the three of every request, then those of `buckets`."""

    def handle(world: SandboxState, call: ApiRequest) -> ApiResponse:
        with world.database.read() as connection:
            counts = load_switches(connection).limits_rate
        if counts:
            with world.database.write() as connection:
                for bucket in (*_EVERY_REQUEST, *buckets):
                    consume_rate_limit(world, connection, call, bucket)
        return handler(world, call)

    return handle


def consume_rate_limit(
    world: SandboxState,
    connection: sqlite3.Connection,
    call: ApiRequest,
    bucket: RateBucket,
    amount: float = 1,
) -> None:
    """Take `amount` out of the caller's bucket. Raises RefusedError `rate_limited` when it holds less."""
    switches = load_switches(connection)
    if not switches.limits_rate:
        return
    key = f"indexing.rate.{bucket.name}.{bucket.key_of(call)}"
    now = world.now()
    level, at = load_setting(connection, key, None) or (bucket.size, now)
    passed = max(0.0, now - at) if at <= now + SET_BACK_S else math.inf
    level = min(bucket.size, level + passed * bucket.per_second)
    if level < amount:
        wait = math.ceil((amount - level) / bucket.per_second)
        headers = {"Retry-After": str(wait)} if switches.tells_retry_after else {}
        raise RefusedError("rate_limited", "Rate limit exceeded", headers=headers)
    store_setting(connection, key, [level - amount, now])
