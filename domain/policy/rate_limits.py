"""Rate limits of a principal: calls a minute and teardowns an hour, over all processes of one store.

Uses are counted over a sliding window, in short transactions of their own, apart from the work. A schedule has no rate
limit: a sweep has caps of its own.

How long ago a use was is told by the uptime within one boot, so nothing that is done to the clock locks a caller out or
lifts a limit. Uses of other boots and machines are dated by the clock. One that lies in the future by more than a
window was dated by a clock that was wrong, and does not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import RateLimitedError
from domain.policy.clocks import read_clock

if TYPE_CHECKING:
    from domain.model import Principal
    from domain.ports import Clock, Store, UnitOfWork

CALL_USE: Final = "call"
TEARDOWN_USE: Final = "teardown"
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
_SCHEDULES: Final = "schedule:"
"""What the subjects of schedules begin with."""
_COMMAND_LINE: Final = "cli"
_PERSONS: Final = "person:"
"""What the subjects of persons at a terminal begin with."""
_WINDOWS_STORED: Final = 2
"""How many windows a use is stored for, so that a process whose clock is behind still counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Rate limits of one principal; 0 for no limit. A person at a terminal has a limit of teardowns of their own."""

    calls_per_minute: int = 120
    teardowns_per_hour: int = 20
    terminal_teardowns_per_hour: int = 200


UNLIMITED: Final = RateLimits(calls_per_minute=0, teardowns_per_hour=0, terminal_teardowns_per_hour=0)


class RateLimiter:
    """Rate limiter: counts the uses of principals, and refuses those above a limit."""

    def __init__(self, store: Store, clock: Clock, limits: RateLimits = UNLIMITED) -> None:
        """Count uses in that store, by that clock."""
        self._store = store
        self._clock = clock
        self._limits = limits

    async def count_call(self, principal: Principal) -> None:
        """Count one call. Raises RateLimitedError; a call that is refused for this is not counted."""
        limit = self._limits.calls_per_minute
        await self._consume(principal, CALL_USE, limit, MINUTE, f"{limit} calls a minute")

    async def count_teardown(self, principal: Principal) -> int | None:
        """Count one teardown before its claim, and return its number for `refund`. Raises RateLimitedError."""
        limits = self._limits
        limit = (
            limits.terminal_teardowns_per_hour if _is_at_terminal(principal) else limits.teardowns_per_hour
        )
        return await self._consume(principal, TEARDOWN_USE, limit, HOUR, f"{limit} teardowns an hour")

    async def refund(self, use: int | None) -> None:
        """Delete a counted teardown that claimed nothing; do nothing for None."""
        if use is not None:
            await self._store.transact(lambda uow: uow.rate_limits.delete(use), lasting=False)

    async def _consume(
        self, principal: Principal, kind: str, limit: int, window: timedelta, allowance: str
    ) -> int | None:
        if not limit or _is_unlimited(principal):
            return None
        reading = read_clock(self._clock)

        def use(uow: UnitOfWork) -> int:
            uow.rate_limits.delete_outside(kind, reading, oldest=_WINDOWS_STORED * window, ahead=window)
            age = uow.rate_limits.nth_latest_age(kind, principal.subject, reading, window, limit)
            if age is not None:
                raise _rate_limited_error(allowance, window - age)
            return uow.rate_limits.add(kind, principal.subject, reading)

        return await self._store.transact(use, lasting=False)


def _is_at_terminal(principal: Principal) -> bool:
    """Whether it is a person at a terminal: only the command line calls somebody so, and only there."""
    return principal.call is not None and (
        principal.call.via == _COMMAND_LINE and principal.subject.startswith(_PERSONS)
    )


def _is_unlimited(principal: Principal) -> bool:
    """Whether it is a schedule, or a sweep: these have caps of their own."""
    if principal.call is None:
        return principal.subject.startswith(_SCHEDULES)
    return principal.call.swept_by is not None


def _rate_limited_error(allowance: str, left: timedelta) -> RateLimitedError:
    """The refusal, with the wait rounded up to the millisecond, so that a call after it is let through."""
    seconds = math.ceil(left / timedelta(milliseconds=1)) / 1000
    return RateLimitedError(
        f"This caller has reached the limit of {allowance}; the next is possible in {seconds:g} seconds.",
        retry_after_s=seconds,
    )
