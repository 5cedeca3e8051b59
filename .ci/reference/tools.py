"""Reference of tools: docs/reference/tools.md, from the published tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp_types import ToolAnnotations

from tools.toolsets import TOOLSETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.edge.tool import LifecycleTool

PAGE: Final = "tools.md"

_HEAD: Final = """\
# Tools

Generated from the tools by `just reference`. A test compares the page with the code.

This is what an MCP client sees. An optional argument may be left out; an argument that is not listed is refused. Hosts
change types on the way, so what can only mean one thing is taken: the text `"50"` for the number 50 and 1042 for the
text `"1042"`, `"true"` for true, an empty text, null or `"null"` for an optional argument that is left out, and one
JSON text for all arguments. Values of enumerations, such as a reason, are taken only as they are listed. A field that
is not known is left out of a result, and never null. All errors have one shape, see [errors](errors.md).
"""


def render_page() -> str:
    """The whole page."""
    return "\n".join(
        [_HEAD, *(_render_tool(name, each) for name, tools in TOOLSETS.items() for each in tools)]
    )


def _render_tool(toolset: str, tool: LifecycleTool) -> str:
    parts = (
        f"## {tool.name}",
        f"{tool.title}. Toolset `{toolset}`; {', '.join(_hints(tool))}.",
        tool.description,
        "### Arguments",
        _render_table(tool.parameters),
        "### Answer",
        _render_table(tool.output_schema or {}),
    )
    return "\n\n".join(parts) + "\n"


def _hints(tool: LifecycleTool) -> Iterator[str]:
    hints = tool.annotations or ToolAnnotations()
    yield "changes things" if tool.mutating else "changes nothing"
    properties = {
        "destructive": hints.destructive_hint,
        "repeating a call is safe": hints.idempotent_hint,
        "reaches Glean": hints.open_world_hint,
    }
    yield from (words for words, holds in properties.items() if holds)


def _render_table(schema: dict[str, Any]) -> str:
    rows = ["| name | | values | meaning |", "|---|---|---|---|"]
    rows += _rows(schema, "")
    return "\n".join(rows)


def _rows(schema: dict[str, Any], path: str) -> Iterator[str]:
    for name, its in schema["properties"].items():
        need = "required" if name in schema.get("required", ()) else "optional"
        yield f"| `{path}{name}` | {need} | {_describe_values(its)} | {its.get('description', '')} |"
        inner = its.get("items", its)
        if "properties" in inner:
            yield from _rows(inner, f"{path}{name}{'[]' if inner is not its else ''}.")


def _describe_values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    bounds = [
        f"{sign} {schema[name]}"
        for name, sign in (
            ("minimum", "≥"),
            ("maximum", "≤"),
            ("minLength", "length ≥"),
            ("maxLength", "length ≤"),
        )
        if name in schema
    ]
    usual = [f"default {str(schema['default']).lower()}"] if "default" in schema else []
    return ", ".join([schema.get("format", schema["type"]), *bounds, *usual])
