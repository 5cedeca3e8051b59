"""Approval requests: filed by calls and sweeps, answered by people, and looked up when a call comes again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain import approvals
from domain.audit import record_audit_entry
from domain.errors import (
    ConfirmationRequiredError,
    DeclinedError,
    InvalidArgumentError,
    StaleDatasetError,
    UnknownApprovalError,
    format_timestamp,
)
from domain.identifiers import closest_names
from domain.requests import Approval, ApprovalOrigin, ApprovalState, ConfirmationRequest
from domain.safety import WAIVER_PHRASES
from domain.vocabulary import TeardownReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from domain.callers import Principal
    from domain.job import Dependencies
    from domain.model import Confirmation, Dataset
    from domain.records import Records

_PAGE: Final = 500
_UNANSWERED: Final = (ApprovalState.OPEN, ApprovalState.APPROVED)


class ApprovalService:
    """Files requests and takes people's answers. Implements `domain.requests.Confirmer`."""

    def __init__(self, deps: Dependencies) -> None:
        """Work with these ports."""
        self._store = deps.store
        self._clock = deps.clock
        self._ids = deps.ids
        self._policy = deps.settings

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """The confirmation that a grant for exactly this question gives.

        Raises DeclinedError when a person said no, ConfirmationRequiredError naming the request when nobody has said
        anything yet; then the request is filed, once. Raises ChangedMeanwhileError when the dataset has changed.
        """
        approval = await self._file_request(question, ApprovalOrigin.CALLER, approvals.APPROVAL_OPEN_FOR)
        if approval.state is ApprovalState.APPROVED:
            return approvals.approval_confirmation(approval)
        dataset = question.dataset
        if approval.state is ApprovalState.DECLINED:
            raise DeclinedError(
                f"A person declined to have {dataset.name} taken down.",
                dataset_id=dataset.dataset_id,
                approval_id=approval.approval_id,
            )
        raise ConfirmationRequiredError(
            f"{dataset.name} ({dataset.stage}) is taken down for the reason {question.reason}"
            f"{WAIVER_PHRASES[question.concession]} only when a person has approved it. They have been asked.",
            how="approval",
            approval_id=approval.approval_id,
            expires_at=format_timestamp(approval.expires_at),
            dataset_id=dataset.dataset_id,
            suggested_action=(
                "Ask the operator: a person looks at what will be lost, and decides on a terminal "
                f"(`dataset-lifecycle approvals approve {approval.approval_id}`). Then make the same call again."
            ),
        )

    async def file_for_sweep(self, dataset: Dataset, principal: Principal) -> Approval:
        """The request to take an orphan down: one a dataset and generation, open until it is answered or void."""
        question = ConfirmationRequest(
            dataset=dataset,
            reason=TeardownReason.ORPHANED,
            requester=approvals.SWEEP_SUBJECT,
            generation=dataset.generation,
            shown=approvals.confirmation_facts(
                dataset, TeardownReason.ORPHANED, self._clock.now(), self._policy
            ),
            principal=principal,
        )
        return await self._file_request(question, ApprovalOrigin.SWEEP, None)

    async def list(self, principal: Principal, *, everything: bool = False) -> Sequence[Approval]:
        """The requests of the clients that the caller may touch, oldest first.

        Only those that wait for an answer, or for the call that uses it, unless `everything`.
        """
        now = self._clock.now()

        def load(records: Records) -> Sequence[Approval]:
            found = [
                approvals.current_approval(records, each, now)
                for each in _iterate_approvals(records, () if everything else _UNANSWERED)
                if approvals.is_approval_visible(each, principal)
            ]
            waiting = [each for each in found if everything or each.state in _UNANSWERED]
            return sorted(waiting, key=lambda each: (each.filed_at, each.approval_id))

        return await self._store.read(load)

    async def load(self, approval_id: str, principal: Principal) -> Approval:
        """One request as it stands. Raises UnknownApprovalError."""
        now = self._clock.now()
        return await self._store.read(lambda records: _find_approval(records, approval_id, principal, now))

    async def load_approvable(self, approval_id: str, principal: Principal) -> Approval:
        """The request, when this person may approve it now.

        Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError.
        """
        approval = await self.load(approval_id, principal)
        approvals.require_can_approve(approval, principal)
        return approval

    async def approve(self, approval_id: str, principal: Principal, typed_name: str) -> Approval:
        """A person says yes, and proves by the request's phrase that they looked; the grant is good for ten minutes.

        Raises as `answerable` does, and InvalidArgumentError for another name.
        """
        now = self._clock.now()

        def decide(records: Records) -> Approval:
            approval = _find_approval(records, approval_id, principal, now)
            approvals.require_can_approve(approval, principal)
            if typed_name != approval.phrase:
                wanted = "what it asks for" if approval.listed else "the name of the dataset that it is about"
                raise InvalidArgumentError(
                    f"What was typed for {approval_id} is not {wanted}; nothing was changed.", field="name"
                )
            answered = approvals.approval_with_grant(approval, principal.subject, now)
            records.put_approval(answered)
            _record_approval_entry(records, principal, "approved", answered)
            return answered

        return await self._store.transact(decide)

    async def decline(self, approval_id: str, principal: Principal) -> Approval:
        """A person says no. Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError."""
        now = self._clock.now()

        def decide(records: Records) -> Approval:
            approval = _find_approval(records, approval_id, principal, now)
            approvals.require_can_answer(approval, principal)
            answered = replace(
                approval, state=ApprovalState.DECLINED, answered_by=principal.subject, answered_at=now
            )
            records.put_approval(answered)
            _record_approval_entry(records, principal, "declined", answered)
            return answered

        return await self._store.transact(decide)

    async def self_approve(self, question: ConfirmationRequest) -> Confirmation:
        """The word of a person on a terminal about what they ask themselves, kept like any other approval."""
        now = self._clock.now()

        def save(records: Records) -> Approval:
            filed = self._build_request(
                records, question, now, ApprovalOrigin.CALLER, approvals.APPROVAL_OPEN_FOR
            )
            answered = approvals.approval_with_grant(filed, question.requester, now)
            records.put_approval(answered)
            _record_approval_entry(records, question.principal, "approved by the one who asks", answered)
            return answered

        return approvals.approval_confirmation(await self._store.transact(save))

    async def _file_request(
        self, question: ConfirmationRequest, origin: ApprovalOrigin, open_for: timedelta | None
    ) -> Approval:
        now = self._clock.now()

        def file(records: Records) -> Approval:
            if origin is ApprovalOrigin.CALLER:
                _require_unchanged(records, question)
            found = approvals.find_matching_approval(records, question, now)
            if found is None:
                found = self._build_request(records, question, now, origin, open_for)
                records.put_approval(found)
                _record_approval_entry(records, question.principal, "approval requested", found)
            return found

        return await self._store.transact(file)

    def _build_request(
        self,
        records: Records,
        question: ConfirmationRequest,
        now: datetime,
        origin: ApprovalOrigin,
        open_for: timedelta | None,
    ) -> Approval:
        return Approval(
            approval_id=approvals.new_approval_id(records, self._ids),
            dataset_id=question.dataset.dataset_id,
            client_id=question.dataset.client_id,
            generation=question.generation,
            reason=question.reason,
            requester=question.requester,
            filed_at=now,
            expires_at=None if open_for is None else now + open_for,
            shown=question.shown,
            origin=origin,
            concession=question.concession,
        )


