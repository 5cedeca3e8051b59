"""Open requests: those that came and are not answered yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

_WRITE_S: Final = 0.1
"""Seconds in which the SDK writes an answer that was given."""


class OpenRequestsMiddleware:
    """Middleware that knows whether requests are open."""

    def __init__(self) -> None:
        self._open = 0
        self._answered = anyio.Event()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        self._open += 1
        try:
            return await call_next(ctx)
        finally:
            self._open -= 1
            if not self._open:
                self._answered.set()
                self._answered = anyio.Event()

    async def wait_until_answered(self) -> None:
        """Wait until no request is open, and the last answer is written."""
        if self._open:
            await self._answered.wait()
            await anyio.sleep(_WRITE_S)
