"""Recovery of the sagas that dead processes left, by a server that no client has called yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import to_thread

from domain.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

    from server.composition.lazy_services import LazyServices

_log: Final = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.5
_BREATH_S: Final = 0.2
"""Seconds between the first answer and the imports, so that the client's next messages are not held up."""
_POLL_INTERVAL_S: Final = 2.0


class FirstResponseMiddleware:
    """Middleware that notices when the first message has been answered."""

    def __init__(self) -> None:
        self._given = anyio.Event()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            return await call_next(ctx)
        finally:
            self._given.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the first answer has been given, or for that many seconds."""
        with anyio.move_on_after(seconds):
            await self._given.wait()


async def recover_pending_work(
    lazy_services: LazyServices,
    pending: Callable[[], bool],
    first_response: FirstResponseMiddleware,
    *,
    final: type[LifecycleError] | tuple[()] = (),
) -> None:
    """Open the services as soon as there is pending work, which they then resume.

    Starts after the first answer, because importing the engine would delay it, and checks every two seconds until the
    services are open. Raises errors of the class `final`, after which another attempt is pointless; any other error is
    logged once and tried again.

    Args:
        lazy_services: the services.
        pending: whether there is pending work; it is cheap, and blocks, so it runs in a thread.
        first_response: notices the first answer.
        final: the class of errors that are raised.
    """
    await first_response.wait(_FIRST_WAIT_S)
    await anyio.sleep(_BREATH_S)
    last_failure = ""
    while not lazy_services.opened:
        try:
            if await to_thread.run_sync(pending):
                await lazy_services.get_services()
                return
        except final:
            raise
        except Exception as error:  # noqa: BLE001
            # The server goes on answering, and the next attempt may succeed.
            if str(error) != last_failure:
                last_failure = str(error)
                known = isinstance(error, LifecycleError)
                _log.warning("Pending work cannot be resumed yet: %s", last_failure, exc_info=not known)
        await anyio.sleep(_POLL_INTERVAL_S)
