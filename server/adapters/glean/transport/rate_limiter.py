"""One gate for every request of a process: so many at once, so many a second, and none while Glean asks for quiet.

The rate is a token bucket (kept as a theoretical arrival time, as in the generic cell rate algorithm). Its size is half
a second's worth, less than that of Glean's: requests that set out apart come together where one is held up on its way.
A 429 closes the gate for everybody and lowers the rate; every success raises it again a little, up to what was
configured. Whoever has to wait is queued, first come first served.
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
    """Shared by all requests to one Glean; made for one event loop.

    Attributes:
        in_flight: how many requests may be under way at once.
        successes: how many requests were answered, so that one that is refused can tell whether others get through.
    """

    def __init__(self, *, per_second: float = 30.0, in_flight: int = 8) -> None:
        """Let `per_second` requests begin in a second, and `in_flight` be under way at once."""
        self.in_flight = in_flight
        self.successes = 0
        self._highest = per_second
        self._rate = per_second
        self._slots = anyio.Semaphore(in_flight)
        self._arrival = 0.0
        self._gate = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a turn; it lasts as long as the block."""
        async with self._slots:
            while not await self._wait_for_slot():
                pass
            yield

    def record_success(self) -> None:
        """Note an answer that was no 429."""
        self.successes += 1
        self._rate = min(self._highest, self._rate + 1 / self._rate)

    def record_throttling(self, quiet_s: float) -> None:
        """Close the gate for so many seconds, and slow down: once for all requests that were under way together."""
        now = time.monotonic()
        if now >= self._gate:
            self._rate = max(_SLOWEST, self._rate * _DECREASE)
        self._gate = max(self._gate, now + quiet_s)
        self._arrival = self._gate + _BURST_S  # no burst when it opens

    async def _wait_for_slot(self) -> bool:
        """Reserve the next place and wait for it; False when the gate was closed meanwhile."""
        now, gate = time.monotonic(), self._gate
        arrival = max(self._arrival, now)
        self._arrival = arrival + 1 / self._rate
        due = max(arrival - _BURST_S, gate)
        if due > now:
            await anyio.sleep(due - now)
        return self._gate == gate
