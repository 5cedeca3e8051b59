"""The wire schemas, as other programs rely on them: a change here is a decision, and shows in a diff.

After a decision: `UPDATE_GOLDEN=1 uv run pytest tests/conformance/golden/test_tool_schemas.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mcp.client.client import Client

from server.mcp_server.server import build_server
from tests.integration.tools.conftest import MODERN
from tools.toolsets import TOOLSETS, select_tools

if TYPE_CHECKING:
    from tools.services import Services

GOLDEN = Path(__file__).parent / "tools"


async def refuse_to_open() -> Services:
    raise AssertionError("listing tools opens nothing")


@pytest.mark.parametrize("name", [each.name for each in select_tools(tuple(TOOLSETS))])
async def test_the_published_tool_is_the_golden_one(name: str) -> None:
    async with Client(
        build_server(refuse_to_open, version="1", toolsets=tuple(TOOLSETS)), mode=MODERN
    ) as client:
        listed = {each.name: each for each in (await client.list_tools()).tools}
    published = (
        json.dumps(listed[name].model_dump(mode="json", by_alias=True, exclude_none=True), indent=2) + "\n"
    )
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(published, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == published


def test_there_is_no_golden_file_of_a_tool_that_is_gone() -> None:
    assert {each.stem for each in GOLDEN.glob("*.json")} == {
        each.name for each in select_tools(tuple(TOOLSETS))
    }
