"""A person's yes, and what follows from it at once: what a sweep asked for is carried out when it is approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.approvals import sweeper
from domain.requests import ApprovalOrigin

if TYPE_CHECKING:
    from domain.approval_desk import Approvals
    from domain.callers import Caller
    from domain.claims import Teardowns, TornDown
    from domain.requests import Approval


async def approve_and_carry_out(
    approvals: Approvals, teardowns: Teardowns, approval_id: str, caller: Caller, typed_name: str
) -> tuple[Approval, TornDown | None]:
    """The approved request; and the teardown that it began, None where the call that asked is made again.

    A list is the business of `domain.sweep_lists`, and nothing of it is begun here.

    Raises as `Approvals.approve` does, and then the check that forbids the teardown after all: the grant stays.
    """
    approval = await approvals.approve(approval_id, caller, typed_name)
    if approval.origin is not ApprovalOrigin.SWEEP or approval.listed:
        return approval, None
    return approval, await carry_out(teardowns, approval, caller)


async def carry_out(teardowns: Teardowns, approval: Approval, caller: Caller) -> TornDown:
    """Begin, as the sweep that asked, what the caller approved; every check is made again."""
    return await teardowns.start_or_attach(
        approval.dataset_id,
        approval.reason,
        sweeper(caller),
        generation=approval.generation,
    )
