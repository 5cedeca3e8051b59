"""A question that is open while its server ends: the next one on the same folder understands the answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from mcp.client.client import Client
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

from domain.model.enums import DatasetType, JourneyState
from server.composition.lazy_services import LazyServices
from server.composition.process import open_services
from server.infra.state_keys import STATE_KEY_FILE, load_state_keys
from server.mcp_server.server import build_server
from server.settings import load_settings
from tests.e2e.conftest import Era, add_client_and_journey, connect_client, stdio_server
from tests.e2e.test_dataset_lifecycle import ToolClient, move_journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp.client.context import ClientRequestContext
    from mcp_types import ElicitRequestParams

    from server.mcp_server.server import LifecycleServer

ERA: Era = "2026-07-28"
KEY = "tools.asking:_asked"


async def show_question(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Can show a question; nobody looks at it."""
    return ElicitResult(action="cancel")


async def run_round(server: Any, arguments: dict[str, Any], **given: Any) -> Any:  # noqa: ANN401 - either result
    """One round with that server."""
    async with Client(server, mode=ERA, elicitation_callback=show_question) as client:
        return await client.session.call_tool(
            "teardown_dataset", arguments, allow_input_required=True, **given
        )


@asynccontextmanager
async def open_next_server(data_dir: Path) -> AsyncIterator[LifecycleServer]:
    """The next server on that folder, in this process."""
    settings = load_settings({}, None, data_dir)
    async with LazyServices(partial(open_services, settings, sagas=True, elicits=True)) as opening:
        yield build_server(
            opening.get_services, version="test", state_keys=load_state_keys([], settings.data_dir)
        )


async def test_an_answer_after_a_restart_is_understood_with_the_key_of_the_folder_and_no_other(
    tmp_path: Path,
) -> None:
    await add_client_and_journey(tmp_path)
    with anyio.fail_after(60):
        async with connect_client("memory", ERA, tmp_path) as client:
            made = await ToolClient(client).call_ok(
                "provision_dataset",
                client_id="ACME",
                journey_id="j1",
                stage="sandbox",
                dataset_type=DatasetType.JIRA_ISSUES.value,
                record_count=20,
            )
        await move_journey(tmp_path, JourneyState.COMPLETED)
        wanted = {"dataset_id": made["dataset_id"], "reason": "manual"}
        asked = await run_round(stdio_server(tmp_path, {}, read_only=False), wanted)
        assert isinstance(asked, InputRequiredResult)
        typed = {KEY: ElicitResult(action="accept", content={"dataset_name": made["name"]})}
        answer = {"request_state": asked.request_state, "input_responses": typed}

        key = (tmp_path / STATE_KEY_FILE).rename(tmp_path / "kept")
        async with open_next_server(tmp_path) as server:
            refused = await run_round(server, wanted, **answer)
        assert isinstance(refused, CallToolResult)
        assert refused.meta is not None
        assert refused.meta["dataset-lifecycle/error"]["code"] == "confirmation_required"

        key.rename(tmp_path / STATE_KEY_FILE)
        async with open_next_server(tmp_path) as server:
            result = await run_round(server, wanted, **answer)
        assert isinstance(result, CallToolResult)
        assert not result.is_error, result.content
