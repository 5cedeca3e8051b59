"""The tool `check_connector_health`: the health of connectors in Glean, and the drift from our records."""

from __future__ import annotations

from typing import Final

from mcp_types import ToolAnnotations

from domain.model import decode_cursor
from tools.answers.health import CONNECTOR_LISTING, HealthAnswer, health_answer
from tools.edge.arguments import ClientId, ConnectorId, Cursor, DatasetId, Limit
from tools.edge.tool import GivenCaller, GivenServices, build_tool


async def check_connector_health(
    *,
    services: GivenServices,
    principal: GivenCaller,
    connector_id: ConnectorId | None = None,
    dataset_id: DatasetId | None = None,
    client_id: ClientId | None = None,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> HealthAnswer:
    """Check the selected connectors."""
    page = await services.health.check(
        principal,
        connector_id=connector_id,
        dataset_id=dataset_id,
        client_id=client_id,
        limit=limit,
        cursor=decode_cursor(CONNECTOR_LISTING, cursor),
    )
    return health_answer(page)


TOOL: Final = build_tool(
    check_connector_health,
    verb="health",
    title="Check connector health",
    annotations=ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    ),
)
