"""Published JSON Schemas: self-contained, without nulls and without pydantic's titles."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def published_input_schema(schema: Schema) -> Schema:
    """The same for the arguments of a tool, without `additionalProperties`.

    Not every host takes that keyword, and the server refuses unknown arguments itself.
    """
    published = published_schema(schema)
    published.pop("additionalProperties", None)
    return published


def published_schema(schema: Schema) -> Schema:
    """Simplify a schema of pydantic: definitions inlined, optional instead of nullable, and no `title`s."""
    return _simplify_node(schema, schema.get("$defs", {}))


def _simplify_node(node: Schema, definitions: Schema) -> Schema:
    if "$ref" in node:
        siblings = {name: value for name, value in node.items() if name != "$ref"}
        return _simplify_node({**definitions[node["$ref"].rsplit("/", 1)[1]], **siblings}, definitions)
    if "anyOf" in node:
        (kind,) = (each for each in node["anyOf"] if each != {"type": "null"})
        siblings = {name: value for name, value in node.items() if name != "anyOf"}
        return _simplify_node({**kind, **siblings}, definitions)
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
