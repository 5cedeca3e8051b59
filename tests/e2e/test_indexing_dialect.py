"""A life in the Indexing dialect, as an MCP client sees it: the same tools, and an end that is told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from domain.model.enums import DatasetType, JourneyState
from domain.model.principal import Principal
from server.composition.process import open_services
from server.settings import load_settings
from tests.e2e.conftest import TransportCell, add_client_and_journey
from tests.e2e.test_dataset_lifecycle import ToolClient

if TYPE_CHECKING:
    from pathlib import Path

INDEXING = {"GLEAN_DIALECT": "indexing"}
LEFT = (
    "The datasource ACME-Sandbox-Slack is still registered in Glean, and empty. Have an admin there delete it: "
    "Admin console, Overview, Extreme measures, Delete instance."
)


async def test_a_datasource_that_cannot_be_deleted_is_emptied_and_what_is_left_is_named(
    connect: TransportCell, tmp_path: Path
) -> None:
    await add_client_and_journey(tmp_path)
    with anyio.fail_after(60):
        async with connect(tmp_path, environ=INDEXING) as client:
            agent = ToolClient(client)
            made = await agent.provision(DatasetType.SLACK_MESSAGES, record_count=40)
            assert (made["status"], made["connector"]["status"]) == ("ready", "healthy")
            health = await agent.call_ok("check_connector_health")
            assert [(each["status"], each["error_count_24h"]) for each in health["items"]] == [("healthy", 0)]
            async with open_services(load_settings(INDEXING, None, tmp_path), sagas=False) as services:
                await services.registry.set_state(
                    "j1", JourneyState.COMPLETED, Principal(subject="person:kim")
                )
            asked = {"dataset_id": made["dataset_id"], "reason": "journey_completed"}
            gone = await agent.call_ok("teardown_dataset", **asked)
            assert (gone["status"], gone["connector_outcome"], gone["manual_step"]) == (
                "archived",
                "emptied",
                LEFT,
            )
            assert gone["cleanup_verified"]
            assert (await agent.call_ok("teardown_dataset", **asked))["manual_step"] == LEFT
