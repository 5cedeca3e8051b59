"""Rate limiter for every request of a process: a limit of concurrent requests, a rate, and a pause after a 429.

The rate is a token bucket (stored as a theoretical arrival time, as in the generic cell rate algorithm). It holds the
requests of half a second, fewer than Glean's bucket: requests that leave apart may arrive together when one is delayed
on its way. A 429 closes the gate for all requests and lowers the rate; every success raises the rate a little, up to
the configured one. Waiting requests are served in order of arrival.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_BURST_S: Final = 0.5
_DECREASE: Final = 0.7
_SLOWEST: Final = 0.2


class RateLimiter:
    """Rate limiter that all requests to one Glean share, on one event loop.

    Attributes:
        in_flight: how many requests may be under way at once.
        successes: how many requests were not throttled, so that a throttled one can see whether others succeed.
    """

    def __init__(self, *, per_second: float = 30.0, in_flight: int = 8) -> None:
        """Allow `per_second` requests to begin in a second, and `in_flight` to be under way at once."""
        self.in_flight = in_flight
        self.successes = 0
        self._highest = per_second
        self._rate = per_second
        self._slots = anyio.Semaphore(in_flight)
        self._arrival = 0.0
        self._gate = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it for the block."""
        async with self._slots:
            while not await self._wait_for_slot():
                pass
            yield

    def record_success(self) -> None:
        """Record a response that was no 429, and raise the rate a little."""
        self.successes += 1
        self._rate = min(self._highest, self._rate + 1 / self._rate)

    def record_throttling(self, quiet_s: float) -> None:
        """Close the gate for `quiet_s` seconds; lower the rate once for all requests that were under way together."""
        now = time.monotonic()
        # A closed gate means that this throttling was counted already, for a request sent before it closed.
        if now >= self._gate:
            self._rate = max(_SLOWEST, self._rate * _DECREASE)
        self._gate = max(self._gate, now + quiet_s)
        self._arrival = self._gate + _BURST_S  # no burst when it opens

    async def _wait_for_slot(self) -> bool:
        """Reserve the next slot and wait for it; False when the gate was closed meanwhile."""
        now, gate = time.monotonic(), self._gate
        arrival = max(self._arrival, now)
        self._arrival = arrival + 1 / self._rate
        due = max(arrival - _BURST_S, gate)
        if due > now:
            await anyio.sleep(due - now)
        return self._gate == gate
