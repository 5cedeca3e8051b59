"""Hosts that change what an agent sends: texts for numbers, all of it as one text, values for what was left out."""

from __future__ import annotations

import json
from typing import Any, Final

LEFT_OUT: Final[dict[str, dict[str, Any]]] = {
    "provision_dataset": {"template_id": "", "record_count": None, "data_source": "null"},
    "teardown_dataset": {},
    "list_orphans": {"client_id": None, "stage": "", "cursor": "null"},
    "check_connector_health": {"connector_id": "", "cursor": "None"},
}
"""The optional arguments that an agent of ours leaves out, as such a host fills them in."""


def _write_as_texts(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if isinstance(value, bool | int | float) else value
        for name, value in arguments.items()
    }


def _write_as_one_text(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"arguments": json.dumps(arguments)}


def _fill_in(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {**LEFT_OUT.get(tool, {}), **arguments}


HOSTS: Final = {
    "faithful": lambda _tool, arguments: arguments,
    "texts": _write_as_texts,
    "one text": _write_as_one_text,
    "filled in": _fill_in,
}
"""What each kind of host makes of the arguments of a call to that tool; none of them changes what is meant."""
