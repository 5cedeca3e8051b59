"""How often Glean lets a token call, by kind of call, counted in buckets that every process on the file shares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from server.sandbox.answers import RefusedError
from server.sandbox.indexing.switches import switches
from server.sandbox.world import setting, store_setting

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.world import World

BULK: Final = ("bulk", 30.0, 30.0)
SINGLE: Final = ("single", 10.0, 10.0)
OTHER: Final = ("other", 100.0, 100.0)
DOCUMENTS: Final = ("documents", 600 / 60, 600.0)
"""Name, how much flows in a second, how much a bucket holds (https://developers.glean.com/api-info/indexing/rate-limits)."""


def spend(
    world: World, connection: sqlite3.Connection, bucket: tuple[str, float, float], amount: float = 1
) -> None:
    """Take so much out of a bucket. Raises RefusedError `rate_limited`."""
    switched = switches(connection)
    if not switched.limits_rate:
        return
    name, per_second, size = bucket
    now = world.now()
    level, at = setting(connection, f"indexing.{name}", None) or (size, now)
    level = min(size, level + max(0.0, now - at) * per_second)
    if level < amount:
        wait = math.ceil((amount - level) / per_second)
        headers = {"Retry-After": str(wait)} if switched.tells_retry_after else {}
        raise RefusedError("rate_limited", "Rate limit exceeded", headers=headers)
    store_setting(connection, f"indexing.{name}", [level - amount, now])
