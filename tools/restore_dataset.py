"""The tool `restore_dataset`: bring an archived dataset back as a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_types import ToolAnnotations
from pydantic import Field

from tools import arguments
from tools.answers import Instant
from tools.provision_dataset import ProvisionAnswer, told
from tools.spec import EdgeContext, GivenCaller, GivenServices, tool
from tools.waiting import forwarding

if TYPE_CHECKING:
    from domain.admission import Provisioned
    from domain.callers import Caller
    from tools.services import Services


class RestoreAnswer(ProvisionAnswer):
    """A dataset as a restoring call leaves it."""

    restored_from: str = Field(description="The archived dataset whose documents it holds.")
    protected_until: Instant | None = Field(
        default=None, description="Until when it is not taken down; absent until it is served."
    )


async def answer(services: Services, restored: Provisioned, caller: Caller) -> RestoreAnswer:
    """What is said about a dataset that was restored, or is being."""
    return RestoreAnswer(
        **dict(await told(services, restored, caller)),
        restored_from=str(restored.dataset.restored_from),
        protected_until=restored.dataset.protected_until,
    )


async def restore_dataset(
    *,
    ctx: EdgeContext,
    services: GivenServices,
    caller: GivenCaller,
    dataset_id: arguments.DatasetId,
    journey_id: arguments.JourneyId,
    wait_s: arguments.Wait = arguments.USUAL_WAIT_S,
) -> RestoreAnswer:
    """Start the restoration or attach to it, wait a while, and tell how it stands."""
    begun = await services.restoring.start(dataset_id, journey_id, caller)
    stands = await services.provisioning.wait(begun, wait_s, forwarding(ctx))
    return await answer(services, stands, caller)


TOOL: Final = tool(
    restore_dataset,
    verb="restore",
    title="Restore an archived dataset",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    ),
)
