"""The tool `restore_dataset`: bring an archived dataset back as a new one."""

from __future__ import annotations

from typing import Final

from mcp_types import ToolAnnotations

from domain.lifecycle import PROVISION_SAGA
from tools.answers.restore import RestoreAnswer, load_restore_answer
from tools.edge.arguments import DEFAULT_WAIT_S, DatasetId, JourneyId, Wait
from tools.edge.progress import begin_progress
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices, build_tool


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
