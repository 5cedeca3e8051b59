"""The tool `renew_journey_lease`: let an active journey protect its datasets for longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_types import ToolAnnotations
from pydantic import Field

from domain.model import JourneyState, Stage, parse_duration
from tools.edge.arguments import ClientId, Duration, JourneyId
from tools.edge.results import Answer, Instant
from tools.edge.tool import GivenCaller, GivenServices, build_tool

if TYPE_CHECKING:
    from domain.governance import LeaseRenewal


class RenewAnswer(Answer):
    """A journey with its lease."""

    journey_id: str
    client_id: str
    stage: Stage
    state: JourneyState
    lease_expires_at: Instant | None = Field(
        default=None, description="When the journey expires, unless its lease is renewed before."
    )


def renew_answer(renewed: LeaseRenewal) -> RenewAnswer:
    """Build the answer for a journey whose lease was renewed."""
    journey = renewed.journey
    return RenewAnswer(
        journey_id=journey.journey_id,
        client_id=journey.client_id,
        stage=journey.stage,
        state=journey.state,
        lease_expires_at=journey.lease_expires_at,
    )


async def renew_journey_lease(
    *,
    services: GivenServices,
    principal: GivenCaller,
    journey_id: JourneyId,
    duration: Duration,
    client_id: ClientId | None = None,
) -> RenewAnswer:
    """Lengthen the lease. Only a person may shorten it, and a model is never one."""
    span = parse_duration(duration, "duration")
    return renew_answer(
        await services.leases.renew_lease(journey_id, span, principal, client_id, person=False)
    )


TOOL: Final = build_tool(
    renew_journey_lease,
    verb="journeys renew",
    title="Renew a journey's lease",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
)
