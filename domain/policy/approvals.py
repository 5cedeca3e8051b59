"""Rules of approval: how long a request is open, who may answer it, and that a grant is used once.

A request is bound to dataset, generation, reason, requester and waiver; a request for a list is bound to each dataset
in it. The current state of a request is computed from the clock and the dataset at every read, so no job has to expire
requests.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from domain.errors import (
    ApprovalClosedError,
    ConfirmationRequiredError,
    ForbiddenError,
    format_timestamp,
    require_present,
)
from domain.model import SCOPE_APPROVE, ApprovalState, Confirmation, Principal, Waiver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.model import (
        Approval,
        ApprovalItem,
        ConfirmationRequest,
        Dataset,
        LifecycleSettings,
        TeardownReason,
    )
    from domain.ports import Ids, UnitOfWork

APPROVAL_OPEN_FOR: Final = timedelta(minutes=30)
GRANT_FOR: Final = timedelta(minutes=10)
LIST_GRANT_FOR: Final = timedelta(hours=26)
"""Long enough to carry out a list, and for the next daily sweep to continue a list in which a process died."""
SWEEP_SUBJECT: Final = "schedule:sweep"
"""The requester of what a sweep files. Not the person who started the sweep: no person chooses what is due."""
_AGENT: Final = "agent:"
_ACTIVE_STATES: Final = frozenset({ApprovalState.OPEN, ApprovalState.APPROVED})
_MANY: Final = 10_000


def confirmation_facts(
    dataset: Dataset,
    reason: TeardownReason,
    now: datetime,
    policy: LifecycleSettings,
    waiver: Waiver = Waiver.NONE,
) -> Mapping[str, Any]:
    """The facts that a person sees before deciding on a teardown.

    Without `restorable_until` the archive cannot restore the dataset. `stays` says what remains in Glean, `incomplete`
    what is missing from the archive; each is present only with its waiver.
    """
    facts: dict[str, Any] = {
        "dataset": dataset.name,
        "dataset_id": dataset.dataset_id,
        "client_id": dataset.client_id,
        "journey_id": dataset.journey_id,
        "stage": dataset.stage.value,
        "status": dataset.status.value,
        "reason": reason.value,
        "record_count": dataset.record_count,
        "created_at": format_timestamp(dataset.created_at),
        "age_s": int((now - dataset.created_at).total_seconds()),
        "lost": "its connector in Glean, its documents in search, and its staged documents",
    } | _WAIVER_FACTS[waiver]
    lost = waiver is Waiver.INCOMPLETE_ARCHIVE
    if policy.full_data and dataset.content is not None and not lost:
        facts["restorable_days"] = policy.retention_days
        facts["restorable_until"] = format_timestamp(now + timedelta(days=policy.retention_days))
    return facts


def new_approval_id(uow: UnitOfWork, ids: Ids) -> str:
    """An unused id for a new approval request."""
    names = (f"ap-{token}" for token in iter(ids.token, None))
    return next(each for each in names if uow.approvals.get(each) is None)


def sweep_principal(principal: Principal) -> Principal:
    """The principal of a sweep that the caller approved or started, whose name stays on record.

    A sweep is bound by its own caps, not by the caller's rate limit.
    """
    return Principal(subject=SWEEP_SUBJECT, call=with_sweep_context(principal).call)


def is_approval_visible(approval: Approval, principal: Principal) -> bool:
    """Whether the caller may see the request: they may access every client that it is about."""
    return all(principal.can_access_client(each) for each in approval.clients)


def current_approval(uow: UnitOfWork, approval: Approval, now: datetime) -> Approval:
    """The request in its state at `now`, for one dataset or for a list.

    When no dataset of a list is left unspent at its listed generation, an open list is VOID and an approved list USED.
    """
    if not approval.listed:
        return current_dataset_approval(approval, uow.datasets.get(approval.dataset_id), now)
    if approval.state not in _ACTIVE_STATES:
        return approval
    if not any(_is_as_listed(uow, each) for each in approval.listed):
        final_state = ApprovalState.VOID if approval.state is ApprovalState.OPEN else ApprovalState.USED
        return replace(approval, state=final_state)
    return _expire_if_due(approval, now)


def current_dataset_approval(approval: Approval, dataset: Dataset | None, now: datetime) -> Approval:
    """The request in its state at `now`: EXPIRED after its time, VOID once the dataset's generation has changed."""
    if approval.state not in _ACTIVE_STATES:
        return approval
    if dataset is None or dataset.generation != approval.generation:
        return replace(approval, state=ApprovalState.VOID)
    return _expire_if_due(approval, now)


