"""How often Glean lets itself be called, counted in buckets that every process on the file shares.

From https://developers.glean.com/get-started/rate-limits: so much for the whole deployment, for an address, for a
token, and less than that for some operations. A request that is refused for another reason is counted all the same.
"""

from __future__ import annotations

import math
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from server.sandbox.answers import RefusedError
from server.sandbox.indexing.switches import switches
from server.sandbox.world import setting, store_setting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.answers import Answer
    from server.sandbox.pipeline import Call
    from server.sandbox.world import World


class Bucket(NamedTuple):
    """A kind of bucket: how much flows in a second, how much one holds, and whose it is."""

    name: str
    per_second: float
    size: float
    of: Callable[[Call], str]


def _everybody(_: Call) -> str:
    return ""


def _token(call: Call) -> str:
    return sha256(call.bearer.encode()).hexdigest()[:16]


DEPLOYMENT: Final = Bucket("deployment", 8_000 / 60, 8_000, _everybody)
ADDRESS: Final = Bucket("address", 100, 100, lambda call: call.peer)
TOKEN: Final = Bucket("token", 30, 30, _token)
SINGLE: Final = Bucket("single", 10, 10, _token)
DOCUMENTS: Final = Bucket("documents", 600 / 60, 600, _token)
_EVERY_REQUEST: Final = (DEPLOYMENT, ADDRESS, TOKEN)


def limited(act: Callable[[World, Call], Answer], *buckets: Bucket) -> Callable[[World, Call], Answer]:
    """The operation, refused beyond the rates of every request and those of its own."""

    def acting(world: World, call: Call) -> Answer:
        with world.database.read() as connection:
            counts = switches(connection).limits_rate
        if counts:
            with world.database.write() as connection:
                for bucket in (*_EVERY_REQUEST, *buckets):
                    spend(world, connection, call, bucket)
        return act(world, call)

    return acting


def spend(
    world: World, connection: sqlite3.Connection, call: Call, bucket: Bucket, amount: float = 1
) -> None:
    """Take so much out of the caller's bucket. Raises RefusedError `rate_limited`."""
    switched = switches(connection)
    if not switched.limits_rate:
        return
    key = f"indexing.rate.{bucket.name}.{bucket.of(call)}"
    now = world.now()
    level, at = setting(connection, key, None) or (bucket.size, now)
    level = min(bucket.size, level + max(0.0, now - at) * bucket.per_second)
    if level < amount:
        wait = math.ceil((amount - level) / bucket.per_second)
        headers = {"Retry-After": str(wait)} if switched.tells_retry_after else {}
        raise RefusedError("rate_limited", "Rate limit exceeded", headers=headers)
    store_setting(connection, key, [level - amount, now])
