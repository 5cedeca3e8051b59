"""The tool `check_connector_health`, over the real use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.connectors.drift import DriftItem
from domain.connectors.health import Health, HealthFinding
from domain.connectors.health_service import ConnectorHealth, HealthPage
from domain.model.connector import EMBEDDED_SANDBOX, Fingerprint
from domain.model.cursors import encode_cursor
from domain.model.enums import ConnectorStatus, DatasetType
from domain.model.principal import Principal
from tests.integration.tools.conftest import ToolSession, open_tool_session
from tests.support.entities import NOW, connector, dataset
from tools.answers.health import health_answer

if TYPE_CHECKING:
    from tests.support.world import World

UNKNOWN = Health(
    status=ConnectorStatus.UNHEALTHY,
    last_successful_sync=None,
    error_count_24h=None,
    freshness_s=None,
    checked_at=NOW,
    findings=(
        HealthFinding(code="platform_unavailable", message="Its state is unknown.", suggested_action=""),
    ),
)


def test_what_nobody_knows_is_left_out() -> None:
    page = HealthPage(
        items=(
            ConnectorHealth(connector=connector(), dataset=dataset(), health=UNKNOWN),
            ConnectorHealth(connector=connector("k2"), dataset=None, health=UNKNOWN),
        ),
        drift=(
            DriftItem(
                kind="unowned_connector", name="X", dataset_id="d", handle="h", suggested_action="Look at it."
            ),
        ),
        next_cursor="k2",
        platform=Fingerprint(dialect="admin", url=EMBEDDED_SANDBOX),
    )
    both = {
        "name": "ACME-Sandbox-Confluence",
        "client_id": "acme",
        "dataset_id": "acme-sandbox-confluence-abc123",
        "status": "unhealthy",
        "checked_at": "2026-03-01T12:00:00Z",
        "findings": [{"code": "platform_unavailable", "message": "Its state is unknown."}],
    }
    assert health_answer(page).as_dict() == {
        "platform": {"kind": "embedded_sandbox", "address": "embedded sandbox, nobody else sees it"},
        "items": [
            both | {"connector_id": "k1", "stage": "sandbox", "dataset_type": "confluence_pages"},
            both | {"connector_id": "k2"},
        ],
        "drift": [
            {
                "kind": "unowned_connector",
                "name": "X",
                "dataset_id": "d",
                "suggested_action": "Look at it.",
            }
        ],
        "count": 2,
        "next_cursor": encode_cursor("connectors", "k2"),
    }


async def test_a_dataset_that_is_served_is_healthy_under_every_selector(tool_session: ToolSession) -> None:
    made = await tool_session.process.provision()
    for arguments in (
        {},
        {"connector_id": made.connector_id},
        {"dataset_id": made.dataset_id},
        {"client_id": "acme"},
    ):
        found = await tool_session.call_ok("check_connector_health", arguments)
        assert (found["count"], found["drift"]) == (1, [])
        (item,) = found["items"]
        assert (item["name"], item["status"], item["findings"]) == ("ACME-Sandbox-Confluence", "healthy", [])


async def test_pages_follow_each_other(tool_session: ToolSession) -> None:
    await tool_session.process.provision()
    await tool_session.process.provision(dataset_type=DatasetType.JIRA_ISSUES)
    first = await tool_session.call_ok("check_connector_health", {"limit": 1})
    second = await tool_session.call_ok(
        "check_connector_health", {"limit": 1, "cursor": first["next_cursor"]}
    )
    assert "next_cursor" not in second
    assert {each["dataset_type"] for each in first["items"] + second["items"]} == {
        "confluence_pages",
        "jira_issues",
    }


async def test_more_than_one_selector_is_refused(tool_session: ToolSession) -> None:
    error = await tool_session.call_refused(
        "check_connector_health", {"client_id": "acme", "dataset_id": "d"}
    )
    assert error["code"] == "invalid_argument"


async def test_another_client_s_is_unknown(world: World) -> None:
    async with open_tool_session(
        world, principal=Principal(subject="agent:x", clients=frozenset({"globex"}))
    ) as served:
        await served.process.add_client_and_journey()
        made = await served.process.provision()
        error = await served.call_refused("check_connector_health", {"dataset_id": made.dataset_id})
    assert error["code"] == "unknown_dataset"
    assert "candidates" not in error
