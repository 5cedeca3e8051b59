"""Views of the demo: its introduction, its steps, and how to continue after it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.filesize import decimal
from rich.padding import Padding
from rich.text import Text

from server.cli.output import format_value, render_facts, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

INTRODUCTION: Final = (
    "This demo runs in a new folder, on the embedded Glean sandbox. "
    "It neither uses nor changes anything that you have configured."
)
_SERVER_KEY: Final = "datasets"
"""What a host's configuration calls the server. It is short, because hosts put it before the name of every tool."""
_CONNECTION_INSTRUCTIONS: Final = """\
To let an assistant do this with you:

  Claude Code    claude mcp add {key} -- {shell} serve
  other clients  {json}

To do it yourself: {shell} --help"""


def connection_instructions(command: Sequence[str]) -> Text:
    """Instructions to connect an assistant, with the command that starts this program."""
    entry = {"command": command[0], "args": [*command[1:], "serve"]}
    servers = json.dumps({"mcpServers": {_SERVER_KEY: entry}})
    return Text(_CONNECTION_INSTRUCTIONS.format(key=_SERVER_KEY, shell=shlex.join(command), json=servers))


def render_step(name: str, step: dict[str, Any]) -> RenderableType:
    """Render one step of the demo."""
    title = Text.assemble((_TITLES[name], "bold"), (f"  {step['seconds']:.1f} s", "dim"))
    return Group(title, Padding(_BODIES[name](step), (0, 0, 1, 3), expand=False))


_TITLES: Final = {
    "client_arrives": "1  A client arrives",
    "datasets_provisioned": "2  Four datasets are provisioned at once",
    "incident_found": "3  A search finds one incident in all of them",
    "connectors_healthy": "4  The connectors are checked",
    "teardown_refused": "5  A teardown that comes too early is refused",
    "journey_completed": "6  The journey completes",
    "datasets_taken_down": "7  Everything is taken down",
    "archive_verified": "8  The archive of the first dataset is verified",
    "nothing_found": "9  The same search finds nothing any more",
}


def _render_client(step: dict[str, Any]) -> RenderableType:
    return (
        f"{step['client']} ({step['client_id']}), {step['industry']}/{step['use_case']}; "
        f"its journey {step['journey_id']} is active at {step['stage']}."
    )


def _render_provisioned_datasets(step: dict[str, Any]) -> RenderableType:
    rows = [
        (
            each["name"],
            each["status"],
            each["record_count"],
            f"{each['quality_score']:.1f}",
            each["template_id"],
        )
        for each in step["datasets"]
    ]
    questions = step["questions"]
    return Group(
        render_table(("dataset", "status", "records", "quality", "template"), rows, empty=""),
        f"{questions['answered']} of {questions['asked']} golden questions find an answer among the first three "
        "results of a search.",
    )


def _render_search_results(step: dict[str, Any]) -> RenderableType:
    rows = [(each["datasource"], each["title"]) for each in step["found"]]
    return render_table(("datasource", f"best match for {step['query']}"), rows, empty="Nothing.")


def _render_health(step: dict[str, Any]) -> RenderableType:
    rows = [(each["name"], each["status"]) for each in step["connectors"]]
    return render_table(("connector", "status"), rows, empty="")


def _render_refusal(step: dict[str, Any]) -> RenderableType:
    error = step["error"]
    return Group(
        Text.assemble((error["code"], "red"), f": {format_value(error['message'])}"),
        *(f"To clear {each['check']}: {format_value(each['clears'])}" for each in error["blocking_checks"]),
    )


def _render_completed_journey(step: dict[str, Any]) -> RenderableType:
    return f"It no longer protects these datasets: {', '.join(step['exposed'])}."


def _render_teardowns(step: dict[str, Any]) -> RenderableType:
    rows = [(each["name"], each["status"], each["connector_outcome"]) for each in step["datasets"]]
    return render_table(("dataset", "status", "connector"), rows, empty="")


def _render_archive(step: dict[str, Any]) -> RenderableType:
    size = decimal(step["stored_bytes"])
    return render_facts(
        (
            ("archive", step["path"]),
            ("files", ", ".join(step["files"])),
            ("content", f"{step['record_count']} records in {size}, every byte verified"),
            ("restorable until", step["restorable_until"]),
        )
    )


_BODIES: Final = {
    "client_arrives": _render_client,
    "datasets_provisioned": _render_provisioned_datasets,
    "incident_found": _render_search_results,
    "connectors_healthy": _render_health,
    "teardown_refused": _render_refusal,
    "journey_completed": _render_completed_journey,
    "datasets_taken_down": _render_teardowns,
    "archive_verified": _render_archive,
    "nothing_found": _render_search_results,
}
