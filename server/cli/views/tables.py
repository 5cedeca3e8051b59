"""Views of a sweep's list: the request to the person who decides on it, and the result."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from server.cli.output import render_facts, render_section, render_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from domain.governance import BatchTeardownResult


def render_batch_request(details: Mapping[str, Any]) -> RenderableType:
    """Render what the approval of a list removes, for the person who decides on it."""
    rows = [
        (
            each["dataset"],
            each["client_id"],
            each["stage"],
            each["record_count"],
            datetime.fromisoformat(each["restorable_until"]) if "restorable_until" in each else "never",
            f"{each['dataset_id']} ({each['generation']})",
        )
        for each in details["datasets"]
    ]
    columns = ("dataset", "client", "stage", "records", "restorable until", "id (state)")
    return render_section(
        details.get("title") or f"{details['dataset']}, all of them orphans whose grace period is over",
        render_facts((("why all at once", details.get("why")), ("will be lost", details["lost"]))),
        render_table(columns, rows, empty=""),
    )


def render_batch_result(result: BatchTeardownResult) -> list[RenderableType]:
    """Render the result of an approved list: the datasets that were taken down, and those that were not."""
    rows = [(each.dataset.name, each.dataset.dataset_id, each.dataset.status) for each in result.taken]
    parts: list[RenderableType] = [
        render_table(("taken down", "id", "status"), rows, empty="Nothing was taken down.")
    ]
    if result.left:
        left = [(one.name, one.dataset_id, error.message) for one, error in result.left]
        parts.append(render_section("Not taken down", render_table(("dataset", "id", "why"), left, empty="")))
    return parts