def _record_approval_entry(
    records: Records, principal: Principal | None, outcome: str, approval: Approval
) -> None:
    """Put on record what became of a request, and what it shows to whoever decides."""
    if principal is None:
        return
    record_audit_entry(
        records,
        principal,
        outcome,
        dataset=records.dataset(approval.dataset_id),
        approval_id=approval.approval_id,
        requester=approval.requester,
        generation=approval.generation,
        shown=dict(approval.shown),
        datasets=[each.dataset_id for each in approval.listed],
    )


def _require_unchanged(records: Records, question: ConfirmationRequest) -> None:
    """Raise ChangedMeanwhileError for a question about a state that has passed: no answer to it could be used."""
    asked = question.dataset
    stands = records.dataset(asked.dataset_id)
    if stands is None or stands.generation != question.generation:
        raise StaleDatasetError(
            f"{asked.name} has changed since it was looked at, so nobody was asked.",
            dataset_id=asked.dataset_id,
        )


def _iterate_approvals(records: Records, states: tuple[ApprovalState, ...]) -> Iterator[Approval]:
    after: str | None = None
    while page := records.approvals(states=states, after=after, limit=_PAGE):
        yield from page
        after = page[-1].approval_id


def _find_approval(records: Records, approval_id: str, principal: Principal, now: datetime) -> Approval:
    approval = records.approval(approval_id)
    if approval is None or not approvals.is_approval_visible(approval, principal):
        seen = [
            each.approval_id
            for each in _iterate_approvals(records, _UNANSWERED)
            if approvals.is_approval_visible(each, principal)
        ]
        msg = f"There is no approval request {approval_id!r}."
        raise UnknownApprovalError(msg, field="approval_id", candidates=closest_names(approval_id, seen))
    return approvals.current_approval(records, approval, now)
