"""The formats that a template may have: each writer returns the files of one template by name."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from mock_data.story.schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mock_data.story.world import World

    Records = list[dict[str, object]]
    Writer = Callable[[World, str, Records], Mapping[str, str]]

_TITLES = {
    "confluence_pages": "Confluence pages",
    "github_repos": "GitHub repositories",
    "slack_messages": "Slack messages",
    "jira_issues": "Jira issues",
}


def json_v1(world: World, dataset_type: str, records: Records) -> dict[str, str]:
    """Write metadata and records, version 1."""
    return {f"{dataset_type}.json": _document({"metadata": _metadata(world)}, records)}


def json_array(_world: World, dataset_type: str, records: Records) -> dict[str, str]:
    """Write a bare array."""
    return {f"{dataset_type}.json": _array(records) + "\n"}


def json_lines(_world: World, dataset_type: str, records: Records) -> dict[str, str]:
    """Write one record a line."""
    return {f"{dataset_type}.jsonl": _lines(records)}


def comma_separated(_world: World, dataset_type: str, records: Records) -> dict[str, str]:
    """Write CSV with a header. Lists have no place in a cell, so fields that hold one are left out."""
    names = [
        name
        for name in dict.fromkeys(name for record in records for name in record)
        if not _holds_a_list(name, records)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return {f"{dataset_type}.csv": text.getvalue()}


def v2_inline(world: World, dataset_type: str, records: Records) -> dict[str, str]:
    """Write version 2 with its records inside."""
    head = json.dumps(_head(world, dataset_type, records), ensure_ascii=False, indent=1)
    body = head.removesuffix("\n}") + ',\n "source": {"records": ' + _array(records) + "}\n}\n"
    return {f"{dataset_type}.json": body}


def v2_file(world: World, dataset_type: str, records: Records) -> dict[str, str]:
    """Write version 2 with its records in a file beside it."""
    beside = f"{dataset_type}.records.jsonl"
    head = _head(world, dataset_type, records) | {"source": {"file": beside}}
    return {
        f"{dataset_type}.json": json.dumps(head, ensure_ascii=False, indent=1) + "\n",
        beside: _lines(records),
    }


def _metadata(world: World) -> dict[str, object]:
    return {
        "industry": world.industry,
        "use_case": world.use_case,
        "data_type": "mock",
        "stage": "sandbox",
        "tags": ["story", world.industry],
        "custom_fields": {"story": world.title, "language": "en"},
    }


def _head(world: World, dataset_type: str, records: Records) -> dict[str, object]:
    return {
        "format_version": 2,
        "name": f"{world.title}: {_TITLES[dataset_type]}",
        "metadata": _metadata(world),
        "default_record_count": len(records),
        "schema": SCHEMAS[dataset_type],
    }


def _document(head: dict[str, object], records: Records) -> str:
    return (
        json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
        + ',\n "records": '
        + _array(records)
        + "\n}\n"
    )


def _array(records: Records) -> str:
    """Return an array with one record a line, so that a change shows as a change of a line."""
    return "[\n" + ",\n".join(_line(record) for record in records) + "\n]"


def _lines(records: Records) -> str:
    return "".join(_line(record) + "\n" for record in records)


def _line(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _holds_a_list(name: str, records: Records) -> bool:
    return any(isinstance(record.get(name), list) for record in records)
