"""How often a principal may call: so many calls a minute and so many teardowns an hour, in every process of one store.

What was used is counted over a window that slides, in short transactions of its own, and not with the work. A schedule
has no such bound: a sweep has caps of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import RateLimitedError

if TYPE_CHECKING:
    from domain.model import Principal
    from domain.ports import Clock, Store, UnitOfWork

CALL_USE: Final = "call"
TEARDOWN_USE: Final = "teardown"
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
SCHEDULE_VIA: Final = "schedule"
"""How `Call.via` begins for what no principal asked for; `schedule:sweep` is what a sweep takes down."""
_KEPT: Final = 2
"""For how many windows a use is kept, so that a process whose clock is behind still counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How often is too often, for one principal; 0 for no bound."""

    calls_per_minute: int = 120
    teardowns_per_hour: int = 20


UNLIMITED: Final = RateLimits(calls_per_minute=0, teardowns_per_hour=0)


class RateLimiter:
    """Counts what principals use, and refuses what is too much."""

    def __init__(self, store: Store, clock: Clock, limits: RateLimits = UNLIMITED) -> None:
        """Count in that store, by that clock."""
        self._store = store
        self._clock = clock
        self._limits = limits

    async def count_call(self, principal: Principal) -> None:
        """Count one call. Raises RateLimitedError; a call that is refused so is not counted."""
        limit = self._limits.calls_per_minute
        await self._consume(principal, CALL_USE, limit, MINUTE, f"{limit} calls a minute")

    async def count_teardown(self, principal: Principal) -> int | None:
        """Count one teardown before its claim, and give what `give_back` takes. Raises RateLimitedError."""
        limit = self._limits.teardowns_per_hour
        return await self._consume(principal, TEARDOWN_USE, limit, HOUR, f"{limit} teardowns an hour")

    async def refund(self, use: int | None) -> None:
        """Take back what was counted, because nothing came of it."""
        if use is not None:
            await self._store.transact(lambda uow: uow.rate_limits.delete(use), lasting=False)

    async def _consume(
        self, principal: Principal, kind: str, limit: int, window: timedelta, allowance: str
    ) -> int | None:
        if not limit or _is_scheduled(principal):
            return None
        now = self._clock.now()

        def use(uow: UnitOfWork) -> int:
            uow.rate_limits.delete_outside(kind, until=now - _KEPT * window, after=now + window)
            first = uow.rate_limits.nth_latest(kind, principal.subject, now - window, limit)
            if first is not None:
                raise _rate_limited_error(allowance, first + window - now)
            return uow.rate_limits.add(kind, principal.subject, now)

        return await self._store.transact(use, lasting=False)


def _is_scheduled(principal: Principal) -> bool:
    via = principal.call.via if principal.call else principal.subject
    return via.startswith(SCHEDULE_VIA)


def _rate_limited_error(allowance: str, left: timedelta) -> RateLimitedError:
    """Rounded up to the millisecond: a call after just that long is let through."""
    seconds = math.ceil(left / timedelta(milliseconds=1)) / 1000
    return RateLimitedError(
        f"A caller may make {allowance}, and this one has; the next is possible in {seconds:g} seconds.",
        retry_after_s=seconds,
    )
