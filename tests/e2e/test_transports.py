"""The same tools, the same answers and the same refusals over every transport, in both eras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.e2e.conftest import TransportCell, add_client_and_journey
from tests.support.refusals import read_refusal

if TYPE_CHECKING:
    from pathlib import Path

ACME = {"client_id": "ACME", "journey_id": "j1", "stage": "sandbox", "dataset_type": "jira_issues"}
SMALL = {**ACME, "record_count": 20}


@pytest.mark.each_cell
async def test_a_dataset_is_provisioned_with_progress_and_a_refusal_keeps_its_shape(
    connect: TransportCell, tmp_path: Path
) -> None:
    await add_client_and_journey(tmp_path)
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    with anyio.fail_after(60):
        async with connect(tmp_path) as client:
            names = [each.name for each in (await client.list_tools()).tools]
            made = await client.call_tool("provision_dataset", SMALL, progress_callback=hear)
            again = await client.call_tool("provision_dataset", SMALL)
            health = await client.call_tool("check_connector_health", {"client_id": "ACME"})
            orphans = await client.call_tool("list_orphans", {"min_age_days": 0})
            assert made.structured_content is not None, made.content
            asked = {"dataset_id": made.structured_content["dataset_id"], "reason": "journey_completed"}
            refused = await client.call_tool("teardown_dataset", asked)
            wrong = await client.call_tool("list_orphans", {"clientid": "ACME"})

    assert names == ["provision_dataset", "teardown_dataset", "check_connector_health", "list_orphans"]
    assert (made.structured_content["status"], made.structured_content["created"]) == ("ready", True)
    assert made.structured_content["quality"]["score"] >= 95
    assert again.structured_content == made.structured_content | {"created": False}
    assert _only(health.structured_content)["status"] == "healthy"
    assert orphans.structured_content is not None
    assert orphans.structured_content["items"] == []
    assert read_refusal(refused)["code"] == "journey_active"
    assert read_refusal(wrong)["candidates"][0] == "client_id"
    assert [number for number, _ in heard] == sorted({number for number, _ in heard})


def _only(answer: dict[str, Any] | None) -> dict[str, Any]:
    assert answer is not None
    (item,) = answer["items"]
    assert isinstance(item, dict)
    return item


async def test_a_read_only_server_refuses_to_change_anything_and_says_what_its_operator_types(
    tmp_path: Path,
) -> None:
    connect = TransportCell(transport="stdio", era="2026-07-28")
    with anyio.fail_after(60):
        async with connect(tmp_path, read_only=True) as client:
            names = [each.name for each in (await client.list_tools()).tools]
            refused = await client.call_tool("provision_dataset", ACME)
            unknown = await client.call_tool("list_orphans", {"client_id": "ACME"})
    assert names == ["check_connector_health", "list_orphans"]
    assert read_refusal(refused)["code"] == "read_only"
    assert f" --use-case USE_CASE --data-dir {tmp_path}`" in read_refusal(unknown)["suggested_action"]
