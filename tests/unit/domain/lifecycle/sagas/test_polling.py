"""Polling goes by the monotonic clock: nothing that is done to the other one ends it, or lengthens it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.lifecycle.sagas import constant_backoff, poll
from tests.support.entities import ManualClock

DAY = timedelta(days=1)


class WrongClock(ManualClock):
    """A clock that is set wrong by a day more at every pause, forward or back."""

    step = DAY

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.off += self.step


@pytest.mark.parametrize("step", [DAY, -DAY])
async def test_what_is_never_answered_is_asked_for_until_the_time_is_up(step: timedelta) -> None:
    clock, asked = WrongClock(), 0
    clock.step = step

    async def ask() -> None:
        nonlocal asked
        asked += 1

    with pytest.raises(TimeoutError):
        await poll(
            ask,
            clock,
            constant_backoff(10),
            limit=timedelta(minutes=1),
            timeout_error=TimeoutError,
        )
    assert asked == 7
