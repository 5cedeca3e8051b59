"""Teardowns of a list that a person approved as a whole, shared by `approvals` and `orphans`."""

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
    """Take down the approved datasets, and wait until that has ended."""
    run.announce_resumable_work(approval.approval_id)
    run.output.print_note(f"{approval.approval_id}: {approval.shown['dataset']} are being taken down …")
    begun = await services.sweep_lists.start_approved_teardowns(approval, run.principal)
    return await services.sweep_lists.wait_for_teardowns(begun)


def print_batch_result(
    run: Invocation, document: dict[str, Any], result: BatchTeardownResult
) -> ExitCode | None:
    """Print the result of a list; the exit code is FAILED when a dataset was not taken down."""
    run.output.print_answer({**document, **serialize_sweep_result(result)}, *render_batch_result(result))
    return ExitCode.FAILED if result.left else None
