"""The tool `list_orphans`: datasets that no journey needs, with the evidence."""

from __future__ import annotations

from typing import Final

from mcp_types import ToolAnnotations

from tools.answers.orphans import OrphansAnswer, orphans_answer
from tools.edge import arguments
from tools.edge.arguments import ClientId, Cursor, Limit, MinAgeDays
from tools.edge.tool import GivenCaller, GivenServices, build_tool


async def list_orphans(
    *,
    services: GivenServices,
    principal: GivenCaller,
    client_id: ClientId | None = None,
    stage: arguments.Stage | None = None,
    min_age_days: MinAgeDays = 7,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> OrphansAnswer:
    """List the orphans that the caller may see."""
    page = await services.orphans.list(
        principal, client_id=client_id, stage=stage, min_age_days=min_age_days, limit=limit, cursor=cursor
    )
    return orphans_answer(page)


TOOL: Final = build_tool(
    list_orphans,
    verb="orphans",
    title="List orphaned datasets",
    annotations=ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
)
