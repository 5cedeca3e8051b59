"""Polling: ask repeatedly, with backoff, until there is an answer or the deadline has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from domain.ports import Clock

T = TypeVar("T")


async def poll(
    ask: Callable[[], Awaitable[T | None]],
    clock: Clock,
    backoff: Iterator[float],
    *,
    deadline: datetime | None = None,
    timeout_error: Callable[[], Exception] | None = None,
    before_pause: Callable[[], Awaitable[object]] | None = None,
    after_pause: Callable[[], Awaitable[object]] | None = None,
) -> T:
    """Ask until the answer is not None, and return it.

    Args:
        ask: is awaited at once, and after each pause; None is no answer yet.
        clock: the clock of the deadline and the pauses.
        backoff: the pauses, in seconds; it never ends.
        deadline: when to stop asking; None for never.
        timeout_error: makes the error that is raised past the deadline.
        before_pause: is awaited before each pause, once there is time for one.
        after_pause: is awaited after each pause, before `ask` is.

    Raises what these callables raise.
    """
    while (answer := await ask()) is None:
        if deadline is not None and timeout_error is not None and clock.now() >= deadline:
            raise timeout_error()
        if before_pause is not None:
            await before_pause()
        await clock.sleep(next(backoff))
        if after_pause is not None:
            await after_pause()
    return answer


def exponential_backoff(first_s: float, longest_s: float) -> Iterator[float]:
    """Pauses that double from the first to the longest, in seconds."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, longest_s)


def constant_backoff(pause_s: float) -> Iterator[float]:
    """The same pause each time, in seconds."""
    while True:
        yield pause_s
