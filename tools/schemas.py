"""JSON Schemas as they are published: self-contained, without nulls and without names that say nothing."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def published_schema(schema: Schema) -> Schema:
    """A schema of pydantic's with its definitions put in place, optional instead of nullable, and no `title`s."""
    return _simplify_node(schema, schema.get("$defs", {}))


def _simplify_node(node: Schema, definitions: Schema) -> Schema:
    if "$ref" in node:
        said = {name: value for name, value in node.items() if name != "$ref"}
        return _simplify_node({**definitions[node["$ref"].rsplit("/", 1)[1]], **said}, definitions)
    if "anyOf" in node:
        (kind,) = (each for each in node["anyOf"] if each != {"type": "null"})
        said = {name: value for name, value in node.items() if name != "anyOf"}
        return _simplify_node({**kind, **said}, definitions)
    tidy: Schema = {}
    for name, value in node.items():
        if name in {"$defs", "title"} or (name == "default" and value is None):
            continue
        if name == "properties":
            tidy[name] = {each: _simplify_node(its, definitions) for each, its in value.items()}
        elif name == "items":
            tidy[name] = _simplify_node(value, definitions)
        else:
            tidy[name] = value
    return tidy
