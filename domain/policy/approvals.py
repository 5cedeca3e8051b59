"""The rules of approval: how long a request is open, who may answer it, and that a grant is used once.

A request is bound to dataset, generation, reason, requester and what would be conceded. Whether it still stands is
worked out from the clock and the dataset whenever it is looked at, so nothing has to expire it. One for a list of
datasets is so bound to each of them.
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
from domain.policy.rate_limits import SCHEDULE_VIA

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
"""A list takes a while to carry out, and the next daily sweep is to find one that a process died over."""
SWEEP_SUBJECT: Final = "schedule:sweep"
"""Who asks for what a sweep files, whoever started the sweep: what is due is nobody's choice."""
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
    """What a person sees before deciding; without `restorable_until` the archive can restore nothing.

    `stays` is what is left in Glean, `incomplete` what is no more to be archived; each is there for its concession.
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
        "lost": "its connector in Glean, what search finds of it, and what is staged",
    } | _WAIVER_FACTS[waiver]
    lost = waiver is Waiver.INCOMPLETE_ARCHIVE
    if policy.full_data and dataset.content is not None and not lost:
        facts["restorable_days"] = policy.retention_days
        facts["restorable_until"] = format_timestamp(now + timedelta(days=policy.retention_days))
    return facts


def new_approval_id(uow: UnitOfWork, ids: Ids) -> str:
    """The id of a request that is about to be filed."""
    names = (f"ap-{token}" for token in iter(ids.token, None))
    return next(each for each in names if uow.approvals.get(each) is None)


def sweep_principal(principal: Principal) -> Principal:
    """The sweep that carries out what the caller approved or started; it has caps, and no caller's rate."""
    return with_sweep_context(Principal(subject=SWEEP_SUBJECT, call=principal.call))


def is_approval_visible(approval: Approval, principal: Principal) -> bool:
    """Whether the request exists as far as the caller is told: they may touch every client that it is about."""
    return all(principal.can_access_client(each) for each in approval.clients)


def current_approval(uow: UnitOfWork, approval: Approval, now: datetime) -> Approval:
    """The request as it stands at `now`, whether for one dataset or for a list.

    A list is void when nothing is left of it as it was shown, and used when everything of it was.
    """
    if not approval.listed:
        return current_dataset_approval(approval, uow.datasets.get(approval.dataset_id), now)
    if approval.state not in _ACTIVE_STATES:
        return approval
    if not any(_is_as_listed(uow, each) for each in approval.listed):
        over = ApprovalState.VOID if approval.state is ApprovalState.OPEN else ApprovalState.USED
        return replace(approval, state=over)
    return _expire_if_due(approval, now)


def current_dataset_approval(approval: Approval, dataset: Dataset | None, now: datetime) -> Approval:
    """The request as it stands at `now`: expired past its time, void once the dataset is not what was shown."""
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


def find_matching_approval(uow: UnitOfWork, question: ConfirmationRequest, now: datetime) -> Approval | None:
    """The request that speaks for this very question: open, approved, or declined while it would still be open."""
    dataset = uow.datasets.get(question.dataset.dataset_id)
    for each in uow.approvals.find(dataset_id=question.dataset.dataset_id, limit=_MANY):
        found = current_dataset_approval(each, dataset, now)
        declined = found.state is ApprovalState.DECLINED and (
            found.expires_at is None or found.expires_at > now
        )
        asked = (question.generation, question.reason, question.requester, question.concession)
        if _binding(found) == asked and (found.state in _ACTIVE_STATES or declined):
            return found
    return None


def require_can_answer(approval: Approval, principal: Principal) -> None:
    """Whether a person may answer the request, as it stands.

    Raises ForbiddenError or ApprovalClosedError.
    """
    _require_person(principal)
    if approval.state is not ApprovalState.OPEN:
        raise ApprovalClosedError(f"The request {approval.approval_id} {_CLOSED[approval.state]}.")


def require_can_approve(approval: Approval, principal: Principal) -> None:
    """Whether this person may approve it: not what they asked for. Raises as `may_answer` does.

    A list that was approved and not carried out to its end may be approved again, to go on with it.
    """
    if approval.listed and approval.state is ApprovalState.APPROVED:
        _require_person(principal)
        return
    require_can_answer(approval, principal)
    if approval.requester == principal.subject:
        raise ForbiddenError(
            f"The request {approval.approval_id} is by {principal.subject}, and nobody approves their own.",
            suggested_action="Ask another person to look at it.",
        )


