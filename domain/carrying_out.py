"""A person's yes, and what follows from it at once: what a sweep asked for is carried out when it is approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.approvals import sweep_principal
from domain.requests import ApprovalOrigin

if TYPE_CHECKING:
    from domain.approval_desk import ApprovalService
    from domain.callers import Principal
    from domain.claims import TeardownResult, TeardownService
    from domain.requests import Approval


async def approve_and_execute(
    approvals: ApprovalService,
    teardowns: TeardownService,
    approval_id: str,
    principal: Principal,
    typed_name: str,
) -> tuple[Approval, TeardownResult | None]:
    """The approved request; and the teardown that it began, None where the call that asked is made again.

    A list is the business of `domain.sweep_lists`, and nothing of it is begun here.

    Raises as `Approvals.approve` does, and then the check that forbids the teardown after all: the grant stays.
    """
    approval = await approvals.approve(approval_id, principal, typed_name)
    if approval.origin is not ApprovalOrigin.SWEEP or approval.listed:
        return approval, None
    return approval, await execute_approved_teardown(teardowns, approval, principal)


async def execute_approved_teardown(
    teardowns: TeardownService, approval: Approval, principal: Principal
) -> TeardownResult:
    """Begin, as the sweep that asked, what the caller approved; every check is made again."""
    return await teardowns.start_or_attach(
        approval.dataset_id,
        approval.reason,
        sweep_principal(principal),
        generation=approval.generation,
    )
