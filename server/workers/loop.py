"""Background loops of a process, which go on whatever error one round ends with."""

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
    """A log that writes a lasting failure once: again only when it changes, or comes back after a success.

    `event` is the name of the log entry, and `facts` are written with it. An error that is no LifecycleError is a bug,
    so its traceback is written, too.
    """

    def __init__(self, log: BoundLogger, event: str, **facts: object) -> None:
        self._log = log
        self._event = event
        self._facts = facts
        self._last: str | None = None

    def record(self, error: Exception) -> None:
        """Write the failure and its cause, unless it was the last one written."""
        cause = str(error)
        if cause != self._last:
            self._last = cause
            known = isinstance(error, LifecycleError)
            self._log.warning(self._event, **self._facts, cause=cause, exc_info=not known)

    def clear(self) -> None:
        """End the failure: the next one is written, even if it is the same."""
        self._last = None


async def run_once(work: Callable[[], Awaitable[object]], failures: FailureLog) -> None:
    """Run one round of work. An error is recorded and not raised; a cancellation is."""
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
    """Run the work now and again after each pause, until cancelled. An error in a round does not end the loop.

    A pause lasts `interval_s` seconds, or what that returns. It begins when a round is over, so rounds never overlap.
    """
    while True:
        await run_once(work, failures)
        await sleep(interval_s() if callable(interval_s) else interval_s)


@asynccontextmanager
async def run_in_background(work: Sequence[Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """Run each piece of work in a task of its own until the context is left, and then cancel and await them.

    A cancellation that arrives together with a time-out of the work's own can be lost, so it is repeated.
    """
    left = {asyncio.create_task(each, context=Context()) for each in work}
    try:
        yield
    finally:
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
