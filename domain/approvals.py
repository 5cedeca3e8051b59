"""The rules of approval: how long a request is open, who may answer it, and that a grant is used once.

A request is bound to dataset, generation, reason and requester. Whether it still stands is worked out from the clock
and the dataset whenever it is looked at, so nothing has to expire it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from domain.callers import APPROVE
from domain.errors import ApprovalClosedError, ConfirmationRequiredError, ForbiddenError, instant
from domain.model import Confirmation
from domain.requests import ApprovalState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.callers import Caller
    from domain.job import Policy
    from domain.model import Dataset, TeardownReason
    from domain.records import Records
    from domain.requests import Approval, Question

OPEN_FOR: Final = timedelta(minutes=30)
GRANT_FOR: Final = timedelta(minutes=10)
SWEEPER: Final = "schedule:sweep"
"""Who asks for what a sweep files, whoever started the sweep: what is due is nobody's choice."""

_AGENT: Final = "agent:"
_LIVING: Final = frozenset({ApprovalState.OPEN, ApprovalState.APPROVED})
_MANY: Final = 10_000


def shown(dataset: Dataset, reason: TeardownReason, now: datetime, policy: Policy) -> Mapping[str, Any]:
    """What a person sees before deciding; without `restorable_until` the archive can restore nothing."""
    facts: dict[str, Any] = {
        "dataset": dataset.name,
        "dataset_id": dataset.dataset_id,
        "client_id": dataset.client_id,
        "journey_id": dataset.journey_id,
        "stage": dataset.stage.value,
        "status": dataset.status.value,
        "reason": reason.value,
        "record_count": dataset.record_count,
        "created_at": instant(dataset.created_at),
        "age_s": int((now - dataset.created_at).total_seconds()),
        "lost": "its connector in Glean, what search finds of it, and what is staged",
    }
    if policy.full_data and dataset.content is not None:
        facts["restorable_days"] = policy.retention_days
        facts["restorable_until"] = instant(now + timedelta(days=policy.retention_days))
    return facts


def stands(approval: Approval, dataset: Dataset | None, now: datetime) -> Approval:
    """The request as it stands at `now`: expired past its time, void once the dataset is not what was shown."""
    if approval.state not in _LIVING:
        return approval
    if dataset is None or dataset.generation != approval.generation:
        return replace(approval, state=ApprovalState.VOID)
    until = approval.expires_at if approval.state is ApprovalState.OPEN else approval.grant_expires_at
    if until is not None and until <= now:
        return replace(approval, state=ApprovalState.EXPIRED)
    return approval


def held(records: Records, question: Question, now: datetime) -> Approval | None:
    """The request that speaks for this very question: open, approved, or declined while it would still be open."""
    dataset = records.dataset(question.dataset.dataset_id)
    for each in records.approvals(dataset_id=question.dataset.dataset_id, limit=_MANY):
        found = stands(each, dataset, now)
        declined = found.state is ApprovalState.DECLINED and (
            found.expires_at is None or found.expires_at > now
        )
        if _bound(found, question.generation, question.reason, question.requester) and (
            found.state in _LIVING or declined
        ):
            return found
    return None


def may_answer(approval: Approval, caller: Caller) -> None:
    """Whether a person may answer the request, as it stands.

    Raises ForbiddenError or ApprovalClosedError.
    """
    if caller.subject.startswith(_AGENT) or not caller.may(APPROVE):
        raise ForbiddenError(
            "Approval requests are answered by a person who may; an agent's answer counts for nothing.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )
    if approval.state is not ApprovalState.OPEN:
        raise ApprovalClosedError(f"The request {approval.approval_id} {_CLOSED[approval.state]}.")


def may_approve(approval: Approval, caller: Caller) -> None:
    """Whether this person may approve it: not what they asked for. Raises as `may_answer` does."""
    may_answer(approval, caller)
    if approval.requester == caller.subject:
        raise ForbiddenError(
            f"The request {approval.approval_id} is by {caller.subject}, and nobody approves their own.",
            suggested_action="Ask another person to look at it.",
        )


def granted(approval: Approval, by: str, now: datetime) -> Approval:
    """The request, approved."""
    return replace(
        approval,
        state=ApprovalState.APPROVED,
        answered_by=by,
        answered_at=now,
        grant_expires_at=now + GRANT_FOR,
    )


def confirmation(approval: Approval) -> Confirmation:
    """The word of the person who approved it, for the claim."""
    assert approval.answered_by is not None and approval.answered_at is not None  # noqa: S101, PT018 - `granted` sets both
    return Confirmation(
        how="approval",
        by=approval.answered_by,
        at=approval.answered_at,
        dataset_id=approval.dataset_id,
        generation=approval.generation,
        reason=approval.reason,
        requester=approval.requester,
        approval_id=approval.approval_id,
    )


def spend(
    records: Records,
    given: Confirmation | None,
    dataset: Dataset,
    reason: TeardownReason,
    requester: str,
    now: datetime,
) -> None:
    """Use up the grant behind an approval, in the transaction that claims the dataset.

    Nothing is done for any other kind of confirmation. Raises ConfirmationRequiredError when there is no such grant any
    more, or it is another one's.
    """
    if given is None or given.how != "approval":
        return
    approval = records.approval(given.approval_id) if given.approval_id else None
    good = (
        approval is not None
        and approval.dataset_id == dataset.dataset_id
        and _bound(approval, dataset.generation, reason, requester)
        and stands(approval, dataset, now).state is ApprovalState.APPROVED
    )
    if approval is None or not good:
        raise ConfirmationRequiredError(
            f"The approval for {dataset.name} was used, has expired, or is for something else.",
            how="approval",
            dataset_id=dataset.dataset_id,
            suggested_action="Ask the operator: a person has to look at it again.",
        )
    records.put_approval(replace(approval, state=ApprovalState.USED))


def _bound(approval: Approval, generation: int, reason: TeardownReason, requester: str) -> bool:
    asked = (approval.generation, approval.reason, approval.requester)
    return asked == (generation, reason, requester)


_CLOSED: Final = {
    ApprovalState.APPROVED: "was approved already",
    ApprovalState.DECLINED: "was declined",
    ApprovalState.USED: "was approved and used",
    ApprovalState.EXPIRED: "has expired",
    ApprovalState.VOID: "is void, because the dataset has changed since it was asked",
}
