"""The tool `provision_dataset`: make a dataset, or attach to the existing one."""

from __future__ import annotations

from typing import Final

from mcp_types import ToolAnnotations

from tools.answers.provision import ProvisionAnswer, load_provision_answer
from tools.edge import arguments
from tools.edge.progress import begin_progress
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices, build_tool


async def provision_dataset(
    *,
    ctx: EdgeContext,
    services: GivenServices,
    principal: GivenCaller,
    client_id: arguments.ClientId,
    journey_id: arguments.JourneyId,
    stage: arguments.Stage,
    dataset_type: arguments.DatasetType,
    template_id: arguments.TemplateId | None = None,
    record_count: arguments.RecordCount | None = None,
    data_source: arguments.DataSource | None = None,
    retry: arguments.Retry = False,
    wait_s: arguments.Wait = arguments.DEFAULT_WAIT_S,
) -> ProvisionAnswer:
    """Start or attach to the provisioning, wait a while, and answer how far it is. Cancelling stops only the wait."""
    from domain.lifecycle import PROVISION_SAGA, ProvisionRequest

    request = ProvisionRequest(
        client_id=client_id,
        journey_id=journey_id,
        stage=stage,
        dataset_type=dataset_type,
        template_id=template_id,
        record_count=record_count,
        data_source=data_source,
        retry=retry,
    )
    begun = await services.provisioning.start_or_attach(request, principal)
    listener = await begin_progress(ctx, begun.dataset, PROVISION_SAGA)
    result = await services.provisioning.wait(begun, wait_s, listener)
    return await load_provision_answer(services, result, principal)


TOOL: Final = build_tool(
    provision_dataset,
    verb="provision",
    title="Provision a dataset",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    ),
)
