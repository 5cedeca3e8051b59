"""Sagas that a dead process left behind, taken up by a server that nobody has asked for anything yet."""

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
_LOOK_EVERY_S: Final = 2.0


class FirstResponseMiddleware:
    """A middleware that notices when the first message has been answered."""

    def __init__(self) -> None:
        self._given = anyio.Event()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            return await call_next(ctx)
        finally:
            self._given.set()

    async def wait(self, seconds: float) -> None:
        """Return when it has been given, or after that long."""
        with anyio.move_on_after(seconds):
            await self._given.wait()


async def recover_pending_work(
    opening: LazyServices,
    pending: Callable[[], bool],
    first: FirstResponseMiddleware,
    *,
    final: type[LifecycleError] | tuple[()] = (),
) -> None:
    """Open the services as soon as there is work that nobody does, for then they take it up.

    It begins when the first message has been answered, so that importing the engine holds up no greeting, and looks
    again now and then until somebody has opened them. `pending` is cheap, blocks, and runs in a thread. Raises what is
    `final`, after which there is nothing to look for.
    """
    await first.wait(_FIRST_WAIT_S)
    await anyio.sleep(_BREATH_S)
    told = ""
    while not opening.opened:
        try:
            if await to_thread.run_sync(pending):
                await opening.get_services()
                return
        except final:
            raise
        except Exception as error:  # noqa: BLE001
            # The server goes on answering; the next look may succeed.
            if str(error) != told:
                told = str(error)
                known = isinstance(error, LifecycleError)
                _log.warning("Work that was left behind cannot be taken up yet: %s", told, exc_info=not known)
        await anyio.sleep(_LOOK_EVERY_S)
