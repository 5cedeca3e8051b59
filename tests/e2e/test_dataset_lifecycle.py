"""The whole life of a client's datasets, driven by an MCP client: over every transport, in both eras."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.model.enums import DatasetType, JourneyState
from domain.model.principal import Principal
from server.adapters.glean.indexing.names import datasource_of
from server.composition.glean.platform import sandbox_path
from server.composition.process import open_services
from server.settings import load_settings
from tests.e2e.conftest import TransportCell, add_client_and_journey
from tests.support.content.companies import latest_incident
from tests.support.refusals import read_refusal
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp.client.client import Client

RECORDS = 120
KIM = Principal(subject="person:kim")


class ToolClient:
    """A client that knows the four tools."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call_ok(self, tool: str, **arguments: object) -> dict[str, Any]:
        """The answer of a call that must go through."""
        result = await self._client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        answer: dict[str, Any] = result.structured_content
        return answer

    async def call_refused(self, tool: str, **arguments: object) -> dict[str, Any]:
        """The error of a call that must not."""
        return read_refusal(await self._client.call_tool(tool, arguments))

    async def provision(self, dataset_type: DatasetType, **more: object) -> dict[str, Any]:
        """Provision for ACME's journey, calling again as long as it runs."""
        arguments = {
            "client_id": "ACME",
            "journey_id": "j1",
            "stage": "sandbox",
            "dataset_type": dataset_type.value,
        }
        while (answer := await self.call_ok("provision_dataset", **arguments, **more))[
            "status"
        ] == "provisioning":
            assert answer["progress"]["step"]
            assert answer["poll_after_s"] > 0
        return answer


async def move_journey(data_dir: Path, state: JourneyState) -> None:
    """Move ACME's journey, as an operator would in another process."""
    async with open_services(load_settings({}, None, data_dir), sagas=False) as services:
        await services.registry.set_state("j1", state, KIM)


async def test_a_client_is_provisioned_watched_and_taken_down(connect: TransportCell, tmp_path: Path) -> None:
    await run_lifecycle(connect, tmp_path, {}, "deleted")


@pytest.mark.exhaustive
async def test_the_same_holds_where_glean_speaks_the_indexing_dialect(tmp_path: Path) -> None:
    connect = TransportCell(transport="memory", era="2026-07-28")
    await run_lifecycle(connect, tmp_path, {"GLEAN_DIALECT": "indexing"}, "emptied")


async def run_lifecycle(
    connect: TransportCell, tmp_path: Path, environ: Mapping[str, str], outcome: str
) -> None:
    """All of it; `outcome` is what becomes of a connector."""
    await add_client_and_journey(tmp_path)
    with (
        anyio.fail_after(90),
        Sandbox.open(sandbox_path(load_settings({}, None, tmp_path))) as glean,
    ):
        async with connect(tmp_path, environ=environ) as client:
            agent = ToolClient(client)
            headline = latest_incident(RECORDS, datetime.now(UTC).date())
            made = {each: await agent.provision(each, record_count=RECORDS) for each in DatasetType}
            assert {each["status"] for each in made.values()} == {"ready"}
            named = datasource_of if environ else str
            assert {hit["datasource"] for hit in glean.search(headline)} == {
                named(each["name"]) for each in made.values()
            }

            health = await agent.call_ok("check_connector_health", client_id="ACME")
            assert {each["status"] for each in health["items"]} == {"healthy"}
            assert (health["count"], health["drift"]) == (4, [])
            assert (await agent.call_ok("list_orphans", min_age_days=0))["items"] == []

            first = made[DatasetType.CONFLUENCE_PAGES]["dataset_id"]
            early = await agent.call_refused("teardown_dataset", dataset_id=first, reason="journey_completed")
            assert early["code"] == "journey_active"
            assert [each["check"] for each in early["blocking_checks"]] == [
                "journey_active",
                "reason_not_true",
            ]
            assert all(each["clears"] for each in early["blocking_checks"])

            await move_journey(tmp_path, JourneyState.COMPLETED)
            orphans = await agent.call_ok("list_orphans", min_age_days=0)
            assert {each["reason"] for each in orphans["items"]} == {"journey_completed"}
            assert {each["eligible"] for each in orphans["items"]} == {False}
            human = await agent.call_refused("teardown_dataset", dataset_id=first, reason="manual")
            assert (human["code"], human["recovery"]) == ("confirmation_required", "needs_human")
            swept = await agent.call_refused("teardown_dataset", dataset_id=first, reason="orphaned")
            assert swept["code"] == "reason_not_true"

            for dataset in made.values():
                wanted = {"dataset_id": dataset["dataset_id"], "reason": "journey_completed"}
                down = await agent.call_ok("teardown_dataset", **wanted)
                assert down["status"] == "archived"
                assert down["cleanup_verified"] is True
                assert down["connector_outcome"] == outcome
                assert ("Extreme measures" in down.get("manual_step", "")) is (outcome == "emptied")
                assert down["archived_path"]
                assert down["restorable_until"]
                assert await agent.call_ok("teardown_dataset", **wanted) == down

            assert (await agent.call_ok("check_connector_health", client_id="ACME"))["items"] == []
        assert glean.search(headline) == []
        assert {each["documentCount"] for each in glean.datasources()} == ({0} if environ else set())
