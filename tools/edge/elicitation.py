"""Confirmation by elicitation: a person is asked through an MCP client that can show forms, at sandbox only.

The question names the dataset's generation, and nothing that changes with the clock: an answer fits only the state that
was shown. The claim changes the generation, so an answer fits only once.

Programs that nobody sits at answer by themselves, with a cancel or an immediate no, and some never answer. None of this
is a person's word, so an approval request is filed as where nobody can be asked.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Final, Literal, TypeAlias

import anyio
from mcp import MCPError
from mcp.server.elicitation import AcceptedElicitation, CancelledElicitation, ElicitationResult
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import DeclinedError
from domain.model import Confirmation, ConfirmationRequest, printable_json
from tools.edge.arguments import DatasetId, TeardownReason
from tools.edge.request_state import malformed_answer_error, seconds_since_asked
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices
from tools.services import Services

_MAX_NAME_LENGTH: Final = 256
_ANSWERED_BY_ANOTHER_CALL: Final = "2026-07-28"
"""From this era on a call ends with its question, and another call brings the answer."""


class TypedName(BaseModel):
    """The form in which a person types the dataset's name; further fields make it invalid."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra=lambda schema: schema.pop("additionalProperties")
    )

    dataset_name: str = Field(
        max_length=_MAX_NAME_LENGTH,
        title="Dataset name",
        description="Type the dataset's name to take it down.",
    )


class NoElicitation(BaseModel):
    """The question when no person is asked by elicitation."""


class FormAnswer(BaseModel):
    """What came back for a question; `action` is `cancel` too when nothing did.

    `seconds` is how long it took, `held_s` how long the call itself waited for it.
    """

    action: Literal["accept", "decline", "cancel"]
    name: str | None = None
    seconds: float
    held_s: float = 0.0


async def _question(
    *,
    ctx: EdgeContext,
    services: GivenServices,
    principal: GivenCaller,
    dataset_id: DatasetId,
    reason: TeardownReason,
) -> ConfirmationRequest | None:
    if not _can_show_forms(ctx) or principal.act is not None:
        return None
    return await services.teardowns.build_confirmation_request(dataset_id, reason, principal)


GivenQuestion = Annotated[ConfirmationRequest | None, Resolve(_question)]


async def _elicit_dataset_name(
    *, ctx: EdgeContext, question: GivenQuestion
) -> NoElicitation | FormAnswer | Elicit[TypedName]:
    if question is None:
        return NoElicitation()
    if is_version_at_least(ctx.protocol_version or "", _ANSWERED_BY_ANOTHER_CALL):
        return Elicit(_format_question(question), TypedName)
    return await _ask_within_call(ctx, _format_question(question))


# The SDK keys a question by the module and name of the function that asks it. Clients answer under that key, in a later
# request that another release may serve, so it stays what it was first, wherever the function stands now.
_elicit_dataset_name.__module__, _elicit_dataset_name.__qualname__ = "tools.asking", "_asked"

Outcome: TypeAlias = ElicitationResult[TypedName | FormAnswer | NoElicitation]
GivenAnswer = Annotated[Outcome, Resolve(_elicit_dataset_name)]


async def _ask_within_call(ctx: EdgeContext, message: str) -> FormAnswer:
    """Ask while the call waits, for a bounded time; a later answer finds nobody who waits for it.

    A client that fails at the question has asked nobody.
    """
    pace = ctx.request_context.lifespan_context.pace
    began, outcome = pace.timer(), None
    with anyio.move_on_after(pace.answer_s), suppress(MCPError):
        try:
            outcome = await ctx.elicit(message, TypedName)
        except ValueError as error:
            raise malformed_answer_error() from error
    took = pace.timer() - began
    return _form_answer(outcome or CancelledElicitation(), seconds=took, held_s=took)


def read_answer(ctx: EdgeContext, outcome: Outcome) -> FormAnswer:
    """The answer to a question, whichever way it came."""
    if isinstance(outcome, AcceptedElicitation) and isinstance(outcome.data, FormAnswer):
        return outcome.data
    return _form_answer(outcome, seconds=seconds_since_asked(ctx.request_context.lifespan_context.pace.now()))


def _form_answer(outcome: ElicitationResult[Any], *, seconds: float, held_s: float = 0.0) -> FormAnswer:
    name = outcome.data.dataset_name if isinstance(outcome, AcceptedElicitation) else None
    return FormAnswer(action=outcome.action, name=name, seconds=seconds, held_s=held_s)


class ElicitedConfirmer:
    """The answer of the person at the client to one question. Implements `domain.model.approval.Confirmer`."""

    def __init__(
        self, question: ConfirmationRequest, answer: FormAnswer, services: Services, *, reading_s: float
    ) -> None:
        """Hold the answer to a question that was shown; a no in less than `reading_s` seconds is nobody's."""
        self._question = question
        self._answer = answer
        self._services = services
        self._reading_s = reading_s

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """Confirm what was shown, not what is asked now: the dataset may have changed since.

        None when nobody answered. Raises DeclinedError when the person declined or typed something else.
        """
        answered, answer = self._question, self._answer
        if answer.action == "cancel" or (answer.action == "decline" and answer.seconds < self._reading_s):
            return None
        if answer.action == "decline":
            await self._services.approvals.record_decline(answered)
        if answer.name != answered.dataset.name:
            raise DeclinedError(
                f"What was typed is not the dataset's name, {answered.dataset.name}. Nothing was changed.",
                dataset_id=question.dataset.dataset_id,
                suggested_action="Ask the operator whether it was a slip; only they decide whether to be asked again.",
            )
        return Confirmation(
            how="elicitation",
            by=answered.requester,
            at=self._services.clock.now(),
            dataset_id=answered.dataset.dataset_id,
            generation=answered.generation,
            reason=answered.reason,
            requester=answered.requester,
            shown=answered.shown,
        )


def _can_show_forms(ctx: EdgeContext) -> bool:
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _format_question(question: ConfirmationRequest) -> str:
    details = printable_json(question.shown)
    archived = (
        f"All of it is archived, and can be restored for {details['restorable_days']} days"
        if "restorable_days" in details
        else "Its description and a sample are archived; it cannot be restored"
    )
    return (
        f"Take down {details['dataset']}? Client {details['client_id']}, journey {details['journey_id']}, "
        f"{details['stage']}, {details['record_count']} records, made {details['created_at']}. "
        f"Lost are {details['lost']}. {archived}. (State {question.generation} of {details['dataset_id']}, "
        f"reason {details['reason']}.) Type the dataset's name to go on."
    )
