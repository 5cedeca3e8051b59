"""Batch approvals: a sweep above its caps asks once about the whole list, and a person approves exactly that list.

Each dataset of the list is claimed at its listed generation, with every check made again; the claim spends its grant. A
dataset that has changed, or whose teardown is forbidden by now, is left. When a process dies midway, the rest stays
approved: the next sweep, or another approval, continues it. When every dataset was tried, the approval is used.
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
    check_clock,
    clock_refusal,
    confirmation_facts,
    current_approval,
    is_approval_visible,
    new_approval_id,
    read_clock,
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
    """Result of an approved list: the teardowns that were started, and the datasets left, each with the reason."""

    approval: Approval
    taken: tuple[TeardownResult, ...] = ()
    left: tuple[tuple[ApprovalItem, LifecycleError], ...] = ()


class BatchApprovalService:
    """Batch approval service: files the request for a list, and carries out an approved list."""

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
        """File the request for the eligible datasets when they exceed the caps; None when they do not.

        There is one request for one set of datasets, whatever its answer. An open request for another set becomes void.
        """
        now = self._clock.now()
        listed = tuple(map(_listed_dataset, plan.eligible)) if plan.refused else ()
        wanted = {(each.dataset_id, each.generation) for each in listed}

        def save_request(uow: UnitOfWork) -> Approval | None:
            found = None
            for each in _iterate_list_requests(uow):
                approval = current_approval(uow, each, now)
                same = {(one.dataset_id, one.generation) for one in each.listed} == wanted
                if same and approval.state in _OPEN_OR_ANSWERED:
                    found = approval
                elif approval.state is ApprovalState.OPEN:
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
        """The approved lists that can be carried out to their end now, as far as the caller may see them.

        While the clock is in doubt there are none: they stay approved.
        """
        reading = read_clock(self._clock)
        now = reading.at

        def load_approved(uow: UnitOfWork) -> list[Approval]:
            if check_clock(uow, reading):
                return []
            found = [each for each in _iterate_list_requests(uow) if is_approval_visible(each, principal)]
            return [
                each for each in found if current_approval(uow, each, now).state is ApprovalState.APPROVED
            ]

        return await self._store.read(load_approved)

    async def start_approved_teardowns(self, approval: Approval, principal: Principal) -> BatchTeardownResult:
        """Start the teardown of each dataset in an approved list, one claim after another, and of no other.

        Raises OtherPlatformError where the data folder belongs to another platform, and PreconditionUnknownError while
        the clock is in doubt; then the list stays approved.
        """
        await self._store.read(self._teardowns.require_home)
        reading = read_clock(self._clock)
        if doubt := await self._store.read(lambda uow: check_clock(uow, reading)):
            raise clock_refusal(doubt, "The list stays approved, and nothing was taken down.")
        taken: list[TeardownResult] = []
        left: list[tuple[ApprovalItem, LifecycleError]] = []
        for each in approval.listed:
            try:
                taken.append(await self._start_teardown(approval, each, sweep_principal(principal)))
            except StoreFailedError:
                raise  # it is not known whether this claim succeeded, and the others would fail too
            except LifecycleError as error:
                left.append((each, error))

        def mark_used(uow: UnitOfWork) -> Approval:
            stored = require_present(uow.approvals.get(approval.approval_id), "requests are never deleted")
            if stored.state is ApprovalState.APPROVED:
                stored = replace(stored, state=ApprovalState.USED)
                uow.approvals.put(stored)
            return stored

        used = await self._store.transact(mark_used)
        return BatchTeardownResult(approval=used, taken=tuple(taken), left=tuple(left))

    async def wait_for_teardowns(self, begun: BatchTeardownResult) -> BatchTeardownResult:
        """Wait for the end of every teardown that was started; one that stopped is moved to `left`."""
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
        self, approval: Approval, item: ApprovalItem, sweeper: Principal
    ) -> TeardownResult:
        dataset = await self._store.read(lambda uow: uow.datasets.get(item.dataset_id))
        teardown = dataset.teardown if dataset else None
        before = teardown.confirmation if teardown else None
        claimed_before = before is not None and before.approval_id == approval.approval_id
        if dataset is None or (dataset.generation != item.generation and not claimed_before):
            raise StaleDatasetError(
                f"{item.name} has changed since it was approved, so it was left.", dataset_id=item.dataset_id
            )
        return await self._teardowns.start_or_attach(
            item.dataset_id,
            approval.reason,
            sweeper,
            generation=item.generation,
            grant=approval_confirmation(approval, item),
        )

    def _approval_summary(self, plan: SweepPlan, now: datetime) -> Mapping[str, Any]:
        reason = TeardownReason.ORPHANED
        return {
            "dataset": f"{len(plan.eligible)} datasets",
            "stage": ", ".join(dict.fromkeys(each.stage.value for each in plan.eligible)),
            "reason": reason.value,
            "why": plan.refused,
            "lost": "their connectors in Glean, their documents in search, and their staged documents",
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
    """Every request for a list; its own dataset id is empty."""
    return paginate(
        lambda after: uow.approvals.find(dataset_id="", after=after, limit=_PAGE),
        lambda last: last.approval_id,
    )
