"""Worker threads for blocking work, which stops when its caller is cancelled."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope, CapacityLimiter, from_thread, to_thread
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class AbandonedError(Exception):
    """The caller was cancelled. Only the work sees this error, so that it can clean up."""


class Worker:
    """Runs functions in worker threads, at most `at_once` in each event loop.

    Long work gets a checkpoint to call now and then, which raises when the caller was cancelled. The caller's
    cancellation continues only after the work has ended, so that nothing half-made is left behind.
    """

    def __init__(self, name: str, at_once: int) -> None:
        self._at_once = at_once
        # The engine may run sagas in an event loop of its own, and a limiter belongs to one loop.
        self._limiters: RunVar[CapacityLimiter] = RunVar(name)

    async def run(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Run `work` with its checkpoint; its result. Its exceptions are passed on unchanged."""
        cancelled, begun, ended = threading.Event(), threading.Event(), threading.Event()

        def checkpoint() -> None:
            if cancelled.is_set():
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
            # The work may still run here only after a cancellation that anyio does not shield, such as Task.cancel.
            cancelled.set()
            if begun.is_set() and not ended.is_set():
                with CancelScope(shield=True):
                    await to_thread.run_sync(ended.wait)

    async def call(self, work: Callable[[], T]) -> T:
        """Run short work, which is not interrupted once it has begun; its result."""
        return await self.run(lambda _checkpoint: work())

    def _get_or_create_limiter(self) -> CapacityLimiter:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = CapacityLimiter(self._at_once)
            self._limiters.set(limiter)
        return limiter
