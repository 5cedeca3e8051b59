"""Reference of events: docs/reference/events.md and its JSON Schema, from the types of the events' data."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.events.cloudevents import build_message
from domain.model.event import Event, EventKind
from domain.model.event_payloads import EVENT_DATA_TYPES, EventData

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "events.md"
SCHEMA: Final = "events.schema.json"

_INSTALLATION: Final = "5f0c1d9a4b7e4f0f9a3a6f3f1f6f2d11"
_EXAMPLE: Final = Event(
    kind=EventKind.PROVISIONED,
    at=datetime(2026, 3, 1, 12, 0, 5, 250_000, tzinfo=UTC),
    dataset_id="acme-sandbox-confluence-7f3k2m",
    client_id="acme",
    data={
        "name": "ACME-Sandbox-Confluence",
        "journey_id": "q3-demo",
        "stage": "sandbox",
        "dataset_type": "confluence_pages",
        "status": "ready",
        "attempt": 1,
        "record_count": 500,
        "size_bytes": 412_345,
        "score": 100.0,
        "connector_id": "acme-sandbox-confluence-7f3k2m",
    },
)
_HEAD: Final = """\
# Events

Generated from `domain/model/event_payloads.py` by `just reference`. One test compares the page with the code, another
with the events that are sent. [Events](../events.md) describes how they reach a webhook. For programs there is a
[JSON Schema](events.schema.json), whose `data` maps each type to the schema of its data.

Every event is one [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) message in
its JSON format:

```json
{example}
```

| attribute | |
|---|---|
| `id` | the id of the event, the same at every delivery; also the header `webhook-id` |
| `source` | the installation where it happened |
| `type` | what happened, one of those below |
| `subject` | the dataset |
| `time` | when it happened |
| `sequence` | its place among all events of the source: a higher one, compared as text, happened later |
| `data` | described below; fields may be added, none is removed |

## Every event

{every}
"""


def render_page() -> str:
    """The whole page."""
    example = json.loads(build_message(_INSTALLATION, 42, _EXAMPLE).body)
    message = json.dumps(example, indent=2)
    parts = [_HEAD.format(example=message, every="\n".join(_table_lines(EventData, set())))]
    common = set(EventData.__struct_fields__)
    for kind, shape in EVENT_DATA_TYPES.items():
        parts += [f"## {kind.value}\n", f"{inspect.getdoc(shape)}\n", *_table_lines(shape, common), ""]
    return "\n".join(parts)


def render_schema() -> str:
    """The whole JSON Schema."""
    return json.dumps(build_schema(), indent=2) + "\n"


def build_schema() -> dict[str, Any]:
    """The JSON Schema of every event's data. Unknown fields are allowed, since fields may be added."""
    shapes = (EventData, *EVENT_DATA_TYPES.values())
    _, parts = msgspec.json.schema_components(shapes)
    for each in parts.values():
        each.pop("additionalProperties", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "data": {
            kind.value: {"$ref": f"#/$defs/{shape.__name__}"} for kind, shape in EVENT_DATA_TYPES.items()
        },
        "$defs": parts,
    }


def _table_lines(shape: type[EventData], without: set[str]) -> Iterator[str]:
    parts = build_schema()["$defs"]
    yield "| field | values | meaning |"
    yield "|---|---|---|"
    yield from _rows(parts, shape.__name__, "", without)


def _rows(parts: dict[str, Any], name: str, path: str, without: set[str]) -> Iterator[str]:
    described = parts[name]
    for field, each in described["properties"].items():
        if field in without:
            continue
        missing = "" if field in described["required"] else "; may be missing"
        yield f"| `{path}{field}` | {_values(parts, each)}{missing} | {each.get('description', '')} |"
        inner = _reference_name(each.get("items", {}))
        if inner:
            yield from _rows(parts, inner, f"{path}{field}[].", set())


def _values(parts: dict[str, Any], described: dict[str, Any]) -> str:
    return ", ".join(_value(parts, each) for each in described.get("anyOf", [described]))


def _value(parts: dict[str, Any], described: dict[str, Any]) -> str:
    named = _reference_name(described)
    if named:
        return ", ".join(f"`{each}`" for each in parts[named].get("enum", ["object"]))
    if described["type"] == "array":
        return "list" if _reference_name(described["items"]) else f"list of {described['items']['type']}"
    return str(described["type"])


def _reference_name(described: dict[str, Any]) -> str:
    return str(described.get("$ref", "")).rpartition("/")[2]
