"""Blocking work in worker threads of its own, that ends when the caller gives up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope, CapacityLimiter, from_thread, to_thread
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class AbandonedError(Exception):
    """The caller gave up; nobody sees this but the work that has to clean up after itself."""


class Worker:
    """Runs functions in worker threads, so many at a time in each event loop.

    Long work gets a checkpoint to call now and then: it raises when the caller is gone, and the caller's
    cancellation goes on only when the work has ended, so that nothing it was making is left behind.
    """

    def __init__(self, name: str, at_once: int) -> None:
        self._at_once = at_once
        # The engine may run sagas in an event loop of its own, and a limiter belongs to one loop.
        self._limiters: RunVar[CapacityLimiter] = RunVar(name)

    async def run(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Give `work` its checkpoint, run it, and give its answer; its exceptions come out unchanged."""
        gone, begun, ended = threading.Event(), threading.Event(), threading.Event()

        def checkpoint() -> None:
            if gone.is_set():
                raise AbandonedError
            from_thread.check_cancelled()

        def run_guarded() -> T:
            begun.set()
            try:
                checkpoint()
                return work(checkpoint)
            finally:
                ended.set()

        try:
            return await to_thread.run_sync(run_guarded, limiter=self._get_or_create_limiter())
        finally:
            # Reached early only by a cancellation that anyio's shield does not hold back, such as Task.cancel.
            gone.set()
            if begun.is_set() and not ended.is_set():
                with CancelScope(shield=True):
                    await to_thread.run_sync(ended.wait)

    async def call(self, work: Callable[[], T]) -> T:
        """Run short work, which is never interrupted once it has begun."""
        return await self.run(lambda _checkpoint: work())

    def _get_or_create_limiter(self) -> CapacityLimiter:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = CapacityLimiter(self._at_once)
            self._limiters.set(limiter)
        return limiter
