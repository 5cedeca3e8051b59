"""What the converters of others make of the tools' input schemas: simple models of the subsets that they document.

- OpenAI, function calling (platform.openai.com/docs/guides/function-calling): JSON Schema; names of up to 64 letters,
  digits, `_` and `-`, descriptions of up to 1,024 characters.
- Gemini, `Schema` of function declarations (ai.google.dev/api/caching#Schema): a subset of OpenAPI 3.0. Its SDKs check
  the fields by a model that forbids others, and `additionalProperties` crashed one of them.
- Amazon Bedrock, Converse (docs.aws.amazon.com/bedrock, `ToolInputSchema`): a JSON object schema; models of others than
  Anthropic refuse `additionalProperties`, and names follow `[a-zA-Z0-9_-]{1,64}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tools.toolsets import TOOLSETS, select_tools

if TYPE_CHECKING:
    from tools.edge.tool import LifecycleTool

TOOLS = pytest.mark.parametrize("tool", select_tools(tuple(TOOLSETS)), ids=lambda tool: tool.name)
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PLAIN = frozenset({"type", "properties", "required", "items", "enum", "description", "default"})
BOUNDS = frozenset({"minimum", "maximum", "minLength", "maxLength", "pattern"})


class GeminiSchema(BaseModel):
    """The fields of Gemini's `Schema`, and no others."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["string", "number", "integer", "boolean", "array", "object"]
    description: str | None = None
    enum: list[str] | None = None
    default: Any = None
    properties: dict[str, GeminiSchema] | None = None
    required: list[str] | None = None
    items: GeminiSchema | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = Field(default=None, alias="minLength")
    max_length: int | None = Field(default=None, alias="maxLength")
    pattern: str | None = None


def keywords(schema: dict[str, Any]) -> set[str]:
    """Every keyword in a schema, and in the schemas of its properties."""
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return set(schema).union(*map(keywords, inner))


@TOOLS
def test_openai_takes_each_tool(tool: LifecycleTool) -> None:
    assert NAME.fullmatch(tool.name)
    assert len(tool.description) <= 1024
    assert tool.parameters["type"] == "object"


@TOOLS
def test_gemini_takes_each_tool(tool: LifecycleTool) -> None:
    found = GeminiSchema.model_validate(tool.parameters)
    assert found.properties is not None
    assert set(found.required or ()) <= set(found.properties)


@TOOLS
def test_bedrock_takes_each_tool(tool: LifecycleTool) -> None:
    assert NAME.fullmatch(tool.name)
    assert tool.description
    assert keywords(tool.parameters) <= PLAIN | BOUNDS
