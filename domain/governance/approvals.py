"""Approval service: files approval requests of calls and sweeps, and records the decisions of people."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.errors import (
    ConfirmationRequiredError,
    DeclinedError,
    InvalidArgumentError,
    StaleDatasetError,
    UnknownApprovalError,
    format_timestamp,
)
from domain.model import (
    Approval,
    ApprovalOrigin,
    ApprovalState,
    ConfirmationRequest,
    TeardownReason,
    same_names,
)
from domain.policy import (
    APPROVAL_OPEN_FOR,
    SWEEP_SUBJECT,
    WAIVER_PHRASES,
    approval_confirmation,
    approval_with_grant,
    confirmation_facts,
    current_approval,
    find_matching_approval,
    is_approval_visible,
    new_approval_id,
    record_lapse,
    require_can_answer,
    require_can_approve,
    sweep_principal,
)
from domain.ports import paginate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from domain.lifecycle import TeardownResult, TeardownService
    from domain.model import Confirmation, Dataset, LifecycleSettings, Principal
    from domain.ports import Clock, Ids, Store, UnitOfWork

_PAGE: Final = 500
_UNANSWERED: Final = (ApprovalState.OPEN, ApprovalState.APPROVED)


class ApprovalService:
    """Approval service. Implements `domain.model.approval.Confirmer`."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, settings: LifecycleSettings) -> None:
        """Work with these ports."""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._settings = settings

    async def ask(self, request: ConfirmationRequest) -> Confirmation | None:
        """The confirmation from a grant for exactly this request.

        Raises DeclinedError when a person declined, and StaleDatasetError when the dataset has changed. Raises
        ConfirmationRequiredError, which names the approval request, while it is unanswered; it is filed once.
        """
        approval = await self._file_request(request, ApprovalOrigin.CALLER, APPROVAL_OPEN_FOR)
        if approval.state is ApprovalState.APPROVED:
            return approval_confirmation(approval)
        dataset = request.dataset
        if approval.state is ApprovalState.DECLINED:
            raise _declined_error(dataset, approval)
        raise ConfirmationRequiredError(
            f"{dataset.name} ({dataset.stage}) is taken down for the reason {request.reason}"
            f"{WAIVER_PHRASES[request.concession]} only when a person has approved it. They have been asked.",
            how="approval",
            approval_id=approval.approval_id,
            expires_at=format_timestamp(approval.expires_at),
            dataset_id=dataset.dataset_id,
            suggested_action=(
                "Ask the operator: a person sees what will be lost, and decides on a terminal "
                f"(`dataset-lifecycle approvals approve {approval.approval_id}`). Then make the same call again."
            ),
        )

    async def file_for_sweep(self, dataset: Dataset, principal: Principal) -> Approval:
        """File the request to take an orphan down: one a dataset and generation, open until it is answered or void."""
        request = ConfirmationRequest(
            dataset=dataset,
            reason=TeardownReason.ORPHANED,
            requester=SWEEP_SUBJECT,
            generation=dataset.generation,
            shown=confirmation_facts(dataset, TeardownReason.ORPHANED, self._clock.now(), self._settings),
            principal=principal,
        )
        return await self._file_request(request, ApprovalOrigin.SWEEP, None)

    async def list(
        self, principal: Principal, *, everything: bool = False, after: str | None = None, limit: int = _PAGE
    ) -> Sequence[Approval]:
        """A page of approval requests of the clients that the caller may access, oldest first, after that request.

        Without `everything`, only those that wait for an answer, or for the call that uses the answer.
        """
        now = self._clock.now()
        states = () if everything else _UNANSWERED

        def load_page(uow: UnitOfWork) -> Sequence[Approval]:
            found = paginate(
                lambda behind: uow.approvals.list_oldest(states=states, after=behind, limit=_PAGE),
                lambda last: last.approval_id,
                after,
            )
            current = (
                current_approval(uow, each, now) for each in found if is_approval_visible(each, principal)
            )
            listed = (each for each in current if everything or each.state in _UNANSWERED)
            return list(islice(listed, limit))

        return await self._store.read(load_page)

    async def load(self, approval_id: str, principal: Principal) -> Approval:
        """One request in its current state. Raises UnknownApprovalError."""
        now = self._clock.now()
        return await self._store.read(lambda uow: _find_approval(uow, approval_id, principal, now))

    async def load_approvable(self, approval_id: str, principal: Principal) -> Approval:
        """The request, when this person may approve it now.

        Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError.
        """
        now = self._clock.now()

        def load(uow: UnitOfWork) -> Approval:
            approval = _find_approval_to_answer(uow, approval_id, principal, now)
            require_can_approve(uow, approval, principal)
            return approval

        return await self._store.transact(load)

    async def approve(self, approval_id: str, principal: Principal, typed_name: str) -> Approval:
        """Approve a request. The typed phrase proves that the person has read it; the grant is valid for ten minutes.

        Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError, and InvalidArgumentError for another phrase.
        """
        now = self._clock.now()

        def decide(uow: UnitOfWork) -> Approval:
            approval = _find_approval_to_answer(uow, approval_id, principal, now)
            require_can_approve(uow, approval, principal)
            if typed_name != approval.phrase:
                wanted = "the phrase that it asks for" if approval.listed else "the name of its dataset"
                raise InvalidArgumentError(
                    f"The text typed for {approval_id} is not {wanted}; nothing was changed.", field="name"
                )
            answered = approval_with_grant(approval, principal.subject, now)
            uow.approvals.put(answered)
            _record_approval_entry(uow, principal, "approved", answered)
            return answered

        return await self._store.transact(decide)

    async def decline(self, approval_id: str, principal: Principal) -> Approval:
        """Decline a request. Raises UnknownApprovalError, ForbiddenError, ApprovalClosedError."""
        now = self._clock.now()

        def decide(uow: UnitOfWork) -> Approval:
            approval = _find_approval_to_answer(uow, approval_id, principal, now)
            require_can_answer(uow, approval, principal)
            answered = replace(
                approval, state=ApprovalState.DECLINED, answered_by=principal.subject, answered_at=now
            )
            uow.approvals.put(answered)
            _record_approval_entry(uow, principal, "declined", answered)
            return answered

        return await self._store.transact(decide)

    async def self_approve(self, request: ConfirmationRequest) -> Confirmation:
        """Record the approval of a person on a terminal who asks for the teardown themselves."""
        now = self._clock.now()

        def save(uow: UnitOfWork) -> Approval:
            filed = self._build_request(uow, request, now, ApprovalOrigin.CALLER, APPROVAL_OPEN_FOR)
            answered = approval_with_grant(filed, request.requester, now)
            uow.approvals.put(answered)
            _record_approval_entry(uow, request.principal, "approved by the one who asks", answered)
            return answered

        return approval_confirmation(await self._store.transact(save))

    async def record_decline(self, request: ConfirmationRequest) -> None:
        """Record that the person at the requester's program declined, so that nobody asks them again for a while.

        Raises DeclinedError.
        """
        now = self._clock.now()

        def save(uow: UnitOfWork) -> Approval:
            found = find_matching_approval(uow, request, now) or self._build_request(
                uow, request, now, ApprovalOrigin.CALLER, APPROVAL_OPEN_FOR
            )
            answered = replace(
                found, state=ApprovalState.DECLINED, answered_by=request.requester, answered_at=now
            )
            uow.approvals.put(answered)
            _record_approval_entry(uow, request.principal, "declined", answered)
            return answered

        raise _declined_error(request.dataset, await self._store.transact(save))

    async def _file_request(
        self, request: ConfirmationRequest, origin: ApprovalOrigin, open_for: timedelta | None
    ) -> Approval:
        now = self._clock.now()

        def file(uow: UnitOfWork) -> Approval:
            record_lapse(uow, request.dataset.client_id, request.dataset.journey_id, now)
            if origin is ApprovalOrigin.CALLER:
                _require_unchanged(uow, request)
            found = find_matching_approval(uow, request, now)
            actors = request.principal.actors if request.principal else ()
            if found is not None and not set(actors) <= set(found.actors):
                # Whoever acts in any call that asks for it may not answer it.
                found = replace(
                    found, actors=(*found.actors, *(each for each in actors if each not in found.actors))
                )
                uow.approvals.put(found)
            if found is None:
                found = self._build_request(uow, request, now, origin, open_for)
                uow.approvals.put(found)
                _record_approval_entry(uow, request.principal, "approval requested", found)
            return found

        return await self._store.transact(file)

    def _build_request(
        self,
        uow: UnitOfWork,
        request: ConfirmationRequest,
        now: datetime,
        origin: ApprovalOrigin,
        open_for: timedelta | None,
    ) -> Approval:
        return Approval(
            approval_id=new_approval_id(uow, self._ids),
            dataset_id=request.dataset.dataset_id,
            client_id=request.dataset.client_id,
            generation=request.generation,
            reason=request.reason,
            requester=request.requester,
            filed_at=now,
            expires_at=None if open_for is None else now + open_for,
            shown=request.shown,
            origin=origin,
            concession=request.concession,
            actors=request.principal.actors if request.principal else (),
        )


