"""Hooks by which a test intervenes in requests; the shipped sandbox uses none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.sandbox.http.asgi import send_response
from server.sandbox.state.state import StateHooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.http.responses import ApiResponse
    from server.sandbox.state.state import SandboxState


class SandboxHooks(StateHooks):
    """Hooks of a sandbox. They change nothing until a test overrides a method."""

    def handle_request(
        self,
        state: SandboxState,
        operation: str,
        request: ApiRequest,
        handle: Callable[[], ApiResponse],
    ) -> ApiResponse:
        """Answer a request whose token was accepted; runs in a worker thread, and `handle` runs the operation.

        Raises:
            RefusedError: refuse the request; the dialect renders the refusal.
        """
        del state, operation, request
        return handle()

    async def send_response(
        self,
        state: SandboxState,
        operation: str,
        response: ApiResponse,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send the answer of an operation, or of `no_such_route`."""
        del state, operation, scope, receive
        await send_response(response, send)


NO_HOOKS: Final = SandboxHooks()
"""The hooks of the shipped sandbox."""
