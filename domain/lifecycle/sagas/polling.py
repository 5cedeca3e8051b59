"""Polling: ask repeatedly, with backoff, until there is an answer or the time is up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import timedelta

    from domain.ports import Clock

T = TypeVar("T")


async def poll(
    ask: Callable[[], Awaitable[T | None]],
    clock: Clock,
    backoff: Iterator[float],
    *,
    limit: timedelta | None = None,
    timeout_error: Callable[[], Exception] | None = None,
    before_pause: Callable[[], Awaitable[object]] | None = None,
    after_pause: Callable[[], Awaitable[object]] | None = None,
) -> T:
    """Ask until the answer is not None, and return it.

    Args:
        ask: is awaited at once, and after each pause; None is no answer yet.
        clock: the clock of the limit and the pauses.
        backoff: the pauses, in seconds; it never ends.
        limit: for how long to ask; None for ever. It is measured by the monotonic clock.
        timeout_error: makes the error that is raised after that time.
        before_pause: is awaited before each pause, once there is time for one.
        after_pause: is awaited after each pause, before `ask` is.

    Raises what these callables raise.
    """
    began = clock.monotonic()
    while (answer := await ask()) is None:
        waited_s = clock.monotonic() - began
        if limit is not None and timeout_error is not None and waited_s >= limit.total_seconds():
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