def _require_person(principal: Principal) -> None:
    if principal.subject.startswith(_AGENT) or not principal.has_scope(SCOPE_APPROVE):
        raise ForbiddenError(
            "Approval requests are answered by a person who may; an agent's answer counts for nothing.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )


def approval_with_grant(approval: Approval, by: str, now: datetime) -> Approval:
    """The request, approved; one that was approved before, as it is."""
    if approval.state is ApprovalState.APPROVED:
        return approval
    return replace(
        approval,
        state=ApprovalState.APPROVED,
        answered_by=by,
        answered_at=now,
        grant_expires_at=now + (LIST_GRANT_FOR if approval.listed else GRANT_FOR),
    )


def approval_confirmation(approval: Approval, one: ApprovalItem | None = None) -> Confirmation:
    """The word of the person who approved it, for the claim; of a list, for that `one` of it."""
    about = one or approval
    answered = "an approved request says who approved it, and when"
    return Confirmation(
        how="approval",
        by=require_present(approval.answered_by, answered),
        at=require_present(approval.answered_at, answered),
        dataset_id=about.dataset_id,
        generation=about.generation,
        reason=approval.reason,
        requester=approval.requester,
        approval_id=approval.approval_id,
        concession=approval.concession,
        shown=approval.shown,
    )


def spend_grant(
    uow: UnitOfWork,
    given: Confirmation | None,
    dataset: Dataset,
    reason: TeardownReason,
    requester: str,
    now: datetime,
    waiver: Waiver = Waiver.NONE,
) -> None:
    """Use up the grant behind an approval, in the transaction that claims the dataset.

    Nothing is done for any other kind of confirmation. Raises ConfirmationRequiredError when there is no such grant any
    more, or it is another one's.
    """
    if given is None or given.how != "approval":
        return
    approval = uow.approvals.get(given.approval_id) if given.approval_id else None
    used = None
    if approval is not None and current_approval(uow, approval, now).state is ApprovalState.APPROVED:
        asked = (reason, requester, waiver)
        used = _approval_with_grant_spent(approval, dataset) if _binding(approval)[1:] == asked else None
    if used is None:
        raise ConfirmationRequiredError(
            f"The approval for {dataset.name} was used, has expired, or is for something else.",
            how="approval",
            dataset_id=dataset.dataset_id,
            suggested_action="Ask the operator: a person has to look at it again.",
        )
    uow.approvals.put(used)


def _approval_with_grant_spent(approval: Approval, dataset: Dataset) -> Approval | None:
    """The request with the grant for that dataset at its generation used up; None when it gives none (any more)."""
    what = (dataset.dataset_id, dataset.generation)
    if not approval.listed:
        one = (approval.dataset_id, approval.generation) == what
        return replace(approval, state=ApprovalState.USED) if one else None
    left = [each for each in approval.listed if not each.spent and (each.dataset_id, each.generation) == what]
    if not left:
        return None
    listed = tuple(replace(each, spent=True) if each in left else each for each in approval.listed)
    return replace(approval, listed=listed)


def _is_as_listed(uow: UnitOfWork, one: ApprovalItem) -> bool:
    dataset = uow.datasets.get(one.dataset_id)
    return not one.spent and dataset is not None and dataset.generation == one.generation


def _binding(approval: Approval) -> tuple[int, TeardownReason, str, Waiver]:
    return (approval.generation, approval.reason, approval.requester, approval.concession)


_WAIVER_FACTS: Final[Mapping[Waiver, dict[str, Any]]] = {
    Waiver.NONE: {},
    Waiver.ABANDON_CONNECTOR: {
        "concession": Waiver.ABANDON_CONNECTOR.value,
        "lost": "what is staged",
        "stays": "its connector and its documents stay in Glean, where search may go on finding them",
    },
    Waiver.INCOMPLETE_ARCHIVE: {
        "concession": Waiver.INCOMPLETE_ARCHIVE.value,
        "lost": "its connector in Glean, what search finds of it, and for good the documents that staging lost",
        "incomplete": "what is staged of it is gone or damaged, so the archive will hold only what is left",
    },
}
_CLOSED: Final = {
    ApprovalState.APPROVED: "was approved already",
    ApprovalState.DECLINED: "was declined",
    ApprovalState.USED: "was approved and used",
    ApprovalState.EXPIRED: "has expired",
    ApprovalState.VOID: "is void, because what it is about has changed since it was asked",
}


def with_sweep_context(principal: Principal) -> Principal:
    """The same caller, for what a sweep of theirs takes down: that is nobody's choice, and has caps of its own."""
    return (
        principal
        if principal.call is None
        else replace(principal, call=replace(principal.call, via=f"{SCHEDULE_VIA}:sweep"))
    )
