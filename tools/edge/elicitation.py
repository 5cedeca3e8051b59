"""Confirmation by elicitation: a person is asked through an MCP client that can show forms, at sandbox only.

The question names the dataset's generation, and nothing that changes with the clock: an answer fits only the state that
was shown. The claim changes the generation, so an answer fits only once.
"""

from __future__ import annotations

from typing import Annotated, Final

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import DeclinedError
from domain.model import Confirmation, ConfirmationRequest, printable_json
from domain.ports import Clock
from tools.edge.arguments import DatasetId, TeardownReason
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices

_MAX_NAME_LENGTH: Final = 256


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
    """The answer of the person at the client to one question. Implements `domain.model.approval.Confirmer`."""

    def __init__(
        self, question: ConfirmationRequest, answer: ElicitationResult[TypedName], clock: Clock
    ) -> None:
        """Hold the answer to a question that was shown."""
        self._question = question
        self._answer = answer
        self._clock = clock

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """Confirm what was shown, not what is asked now: the dataset may have changed since. Raises DeclinedError."""
        answered = self._question
        name = self._answer.data.dataset_name if isinstance(self._answer, AcceptedElicitation) else None
        if name != answered.dataset.name:
            raise DeclinedError(
                f"The person did not type the dataset's name, {answered.dataset.name}. Nothing was changed.",
                dataset_id=question.dataset.dataset_id,
            )
        return Confirmation(
            how="elicitation",
            by=answered.requester,
            at=self._clock.now(),
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
