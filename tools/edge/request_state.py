"""The rounds of one call: a question that goes out, and the answer that comes back with the call made again.

Between the two the client holds a sealed state. What comes back is anybody's word until the seal has been checked, so a
state that is forged, too old or another's, and an answer that has no form, are refused like any other call: in the one
error shape, by the tool itself, and as if nobody had been asked.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mcp import MCPError
from mcp_types import InputResponses
from pydantic import TypeAdapter, ValidationError

from domain.errors import ConfirmationRequiredError, DeclinedError, LifecycleError

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

REQUEST_STATE_TTL_S: Final = 600.0
"""Seconds from a question to the last moment at which its answer counts; an approval is good for as long."""
_CALL: Final = "tools/call"
_STATE: Final = "requestState"
_ANSWERS: Final = "inputResponses"
_REJECTED: Final = "invalid_request_state"
_answers: Final[TypeAdapter[InputResponses | None]] = TypeAdapter(InputResponses | None)
_refusal: Final[ContextVar[LifecycleError | None]] = ContextVar("refusal", default=None)


class RequestStateMiddleware:
    """Middleware around the SDK's check of states: the tool refuses what does not pass it, or has not the form."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer the request; a call whose state or answers are no good is made without them, only to be refused."""
        if ctx.method != _CALL or ctx.params is None:
            return await call_next(ctx)
        refusal: LifecycleError = malformed_answer_error()
        if _is_well_formed(ctx.params.get(_ANSWERS)):
            try:
                return await call_next(ctx)
            except MCPError as error:
                if not isinstance(error.data, dict) or error.data.get("reason") != _REJECTED:
                    raise
            refusal = _stale_state_error()
        bare = {name: value for name, value in ctx.params.items() if name not in {_STATE, _ANSWERS}}
        token = _refusal.set(refusal)
        try:
            return await call_next(replace(ctx, params=bare))
        finally:
            _refusal.reset(token)


def require_valid_request_state() -> None:
    """Raise the refusal of a call whose state or answers were no good."""
    if refusal := _refusal.get():
        raise refusal


def malformed_answer_error() -> DeclinedError:
    """An answer that is not the form that was shown is no consent."""
    return DeclinedError(
        "What the client answered is not the form that the person was to fill in, so it counts as no; "
        "nothing was changed.",
        suggested_action="Ask the operator whether they saw the question, and whether their client can show it.",
    )


def _is_well_formed(answers: object) -> bool:
    try:
        _answers.validate_python(answers)
    except ValidationError:
        return False
    return True


def _stale_state_error() -> ConfirmationRequiredError:
    return ConfirmationRequiredError(
        "The question that this answers is not open here: it was asked too long ago, of somebody else, of another "
        "call, or by a server that does not share its keys with this one. Nothing was changed.",
        how="elicitation",
        suggested_action="Make the call again as it was at first; a person is then asked anew.",
    )
