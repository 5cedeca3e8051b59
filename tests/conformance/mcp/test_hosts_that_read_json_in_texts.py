"""What a host shows its model that takes JSON in the first text of a result for its structured content.

Gemini CLI does so, and checks it against the tool's output schema as for any answer. When that fails, the model sees
the complaint of the check and nothing of the result.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from tests.integration.tools.conftest import ACME, ToolSession, open_tool_session
from tests.support.refusals import read_texts
from tests.support.world import open_world
from tools.toolsets import TOOLSETS, select_tools

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_types import CallToolResult, Tool

REFUSED = {
    "provision_dataset": {**ACME, "client_id": "nobody"},
    "teardown_dataset": {"dataset_id": "never-was", "reason": "manual"},
    "check_connector_health": {"client_id": "nobody"},
    "list_orphans": {"client_id": "nobody"},
    "restore_dataset": {"dataset_id": "never-was", "journey_id": "j1"},
    "renew_journey_lease": {"journey_id": "never-was", "duration": "1h"},
    "protect_dataset": {"dataset_id": "never-was", "until": "2999-01-01T00:00:00Z"},
    "no_such_tool": {},
}


def text_for_model(result: CallToolResult, tool: Tool | None) -> str:
    """What the host's model reads of a result, or of the check that rejected it."""
    texts = read_texts(result)
    structured: Any = result.structured_content
    if structured is None:
        try:
            structured = json.loads(texts[0])
        except ValueError:
            structured = None
    if tool is not None and structured is not None:
        try:
            jsonschema_rs.validate(tool.output_schema or {}, structured)
        except jsonschema_rs.ValidationError as error:
            return f"The structured content does not match the output schema: {error.message}"
    return "\n".join(texts)


async def listed_tools(session: ToolSession) -> dict[str, Tool]:
    return {each.name: each for each in (await session.client.list_tools()).tools}


@pytest.mark.parametrize("name", [*(each.name for each in select_tools(tuple(TOOLSETS))), "no_such_tool"])
async def test_its_model_reads_why_a_call_was_refused(name: str, tmp_path: Path) -> None:
    async with open_world(tmp_path) as place, open_tool_session(place, toolsets=tuple(TOOLSETS)) as session:
        result = await session.client.call_tool(name, REFUSED[name])
        shown = text_for_model(result, (await listed_tools(session)).get(name))
    assert result.meta is not None
    error = result.meta["dataset-lifecycle/error"]
    sentence = shown.splitlines()[0]
    assert sentence == f"{error['message']} {error['suggested_action']}"


async def test_the_sentence_of_a_refusal_says_what_clears_each_check_that_blocks_it(tmp_path: Path) -> None:
    async with open_world(tmp_path) as place, open_tool_session(place) as session:
        await session.process.add_client_and_journey()
        made = await session.call_ok("provision_dataset", ACME)
        asked = {"dataset_id": made["dataset_id"], "reason": "journey_completed"}
        result = await session.client.call_tool("teardown_dataset", asked)
        shown = text_for_model(result, (await listed_tools(session))["teardown_dataset"])
    assert shown.splitlines()[0] == (
        f"{made['name']} cannot be taken down: Its journey 'j1' is active at sandbox. The reason journey_completed "
        "does not hold: the journey is active. Complete or cancel the journey, or promote it past this stage. Give "
        "the reason that is true, if there is one."
    )
