"""Lazy services: opened when they are first needed, and closed when the process ends.

Opening them imports the engine and uses disk and network, and the first answers of a server must not wait for that.
They are opened and closed in one task of their own. Their cancel scopes belong to that task, so a caller that is
cancelled does not close them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import require_present

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType
    from typing import Self

    from anyio.abc import TaskGroup

    from tools.services import Services

_log: Final = logging.getLogger(__name__)


class _Attempt:
    """One attempt to open: requested by a caller, then settled with the services or with an error."""

    def __init__(self) -> None:
        self.wanted = anyio.Event()
        self.settled = anyio.Event()
        self.services: Services | None = None
        self.error: Exception | None = None


class LazyServices:
    """Opens the services once, for as long as the context lasts.

    An error while they are opened is raised to all callers that wait; the next caller starts another attempt.
    """

    def __init__(self, provider: Callable[[], AbstractAsyncContextManager[Services]]) -> None:
        """Open with `provider`, whose context is entered and left in the same task."""
        self._provider = provider
        self._attempt = _Attempt()
        self._over = anyio.Event()
        self._closed = anyio.Event()
        self._tasks: TaskGroup | None = None

    @property
    def opened(self) -> bool:
        """Whether the services are open."""
        return self._attempt.services is not None

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run_lifecycle)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        tasks = require_present(self._tasks, "a context is entered before it is left")
        self._over.set()
        if not self.opened:
            tasks.cancel_scope.cancel()
        return await tasks.__aexit__(kind, error, trace)

    async def get_services(self) -> Services:
        """Get the services, opening them if necessary. Raises what opening them raised."""
        attempt = self._attempt
        attempt.wanted.set()
        await attempt.settled.wait()
        if attempt.services is None:
            raise require_present(attempt.error, "an attempt is settled with the services or with an error")
        return attempt.services

    async def close(self) -> None:
        """Close the services if they are open, and wait until that is done."""
        self._over.set()
        if self.opened:
            await self._closed.wait()

    async def _run_lifecycle(self) -> None:
        while not self._over.is_set():
            attempt = self._attempt
            await attempt.wanted.wait()
            try:
                async with self._provider() as attempt.services:
                    attempt.settled.set()
                    await self._over.wait()
            except Exception as error:  # noqa: BLE001
                # It is raised to the callers that wait; once they have their services, only the log can tell.
                attempt.error = error
                if attempt.settled.is_set():
                    _log.exception("The services ended because of an error.")
            # The next attempt is in place before the callers wake up: one that tries again must not get this one.
            self._attempt = _Attempt()
            attempt.settled.set()
        self._closed.set()
