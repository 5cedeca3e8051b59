"""A list of teardowns that a person has approved at once, carried out and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.cli.exit_codes import ExitCode
from server.cli.views.tables import render_batch_result
from server.web.approvals_api.serialization import serialize_sweep_result

if TYPE_CHECKING:
    from domain.governance import BatchTeardownResult
    from domain.model import Approval
    from server.cli.command import Invocation
    from tools.services import Services


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
