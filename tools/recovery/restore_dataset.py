"""The tool `restore_dataset`: bring an archived dataset back as a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_types import ToolAnnotations
from pydantic import Field

from domain.lifecycle import PROVISION_SAGA
from tools.core.provision_dataset import ProvisionAnswer, load_provision_answer
from tools.edge.arguments import DEFAULT_WAIT_S, DatasetId, JourneyId, Wait
from tools.edge.progress import begin_progress
from tools.edge.results import Instant
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices, build_tool

if TYPE_CHECKING:
    from domain.lifecycle import ProvisionResult
    from domain.model import Principal
    from tools.services import Services


class RestoreAnswer(ProvisionAnswer):
    """A dataset as a restoring call leaves it."""

    restored_from: str = Field(description="The archived dataset whose documents it holds.")
    protected_until: Instant | None = Field(
        default=None, description="Until when it is not taken down; absent until it is served."
    )


async def load_restore_answer(
    services: Services, restored: ProvisionResult, principal: Principal
) -> RestoreAnswer:
    """Load the connector, and build the answer for a dataset that is or was restored."""
    return RestoreAnswer(
        **dict(await load_provision_answer(services, restored, principal)),
        restored_from=str(restored.dataset.restored_from),
        protected_until=restored.dataset.protected_until,
    )


async def restore_dataset(
    *,
    ctx: EdgeContext,
    services: GivenServices,
    principal: GivenCaller,
    dataset_id: DatasetId,
    journey_id: JourneyId,
    wait_s: Wait = DEFAULT_WAIT_S,
) -> RestoreAnswer:
    """Start or attach to the restoration, wait a while, and answer how far it is."""
    begun = await services.restores.start_or_attach(dataset_id, journey_id, principal)
    listener = await begin_progress(ctx, begun.dataset, PROVISION_SAGA)
    result = await services.provisioning.wait(begun, wait_s, listener)
    return await load_restore_answer(services, result, principal)


TOOL: Final = build_tool(
    restore_dataset,
    verb="restore",
    title="Restore an archived dataset",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    ),
)
