"""Published schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from tools.schemas import published_schema
from tools.toolsets import TOOLSETS, select_tools

if TYPE_CHECKING:
    from tools.edge.tool import LifecycleTool


TOOLS = select_tools(tuple(TOOLSETS))
LONGEST_DESCRIPTION = 1024
"""OpenAI's function calling takes no longer one (platform.openai.com/docs/api-reference, `function.description`)."""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_description_is_as_short_as_every_host_takes_it(tool: LifecycleTool) -> None:
    assert len(tool.description) <= LONGEST_DESCRIPTION
    for schema in tool.parameters["properties"].values():
        assert len(schema["description"]) <= LONGEST_DESCRIPTION


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_published_schema_is_self_contained_and_without_nulls(
    tool: LifecycleTool,
) -> None:
    for schema in (tool.parameters, tool.output_schema or {}):
        jsonschema_rs.meta.validate(schema)
        written = json.dumps(schema)
        assert "$ref" not in written
        assert "null" not in written
        assert "anyOf" not in written
        assert schema["type"] == "object"


@pytest.mark.parametrize("tool", select_tools(), ids=lambda tool: tool.name)
def test_every_argument_is_described(tool: LifecycleTool) -> None:
    assert [
        name for name, schema in tool.parameters["properties"].items() if not schema.get("description")
    ] == []


def test_a_property_may_be_called_title() -> None:
    schema = {
        "title": "Page",
        "type": "object",
        "properties": {
            "title": {"title": "Title", "type": "string"},
            "items": {"type": "array", "items": {"$ref": "#/$defs/It"}},
        },
        "$defs": {"It": {"title": "It", "type": "integer", "description": "theirs"}},
    }
    assert published_schema(schema) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "items": {"type": "array", "items": {"type": "integer", "description": "theirs"}},
        },
    }