def _expire_if_due(approval: Approval, now: datetime) -> Approval:
    until = approval.expires_at if approval.state is ApprovalState.OPEN else approval.grant_expires_at
    if until is not None and until <= now:
        return replace(approval, state=ApprovalState.EXPIRED)
    return approval


def find_matching_approval(uow: UnitOfWork, request: ConfirmationRequest, now: datetime) -> Approval | None:
    """The approval request with the same binding as a confirmation request: active, or declined and not yet expired.

    A recent refusal counts, so that the same question is not put to a person again at once.
    """
    dataset = uow.datasets.get(request.dataset.dataset_id)
    for each in uow.approvals.find(dataset_id=request.dataset.dataset_id, limit=_MANY):
        approval = current_dataset_approval(each, dataset, now)
        declined = approval.state is ApprovalState.DECLINED and (
            approval.expires_at is None or approval.expires_at > now
        )
        wanted = (request.generation, request.reason, request.requester, request.concession)
        if _binding(approval) == wanted and (approval.state in _ACTIVE_STATES or declined):
            return approval
    return None


def require_can_answer(uow: UnitOfWork, approval: Approval, principal: Principal) -> None:
    """Require that this person may answer the request in its current state.

    Raises ForbiddenError or ApprovalClosedError.
    """
    _require_person(uow, approval, principal)
    if approval.state is not ApprovalState.OPEN:
        raise ApprovalClosedError(f"The request {approval.approval_id} {_CLOSED[approval.state]}.")


def require_can_approve(uow: UnitOfWork, approval: Approval, principal: Principal) -> None:
    """Require that this person may approve the request, which must not be their own.

    A list that was approved and not carried out to its end may be approved again, to continue it. Raises ForbiddenError
    or ApprovalClosedError.
    """
    if approval.listed and approval.state is ApprovalState.APPROVED:
        _require_person(uow, approval, principal)
        return
    require_can_answer(uow, approval, principal)
    if approval.requester == principal.subject:
        raise ForbiddenError(
            f"{principal.subject} filed the request {approval.approval_id}, and nobody approves their own request.",
            suggested_action="Ask another person to decide on it.",
        )


