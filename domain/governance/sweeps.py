"""A sweep that would take too much asks once about all of it, and what a person approves is exactly that list.

Each dataset of the list is claimed at the generation that was shown, with every check made again, and the claim uses up
the list's word for it. What has changed or is forbidden by now is left. A process that dies half-way leaves the rest
approved: the next sweep, or approving again, goes on with it. Once every dataset was tried the approval is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from domain.audit import record_audit_entry
from domain.errors import LifecycleError, StaleDatasetError, StoreFailedError, require_present
from domain.model import Approval, ApprovalItem, ApprovalOrigin, ApprovalState, TeardownReason
from domain.policy import (
    SWEEP_SUBJECT,
    approval_confirmation,
    confirmation_facts,
    current_approval,
    is_approval_visible,
    new_approval_id,
    sweep_principal,
)
from domain.ports import paginate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.governance.orphan_facts import SweepPlan
    from domain.lifecycle import TeardownResult, TeardownService
    from domain.model import Dataset, LifecycleSettings, Principal
    from domain.ports import Clock, Ids, Store, UnitOfWork

_PAGE: Final = 100
_OPEN_OR_ANSWERED: Final = frozenset({ApprovalState.OPEN, ApprovalState.APPROVED, ApprovalState.DECLINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTeardownResult:
    """What became of an approved list: the datasets that are taken down, and those that are not, each with why."""

    approval: Approval
    taken: tuple[TeardownResult, ...] = ()
    left: tuple[tuple[ApprovalItem, LifecycleError], ...] = ()


class BatchApprovalService:
    """Files a list, and carries out one that was approved."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, settings: LifecycleSettings, teardowns: TeardownService
    ) -> None:
        """Work with these ports."""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._teardowns = teardowns

    async def file_request(self, plan: SweepPlan, principal: Principal) -> Approval | None:
        """The request about everything that is due, when that is too much for a sweep; None when it is not.

        There is one for one set, whatever was answered to it. An open one for another set is void from now on.
        """
        now = self._clock.now()
        listed = tuple(map(_listed_dataset, plan.eligible)) if plan.refused else ()
        wanted = {(each.dataset_id, each.generation) for each in listed}

        def save_request(uow: UnitOfWork) -> Approval | None:
            found = None
            for each in _iterate_list_requests(uow):
                stands = current_approval(uow, each, now)
                same = {(one.dataset_id, one.generation) for one in each.listed} == wanted
                if same and stands.state in _OPEN_OR_ANSWERED:
                    found = stands
                elif stands.state is ApprovalState.OPEN:
                    uow.approvals.put(replace(each, state=ApprovalState.VOID))
            if found is None and listed:
                found = Approval(
                    approval_id=new_approval_id(uow, self._ids),
                    dataset_id="",
                    client_id="",
                    generation=0,
                    reason=TeardownReason.ORPHANED,
                    requester=SWEEP_SUBJECT,
                    filed_at=now,
                    expires_at=None,
                    shown=self._approval_summary(plan, now),
                    origin=ApprovalOrigin.SWEEP,
                    listed=listed,
                )
                uow.approvals.put(found)
                record_audit_entry(
                    uow,
                    principal,
                    "approval requested",
                    approval_id=found.approval_id,
                    requester=found.requester,
                    shown=dict(found.shown),
                    datasets=[each.dataset_id for each in found.listed],
                )
            return found

        return await self._store.transact(save_request)

    async def list_approved(self, principal: Principal) -> Sequence[Approval]:
        """The lists that were approved and not carried out to their end, of those that the caller is told of."""
        now = self._clock.now()

        def load_approved(uow: UnitOfWork) -> list[Approval]:
            found = [each for each in _iterate_list_requests(uow) if is_approval_visible(each, principal)]
            return [
                each for each in found if current_approval(uow, each, now).state is ApprovalState.APPROVED
            ]

        return await self._store.read(load_approved)

    async def start_approved_teardowns(self, approval: Approval, principal: Principal) -> BatchTeardownResult:
        """Begin to take down what an approved list names and nothing else, one claim after another."""
        taken: list[TeardownResult] = []
        left: list[tuple[ApprovalItem, LifecycleError]] = []
        for each in approval.listed:
            try:
                taken.append(await self._start_teardown(approval, each, sweep_principal(principal)))
            except StoreFailedError:
                raise  # nothing is known of this one, and no other would do better
            except LifecycleError as error:
                left.append((each, error))

        def mark_used(uow: UnitOfWork) -> Approval:
            held = require_present(uow.approvals.get(approval.approval_id), "requests are never deleted")
            if held.state is ApprovalState.APPROVED:
                held = replace(held, state=ApprovalState.USED)
                uow.approvals.put(held)
            return held

        used = await self._store.transact(mark_used)
        return BatchTeardownResult(approval=used, taken=tuple(taken), left=tuple(left))

    async def wait_for_teardowns(self, begun: BatchTeardownResult) -> BatchTeardownResult:
        """Wait for the end of every teardown that was begun; one that stopped is told among what is left."""
        taken: list[TeardownResult] = []
        left = list(begun.left)
        by_id = {each.dataset_id: each for each in begun.approval.listed}
        for each in begun.taken:
            try:
                taken.append(await self._teardowns.wait(each, None))
            except LifecycleError as error:
                left.append((by_id[each.dataset.dataset_id], error))
        return replace(begun, taken=tuple(taken), left=tuple(left))

    async def _start_teardown(
        self, approval: Approval, one: ApprovalItem, sweeper: Principal
    ) -> TeardownResult:
        dataset = await self._store.read(lambda uow: uow.datasets.get(one.dataset_id))
        teardown = dataset.teardown if dataset else None
        before = teardown.confirmation if teardown else None
        claimed_before = before is not None and before.approval_id == approval.approval_id
        if dataset is None or (dataset.generation != one.generation and not claimed_before):
            raise StaleDatasetError(
                f"{one.name} is not what was approved any more, so it is left.", dataset_id=one.dataset_id
            )
        return await self._teardowns.start_or_attach(
            one.dataset_id,
            approval.reason,
            sweeper,
            generation=one.generation,
            grant=approval_confirmation(approval, one),
        )

    def _approval_summary(self, plan: SweepPlan, now: datetime) -> Mapping[str, Any]:
        reason = TeardownReason.ORPHANED
        return {
            "dataset": f"{len(plan.eligible)} datasets",
            "stage": ", ".join(dict.fromkeys(each.stage.value for each in plan.eligible)),
            "reason": reason.value,
            "why": plan.refused,
            "lost": "their connectors in Glean, what search finds of them, and what is staged",
            "datasets": [
                {
                    **confirmation_facts(each, reason, now, self._settings),
                    "generation": each.generation,
                }
                for each in plan.eligible
            ],
        }


def _listed_dataset(dataset: Dataset) -> ApprovalItem:
    return ApprovalItem(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        client_id=dataset.client_id,
        generation=dataset.generation,
    )


def _iterate_list_requests(uow: UnitOfWork) -> Iterator[Approval]:
    """Every request for a list: those are about no single dataset."""
    return paginate(
        lambda after: uow.approvals.find(dataset_id="", after=after, limit=_PAGE),
        lambda last: last.approval_id,
    )
