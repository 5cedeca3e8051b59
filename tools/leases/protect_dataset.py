"""The tool `protect_dataset`: protect a dataset until an instant, whatever happens to its journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_types import ToolAnnotations
from pydantic import Field

from domain.model import DatasetStatus, Stage, parse_timestamp
from tools.edge.arguments import DatasetId, Until
from tools.edge.results import Answer, Instant
from tools.edge.tool import GivenCaller, GivenServices, build_tool

if TYPE_CHECKING:
    from domain.governance import ProtectionResult


class ProtectAnswer(Answer):
    """A dataset with its protection."""

    name: str
    dataset_id: str
    client_id: str
    journey_id: str
    stage: Stage
    status: DatasetStatus
    protected_until: Instant | None = Field(
        default=None, description="Until when teardowns and retries are refused."
    )


def protect_answer(result: ProtectionResult) -> ProtectAnswer:
    """Build the answer for a dataset whose protection was set."""
    dataset = result.dataset
    return ProtectAnswer(
        name=dataset.name,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        journey_id=dataset.journey_id,
        stage=dataset.stage,
        status=dataset.status,
        protected_until=dataset.protected_until,
    )


async def protect_dataset(
    *,
    services: GivenServices,
    principal: GivenCaller,
    dataset_id: DatasetId,
    until: Until,
) -> ProtectAnswer:
    """Lengthen the protection. Only a person may shorten it, and a model is never one."""
    moment = parse_timestamp(until, "until", services.clock.now())
    return protect_answer(await services.leases.protect_dataset(dataset_id, moment, principal, person=False))


TOOL: Final = build_tool(
    protect_dataset,
    verb="datasets protect",
    title="Protect a dataset",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
)