def _require_person(uow: UnitOfWork, approval: Approval, principal: Principal) -> None:
    # A program may hold a token of its own beside the one with which it acts for a person.
    if principal.subject in approval.actors or uow.audit.is_actor(principal.subject):
        raise ForbiddenError(
            f"{principal.subject} is an agent: it has acted for somebody else. An agent's answer does not count.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )
    if principal.subject.startswith(_AGENT) or not principal.has_scope(SCOPE_APPROVE):
        raise ForbiddenError(
            "Only a person with the scope for it answers approval requests; an agent's answer does not count.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )


def approval_with_grant(approval: Approval, by: str, now: datetime) -> Approval:
    """The request, approved by that person; unchanged when it was approved before."""
    if approval.state is ApprovalState.APPROVED:
        return approval
    return replace(
        approval,
        state=ApprovalState.APPROVED,
        answered_by=by,
        answered_at=now,
        grant_expires_at=now + (LIST_GRANT_FOR if approval.listed else GRANT_FOR),
    )


def approval_confirmation(approval: Approval, item: ApprovalItem | None = None) -> Confirmation:
    """The confirmation that an approved request gives to a claim; of a list, for one `item`."""
    subject = item or approval
    invariant = "an approved request says who approved it, and when"
    return Confirmation(
        how="approval",
        by=require_present(approval.answered_by, invariant),
        at=require_present(approval.answered_at, invariant),
        dataset_id=subject.dataset_id,
        generation=subject.generation,
        reason=approval.reason,
        requester=approval.requester,
        approval_id=approval.approval_id,
        concession=approval.concession,
        shown=approval.shown,
    )


def spend_grant(
    uow: UnitOfWork,
    confirmation: Confirmation | None,
    dataset: Dataset,
    reason: TeardownReason,
    principal: Principal,
    now: datetime,
    waiver: Waiver = Waiver.NONE,
) -> None:
    """Spend the grant behind an approval, in the transaction that claims the dataset for `principal`.

    Does nothing for any other kind of confirmation. Raises ConfirmationRequiredError when the grant is spent or
    expired, or was given for another teardown, or by an agent that acts in this call.
    """
    if confirmation is None or confirmation.how != "approval":
        return
    approval = uow.approvals.get(confirmation.approval_id) if confirmation.approval_id else None
    used = None
    if (
        approval is not None
        and current_approval(uow, approval, now).state is ApprovalState.APPROVED
        and approval.answered_by not in principal.actors
    ):
        wanted = (reason, principal.subject, waiver)
        used = _approval_with_grant_spent(approval, dataset) if _binding(approval)[1:] == wanted else None
    if used is None:
        raise ConfirmationRequiredError(
            f"The approval for {dataset.name} was used, has expired, or is for another teardown.",
            how="approval",
            dataset_id=dataset.dataset_id,
            suggested_action="Ask the operator: a person has to decide on it again.",
        )
    uow.approvals.put(used)


def _approval_with_grant_spent(approval: Approval, dataset: Dataset) -> Approval | None:
    """The request with the grant for that dataset at its generation spent; None when it has no such grant left."""
    target = (dataset.dataset_id, dataset.generation)
    if not approval.listed:
        granted = (approval.dataset_id, approval.generation) == target
        return replace(approval, state=ApprovalState.USED) if granted else None
    unspent = [
        each for each in approval.listed if not each.spent and (each.dataset_id, each.generation) == target
    ]
    if not unspent:
        return None
    listed = tuple(replace(each, spent=True) if each in unspent else each for each in approval.listed)
    return replace(approval, listed=listed)


def _is_as_listed(uow: UnitOfWork, item: ApprovalItem) -> bool:
    dataset = uow.datasets.get(item.dataset_id)
    return not item.spent and dataset is not None and dataset.generation == item.generation


def _binding(approval: Approval) -> tuple[int, TeardownReason, str, Waiver]:
    return (approval.generation, approval.reason, approval.requester, approval.concession)


_WAIVER_FACTS: Final[Mapping[Waiver, dict[str, Any]]] = {
    Waiver.NONE: {},
    Waiver.ABANDON_CONNECTOR: {
        "concession": Waiver.ABANDON_CONNECTOR.value,
        "lost": "its staged documents",
        "stays": "its connector and its documents stay in Glean, where search may still find them",
    },
    Waiver.INCOMPLETE_ARCHIVE: {
        "concession": Waiver.INCOMPLETE_ARCHIVE.value,
        "lost": "its connector in Glean, its documents in search, and for good the documents that staging lost",
        "incomplete": "its staged documents are missing or damaged, so the archive will hold only what is left",
    },
}
_CLOSED: Final = {
    ApprovalState.APPROVED: "was approved already",
    ApprovalState.DECLINED: "was declined",
    ApprovalState.USED: "was approved and used",
    ApprovalState.EXPIRED: "has expired",
    ApprovalState.VOID: "is void, because what it is about has changed since it was filed",
}


def with_sweep_context(principal: Principal) -> Principal:
    """The same principal, marked as a sweep: a sweep is bound by its own caps, not by the caller's rate limit."""
    return (
        principal
        if principal.call is None
        else replace(principal, call=replace(principal.call, swept_by=principal.subject))
    )