def _declined_error(dataset: Dataset, approval: Approval) -> DeclinedError:
    again = (
        f"from {format_timestamp(approval.expires_at)} on, or once the dataset has changed"
        if approval.expires_at
        else "once the dataset has changed"
    )
    return DeclinedError(
        f"A person declined the teardown of {dataset.name}. Nothing was changed.",
        dataset_id=dataset.dataset_id,
        approval_id=approval.approval_id,
        suggested_action=f"Leave it. A person can take it down themselves on a terminal; they are asked again {again}.",
    )


def _record_approval_entry(
    uow: UnitOfWork, principal: Principal | None, outcome: str, approval: Approval
) -> None:
    """Record the change of a request in the audit log, with the facts that the person sees."""
    if principal is None:
        return
    record_audit_entry(
        uow,
        principal,
        outcome,
        dataset=uow.datasets.get(approval.dataset_id),
        approval_id=approval.approval_id,
        requester=approval.requester,
        generation=approval.generation,
        shown=dict(approval.shown),
        datasets=[each.dataset_id for each in approval.listed],
    )


def _require_unchanged(uow: UnitOfWork, request: ConfirmationRequest) -> None:
    """Require that the dataset is unchanged: an answer about an earlier state could not be used.

    Raises StaleDatasetError.
    """
    dataset = request.dataset
    stored = uow.datasets.get(dataset.dataset_id)
    if stored is None or stored.generation != request.generation:
        raise StaleDatasetError(
            f"{dataset.name} has changed since it was read, so no person was asked.",
            dataset_id=dataset.dataset_id,
        )


