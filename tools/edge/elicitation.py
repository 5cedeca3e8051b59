"""A person asked through the MCP client, where it can show a question: for sandbox only.

The question names the generation and no clock, so an answer fits only the dataset that was shown; the claim moves the
generation, so it fits once.
"""

from __future__ import annotations

from typing import Annotated, Final

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import DeclinedError
from domain.model import Confirmation, ConfirmationRequest
from domain.ports import Clock
from tools.edge.arguments import DatasetId, TeardownReason
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices

_MAX_NAME_LENGTH: Final = 256


class TypedName(BaseModel):
    """What a person types to have a dataset taken down; a form with anything else in it is none."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra=lambda schema: schema.pop("additionalProperties")
    )

    dataset_name: str = Field(
        max_length=_MAX_NAME_LENGTH,
        title="Dataset name",
        description="Type the dataset's name to take it down.",
    )


class NoElicitation(BaseModel):
    """Nobody is asked in this way."""


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


async def _elicit_dataset_name(*, question: GivenQuestion) -> NoElicitation | Elicit[TypedName]:
    return NoElicitation() if question is None else Elicit(_format_question(question), TypedName)


# The SDK keys a question by the module and name of the function that asks it. Clients answer under that key, in a later
# request that another release may serve, so it stays what it was first, wherever the function stands now.
_elicit_dataset_name.__module__, _elicit_dataset_name.__qualname__ = "tools.asking", "_asked"

GivenAnswer = Annotated[ElicitationResult[TypedName], Resolve(_elicit_dataset_name)]


class ElicitedConfirmer:
    """What the person at the client said to one question. Implements `domain.model.approval.Confirmer`."""

    def __init__(
        self, question: ConfirmationRequest, answer: ElicitationResult[TypedName], clock: Clock
    ) -> None:
        """Hold an answer to the question that was shown."""
        self._question = question
        self._answer = answer
        self._clock = clock

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """The confirmation of what was shown, whatever is asked now. Raises DeclinedError."""
        shown = self._question
        name = self._answer.data.dataset_name if isinstance(self._answer, AcceptedElicitation) else None
        if name != shown.dataset.name:
            raise DeclinedError(
                f"The person asked did not type the name of {shown.dataset.name}; nothing was changed.",
                dataset_id=question.dataset.dataset_id,
            )
        return Confirmation(
            how="elicitation",
            by=shown.requester,
            at=self._clock.now(),
            dataset_id=shown.dataset.dataset_id,
            generation=shown.generation,
            reason=shown.reason,
            requester=shown.requester,
            shown=shown.shown,
        )


def _can_show_forms(ctx: EdgeContext) -> bool:
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _format_question(question: ConfirmationRequest) -> str:
    shown = question.shown
    kept = (
        f"All of it is archived, and can be restored for {shown['restorable_days']} days"
        if "restorable_days" in shown
        else "Its description and a sample are archived; it cannot be restored"
    )
    return (
        f"Take down {shown['dataset']}? Client {shown['client_id']}, journey {shown['journey_id']}, "
        f"{shown['stage']}, {shown['record_count']} records, made {shown['created_at']}. "
        f"Lost are {shown['lost']}. {kept}. (State {question.generation} of {shown['dataset_id']}, "
        f"reason {shown['reason']}.) Type the dataset's name to go on."
    )
