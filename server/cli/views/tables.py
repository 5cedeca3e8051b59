"""A sweep's list: shown to the person who decides on it, and carried out when they have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from server.cli.output import render_facts, render_section, render_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from domain.governance import BatchTeardownResult


def render_batch_request(shown: Mapping[str, Any]) -> RenderableType:
    """What approving a list takes away, as a person is shown it before they decide."""
    rows = [
        (
            each["dataset"],
            each["client_id"],
            each["stage"],
            each["record_count"],
            datetime.fromisoformat(each["restorable_until"]) if "restorable_until" in each else "never",
            f"{each['dataset_id']} ({each['generation']})",
        )
        for each in shown["datasets"]
    ]
    columns = ("dataset", "client", "stage", "records", "restorable until", "id (state)")
    return render_section(
        f"{shown['dataset']}, all of them orphans whose grace is over",
        render_facts((("why all at once", shown["why"]), ("will be lost", shown["lost"]))),
        render_table(columns, rows, empty=""),
    )


def render_batch_result(done: BatchTeardownResult) -> list[RenderableType]:
    """What became of a list, for a person."""
    rows = [(each.dataset.name, each.dataset.dataset_id, each.dataset.status) for each in done.taken]
    told: list[RenderableType] = [
        render_table(("taken down", "id", "status"), rows, empty="Nothing was taken down.")
    ]
    if done.left:
        left = [(one.name, one.dataset_id, error.message) for one, error in done.left]
        told.append(render_section("Left", render_table(("dataset", "id", "why"), left, empty="")))
    return told