def _iterate_approvals(uow: UnitOfWork, states: tuple[ApprovalState, ...]) -> Iterator[Approval]:
    return paginate(
        lambda after: uow.approvals.find(states=states, after=after, limit=_PAGE),
        lambda last: last.approval_id,
    )


def _find_approval(uow: UnitOfWork, approval_id: str, principal: Principal, now: datetime) -> Approval:
    approval = uow.approvals.get(approval_id)
    if approval is None or not is_approval_visible(approval, principal):
        visible = [
            each.approval_id
            for each in _iterate_approvals(uow, _UNANSWERED)
            if is_approval_visible(each, principal)
        ]
        msg = f"There is no approval request {approval_id!r}."
        raise UnknownApprovalError(msg, field="approval_id", candidates=same_names(approval_id, visible))
    return current_approval(uow, approval, now)


def _find_approval_to_answer(
    uow: UnitOfWork, approval_id: str, principal: Principal, now: datetime
) -> Approval:
    """The request in its state after any lapse of a lease that it depends on. Raises UnknownApprovalError."""
    approval = _find_approval(uow, approval_id, principal, now)
    about = [each.dataset_id for each in approval.listed] or [approval.dataset_id]
    for dataset in filter(None, map(uow.datasets.get, about)):
        record_lapse(uow, dataset.client_id, dataset.journey_id, now)
    return _find_approval(uow, approval_id, principal, now)


async def approve_and_execute(
    approvals: ApprovalService,
    teardowns: TeardownService,
    approval_id: str,
    principal: Principal,
    typed_name: str,
) -> tuple[Approval, TeardownResult | None]:
    """Approve a request, and start the teardown that a sweep has asked for.

    The teardown is None where the caller who asked has to call again, and for a list, which `BatchApprovalService`
    carries out. Raises what `ApprovalService.approve` raises, and the refusal when a check forbids the teardown after
    all; the grant then remains.
    """
    approval = await approvals.approve(approval_id, principal, typed_name)
    if approval.origin is not ApprovalOrigin.SWEEP or approval.listed:
        return approval, None
    return approval, await execute_approved_teardown(teardowns, approval, principal)


async def execute_approved_teardown(
    teardowns: TeardownService, approval: Approval, principal: Principal
) -> TeardownResult:
    """Start the approved teardown as the sweep that asked for it; every check is made again."""
    return await teardowns.start_or_attach(
        approval.dataset_id,
        approval.reason,
        sweep_principal(principal),
        generation=approval.generation,
    )
