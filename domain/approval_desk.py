"""Approval requests: filed by calls and sweeps, answered by people, and looked up when a call comes again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain import approvals
from domain.audit import note
from domain.errors import (
    ChangedMeanwhileError,
    ConfirmationRequiredError,
    DeclinedError,
    InvalidArgumentError,
    UnknownApprovalError,
    instant,
)
from domain.identifiers import nearest
from domain.requests import Approval, ApprovalOrigin, ApprovalState, Question
from domain.safety import WITHOUT
from domain.vocabulary import TeardownReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from domain.callers import Caller
    from domain.job import Outside
    from domain.model import Confirmation, Dataset
    from domain.records import Records

_PAGE: Final = 500
_UNANSWERED: Final = (ApprovalState.OPEN, ApprovalState.APPROVED)


class Approvals:
    """Files requests and takes people's answers. Implements `domain.requests.Confirmer`."""

    def __init__(self, outside: Outside) -> None:
        """Work with these ports."""
        self._store = outside.store
        self._clock = outside.clock
        self._ids = outside.ids
        self._policy = outside.policy

    async def ask(self, question: Question) -> Confirmation | None:
        """The confirmation that a grant for exactly this question gives.

        Raises DeclinedError when a person said no, ConfirmationRequiredError naming the request when nobody has said
        anything yet; then the request is filed, once. Raises ChangedMeanwhileError when the dataset has changed.
        """
        approval = await self._filed(question, ApprovalOrigin.CALLER, approvals.OPEN_FOR)
        if approval.state is ApprovalState.APPROVED:
            return approvals.confirmation(approval)
        dataset = question.dataset
        if approval.state is ApprovalState.DECLINED:
            raise DeclinedError(
                f"A person declined to have {dataset.name} taken down.",
                dataset_id=dataset.dataset_id,
                approval_id=approval.approval_id,
            )
        raise ConfirmationRequiredError(
            f"{dataset.name} ({dataset.stage}) is taken down for the reason {question.reason}"
            f"{WITHOUT[question.concession]} only when a person has approved it. They have been asked.",
            how="approval",
            approval_id=approval.approval_id,
            expires_at=instant(approval.expires_at),
            dataset_id=dataset.dataset_id,
            suggested_action=(
                "Ask the operator: a person looks at what will be lost, and decides on a terminal "
                f"(`dataset-lifecycle approvals approve {approval.approval_id}`). Then make the same call again."
            ),
        )

    async def file_for_sweep(self, dataset: Dataset, caller: Caller) -> Approval:
        """The request to take an orphan down: one a dataset and generation, open until it is answered or void."""
        question = Question(
            dataset=dataset,
            reason=TeardownReason.ORPHANED,
            requester=approvals.SWEEPER,
            generation=dataset.generation,
            shown=approvals.shown(dataset, TeardownReason.ORPHANED, self._clock.now(), self._policy),
            caller=caller,
        )
        return await self._filed(question, ApprovalOrigin.SWEEP, None)

    async def list(self, caller: Caller, *, everything: bool = False) -> Sequence[Approval]:
        """The requests of the clients that the caller may touch, oldest first.

        Only those that wait for an answer, or for the call that uses it, unless `everything`.
        """
        now = self._clock.now()

        def look(records: Records) -> Sequence[Approval]:
            found = [
                approvals.standing(records, each, now)
                for each in _all(records, () if everything else _UNANSWERED)
                if approvals.seen_by(each, caller)
            ]
            waiting = [each for each in found if everything or each.state in _UNANSWERED]
            return sorted(waiting, key=lambda each: (each.filed_at, each.approval_id))

        return await self._store.read(look)

    async def show(self, approval_id: str, caller: Caller) -> Approval:
        """One request as it stands. Raises UnknownApprovalError."""
        now = self._clock.now()
        return await self._store.read(lambda records: _known(records, approval_id, caller, now))

    async def answerable(self, approval_id: str, caller: Caller) -> Approval:
        """The request, when this person may approve it now.

        Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError.
        """
        approval = await self.show(approval_id, caller)
        approvals.may_approve(approval, caller)
        return approval

    async def approve(self, approval_id: str, caller: Caller, typed_name: str) -> Approval:
        """A person says yes, and proves by the request's phrase that they looked; the grant is good for ten minutes.

        Raises as `answerable` does, and InvalidArgumentError for another name.
        """
        now = self._clock.now()

        def decide(records: Records) -> Approval:
            approval = _known(records, approval_id, caller, now)
            approvals.may_approve(approval, caller)
            if typed_name != approval.phrase:
                wanted = "what it asks for" if approval.listed else "the name of the dataset that it is about"
                raise InvalidArgumentError(
                    f"What was typed for {approval_id} is not {wanted}; nothing was changed.", field="name"
                )
            answered = approvals.granted(approval, caller.subject, now)
            records.put_approval(answered)
            _note(records, caller, "approved", answered)
            return answered

        return await self._store.transact(decide)

    async def decline(self, approval_id: str, caller: Caller) -> Approval:
        """A person says no. Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError."""
        now = self._clock.now()

        def decide(records: Records) -> Approval:
            approval = _known(records, approval_id, caller, now)
            approvals.may_answer(approval, caller)
            answered = replace(
                approval, state=ApprovalState.DECLINED, answered_by=caller.subject, answered_at=now
            )
            records.put_approval(answered)
            _note(records, caller, "declined", answered)
            return answered

        return await self._store.transact(decide)

    async def alone(self, question: Question) -> Confirmation:
        """The word of a person on a terminal about what they ask themselves, kept like any other approval."""
        now = self._clock.now()

        def keep(records: Records) -> Approval:
            filed = self._request(records, question, now, ApprovalOrigin.CALLER, approvals.OPEN_FOR)
            answered = approvals.granted(filed, question.requester, now)
            records.put_approval(answered)
            _note(records, question.caller, "approved by the one who asks", answered)
            return answered

        return approvals.confirmation(await self._store.transact(keep))

    async def _filed(
        self, question: Question, origin: ApprovalOrigin, open_for: timedelta | None
    ) -> Approval:
        now = self._clock.now()

        def file(records: Records) -> Approval:
            if origin is ApprovalOrigin.CALLER:
                _as_it_is(records, question)
            found = approvals.held(records, question, now)
            if found is None:
                found = self._request(records, question, now, origin, open_for)
                records.put_approval(found)
                _note(records, question.caller, "approval requested", found)
            return found

        return await self._store.transact(file)

    def _request(
        self,
        records: Records,
        question: Question,
        now: datetime,
        origin: ApprovalOrigin,
        open_for: timedelta | None,
    ) -> Approval:
        return Approval(
            approval_id=approvals.new_id(records, self._ids),
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


def _note(records: Records, caller: Caller | None, outcome: str, approval: Approval) -> None:
    """Put on record what became of a request, and what it shows to whoever decides."""
    if caller is None:
        return
    note(
        records,
        caller,
        outcome,
        dataset=records.dataset(approval.dataset_id),
        approval_id=approval.approval_id,
        requester=approval.requester,
        generation=approval.generation,
        shown=dict(approval.shown),
        datasets=[each.dataset_id for each in approval.listed],
    )


def _as_it_is(records: Records, question: Question) -> None:
    """Raise ChangedMeanwhileError for a question about a state that has passed: no answer to it could be used."""
    asked = question.dataset
    stands = records.dataset(asked.dataset_id)
    if stands is None or stands.generation != question.generation:
        raise ChangedMeanwhileError(
            f"{asked.name} has changed since it was looked at, so nobody was asked.",
            dataset_id=asked.dataset_id,
        )


def _all(records: Records, states: tuple[ApprovalState, ...]) -> Iterator[Approval]:
    after: str | None = None
    while page := records.approvals(states=states, after=after, limit=_PAGE):
        yield from page
        after = page[-1].approval_id


def _known(records: Records, approval_id: str, caller: Caller, now: datetime) -> Approval:
    approval = records.approval(approval_id)
    if approval is None or not approvals.seen_by(approval, caller):
        seen = [each.approval_id for each in _all(records, _UNANSWERED) if approvals.seen_by(each, caller)]
        msg = f"There is no approval request {approval_id!r}."
        raise UnknownApprovalError(msg, field="approval_id", candidates=nearest(approval_id, seen))
    return approvals.standing(records, approval, now)
