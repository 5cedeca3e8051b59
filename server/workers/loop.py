"""What a process does in the background, again and again, whatever one round of it meets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, NoReturn

import anyio

from domain.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from structlog.stdlib import BoundLogger

_CANCEL_AGAIN_S: Final = 1.0


class FailureLog:
    """A log in which a failure is written once, until it is another one or is over.

    `event` is its name there, and `facts` are written with it. The traceback of what is no LifecycleError goes along,
    since that is a bug.
    """

    def __init__(self, log: BoundLogger, event: str, **facts: object) -> None:
        self._log = log
        self._event = event
        self._facts = facts
        self._last: str | None = None

    def record(self, error: Exception) -> None:
        """Write that it failed, and why."""
        cause = str(error)
        if cause != self._last:
            self._last = cause
            known = isinstance(error, LifecycleError)
            self._log.warning(self._event, **self._facts, cause=cause, exc_info=not known)

    def clear(self) -> None:
        """The failure is over: the next one is written, even if it is the same."""
        self._last = None


async def run_once(work: Callable[[], Awaitable[object]], failures: FailureLog) -> None:
    """One round of work. What it raises is recorded and goes no further, but for a cancellation."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001
        # Nobody else does this work, and its next round may succeed.
        failures.record(error)
    else:
        failures.clear()


async def run_every(
    interval_s: float | Callable[[], float],
    work: Callable[[], Awaitable[object]],
    failures: FailureLog,
    *,
    sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
) -> NoReturn:
    """Do the work now, and again after each pause, until cancelled; what one round raises does not end the loop.

    A pause lasts `interval_s`, or what that gives, and begins when the round is over: two rounds never overlap.
    """
    while True:
        await run_once(work, failures)
        await sleep(interval_s() if callable(interval_s) else interval_s)


@asynccontextmanager
async def run_in_background(work: Sequence[Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """Do all of this beside everything else, each by itself, until the context is left.

    One that a cancellation does not reach, because a time-out of its own came at the same moment, is cancelled again.
    """
    left = {asyncio.create_task(each, context=Context()) for each in work}
    try:
        yield
    finally:
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
