"""Request states: a call asks a question, and is made again with the answer and a sealed state.

The client holds the state in between, so it is untrusted until its seal has been checked. A forged, expired or foreign
state and a malformed answer are refused like any other call: by the tool, in the one error shape, and with an audit
entry.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mcp import MCPError
from mcp.server.request_state import InvalidRequestState
from mcp_types import InputResponses
from pydantic import TypeAdapter, ValidationError

from domain.errors import ConfirmationRequiredError, DeclinedError, LifecycleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.request_state import RequestStateCodec

REQUEST_STATE_TTL_S: Final = 600.0
"""Seconds for which the answer to a question is accepted; an approval is valid for as long."""
_CALL: Final = "tools/call"
_STATE: Final = "requestState"
_ANSWERS: Final = "inputResponses"
_REJECTED: Final = "invalid_request_state"
_answers: Final[TypeAdapter[InputResponses | None]] = TypeAdapter(InputResponses | None)
_refusal: Final[ContextVar[LifecycleError | None]] = ContextVar("refusal", default=None)
_asked_at: Final[ContextVar[float | None]] = ContextVar("asked_at", default=None)


class RequestStateMiddleware:
    """Middleware around the SDK's check of states, which leaves the refusal of a bad state or answer to the tool.

    With the `codec` that seals the states, the tool can also ask when its question was put.
    """

    def __init__(self, codec: RequestStateCodec | None = None) -> None:
        """Date states with the codec that seals them."""
        self._codec = codec

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer the request. A call with a bad state or answer is run without them, so that the tool refuses it."""
        if ctx.method != _CALL or ctx.params is None:
            return await call_next(ctx)
        token = _asked_at.set(_state_date(self._codec, ctx.params.get(_STATE)))
        try:
            return await self._call(ctx, ctx.params, call_next)
        finally:
            _asked_at.reset(token)

    async def _call(
        self, ctx: ServerRequestContext[Any, Any], params: Mapping[str, Any], call_next: CallNext
    ) -> HandlerResult:
        refusal: LifecycleError = malformed_answer_error()
        if _is_well_formed(params.get(_ANSWERS)):
            try:
                return await call_next(ctx)
            except MCPError as error:
                if not isinstance(error.data, dict) or error.data.get("reason") != _REJECTED:
                    raise
            refusal = _stale_state_error()
        bare = {name: value for name, value in params.items() if name not in {_STATE, _ANSWERS}}
        token = _refusal.set(refusal)
        try:
            return await call_next(replace(ctx, params=bare))
        finally:
            _refusal.reset(token)


def require_valid_request_state() -> None:
    """Raise the refusal of a call whose state or answers the middleware rejected."""
    if refusal := _refusal.get():
        raise refusal


def seconds_since_asked(now: float) -> float:
    """Seconds between the question and the call with its answer; none where the call has no state."""
    asked_at = _asked_at.get()
    return 0.0 if asked_at is None else now - asked_at


def malformed_answer_error() -> DeclinedError:
    """Build the refusal of an answer that does not match the form: it is not a consent."""
    return DeclinedError(
        "The client's answer does not match the form that it should show, so it counts as a no. Nothing was changed.",
        suggested_action="Ask the operator whether they saw the question, and whether their client can show it.",
    )


def _is_well_formed(answers: object) -> bool:
    try:
        _answers.validate_python(answers)
    except ValidationError:
        return False
    return True


def _state_date(codec: RequestStateCodec | None, state: object) -> float | None:
    """When the state was sealed; None for one that the SDK rejects anyway."""
    if codec is None or not isinstance(state, str):
        return None
    try:
        return float(json.loads(codec.unseal(state))["iat"])
    except (InvalidRequestState, ValueError, KeyError, TypeError):
        return None


def _stale_state_error() -> ConfirmationRequiredError:
    return ConfirmationRequiredError(
        "This answer does not belong to an open question: the question was asked too long ago, of somebody else, in "
        "another call, or by a server that does not share its keys with this one. Nothing was changed.",
        how="elicitation",
        suggested_action="Make the same call again from the start; a person is then asked again.",
    )
