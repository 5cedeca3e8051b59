"""A sweep's list: shown to the person who decides on it, and carried out when they have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from server.cli.exit_codes import ExitCode
from server.cli.output import render_facts, render_section, render_table
from server.web.approvals_api.serialization import serialize_sweep_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from domain.governance import BatchTeardownResult
    from domain.model import Approval
    from server.cli.command import Invocation
    from tools.services import Services


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


async def run_batch_teardowns(run: Invocation, services: Services, approval: Approval) -> BatchTeardownResult:
    """Take down what was approved, and wait for the end of it."""
    run.announce_resumable_work(approval.approval_id)
    run.output.print_note(f"{approval.approval_id}: {approval.shown['dataset']} are being taken down …")
    begun = await services.sweep_lists.start_approved_teardowns(approval, run.principal)
    return await services.sweep_lists.wait_for_teardowns(begun)


def print_batch_result(
    run: Invocation, document: dict[str, Any], done: BatchTeardownResult
) -> ExitCode | None:
    """Answer with what became of a list."""
    run.output.print_answer({**document, **serialize_sweep_result(done)}, *render_batch_result(done))
    return ExitCode.FAILED if done.left else None


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
