"""Approval requests as JSON documents, for the commands' `--json` and for `/approvals`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.errors import format_timestamp
from domain.model import Waiver

if TYPE_CHECKING:
    from domain.governance import BatchTeardownResult
    from domain.model import Approval


def serialize_approval(approval: Approval) -> dict[str, Any]:
    """Serialize an approval request; what is None or empty is left out."""
    waived = approval.concession is not Waiver.NONE
    values = {
        "approval_id": approval.approval_id,
        "state": approval.state.value,
        "origin": approval.origin.value,
        "dataset_id": approval.dataset_id or None,
        "client_id": approval.client_id or None,
        "generation": approval.generation or None,
        "reason": approval.reason.value,
        "concession": approval.concession.value if waived else None,
        "requester": approval.requester,
        "filed_at": format_timestamp(approval.filed_at),
        "expires_at": format_timestamp(approval.expires_at),
        "answered_by": approval.answered_by,
        "answered_at": format_timestamp(approval.answered_at),
        "one_person": approval.self_approved or None,
        "grant_expires_at": format_timestamp(approval.grant_expires_at),
        "phrase": approval.phrase,
        "listed": [
            {"dataset_id": each.dataset_id, "generation": each.generation, "spent": each.spent}
            for each in approval.listed
        ]
        or None,
        "shown": dict(approval.shown),
    }
    return {name: value for name, value in values.items() if value is not None}


def serialize_sweep_result(result: BatchTeardownResult) -> dict[str, Any]:
    """Serialize the result of an approved list: the datasets taken down, and those left with the error."""
    return {
        "taken": [
            {
                "name": each.dataset.name,
                "dataset_id": each.dataset.dataset_id,
                "client_id": each.dataset.client_id,
                "status": each.dataset.status.value,
            }
            for each in result.taken
        ],
        "left": [
            {
                "name": one.name,
                "dataset_id": one.dataset_id,
                "client_id": one.client_id,
                "error": error.as_dict(),
            }
            for one, error in result.left
        ],
    }
