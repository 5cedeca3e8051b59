"""A sweep that would take too much asks once about all of it, and what a person approves is exactly that list.

Each dataset of the list is claimed at the generation that was shown, with every check made again, and the claim uses up
the list's word for it. What has changed or is forbidden by now is left. A process that dies half-way leaves the rest
approved: the next sweep, or approving again, goes on with it. Once every dataset was tried the approval is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from domain import approvals
from domain.audit import note
from domain.errors import ChangedMeanwhileError, LifecycleError, StoreFailedError
from domain.requests import Approval, ApprovalOrigin, ApprovalState, Listed
from domain.vocabulary import TeardownReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.callers import Caller
    from domain.claims import Teardowns, TornDown
    from domain.job import Outside
    from domain.model import Dataset
    from domain.orphan_facts import SweepPlan
    from domain.records import Records

_PAGE: Final = 100
_SAID: Final = frozenset({ApprovalState.OPEN, ApprovalState.APPROVED, ApprovalState.DECLINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """What became of an approved list: the datasets that are taken down, and those that are not, each with why."""

    approval: Approval
    taken: tuple[TornDown, ...] = ()
    left: tuple[tuple[Listed, LifecycleError], ...] = ()


class SweepLists:
    """Files a list, and carries out one that was approved."""

    def __init__(self, outside: Outside, teardowns: Teardowns) -> None:
        """Work with these ports."""
        self._store = outside.store
        self._clock = outside.clock
        self._ids = outside.ids
        self._policy = outside.policy
        self._teardowns = teardowns

    async def file(self, plan: SweepPlan, caller: Caller) -> Approval | None:
        """The request about everything that is due, when that is too much for a sweep; None when it is not.

        There is one for one set, whatever was answered to it. An open one for another set is void from now on.
        """
        now = self._clock.now()
        listed = tuple(map(_listed, plan.eligible)) if plan.refused else ()
        wanted = {(each.dataset_id, each.generation) for each in listed}

        def keep(records: Records) -> Approval | None:
            found = None
            for each in _lists(records):
                stands = approvals.standing(records, each, now)
                same = {(one.dataset_id, one.generation) for one in each.listed} == wanted
                if same and stands.state in _SAID:
                    found = stands
                elif stands.state is ApprovalState.OPEN:
                    records.put_approval(replace(each, state=ApprovalState.VOID))
            if found is None and listed:
                found = Approval(
                    approval_id=approvals.new_id(records, self._ids),
                    dataset_id="",
                    client_id="",
                    generation=0,
                    reason=TeardownReason.ORPHANED,
                    requester=approvals.SWEEPER,
                    filed_at=now,
                    expires_at=None,
                    shown=self._shown(plan, now),
                    origin=ApprovalOrigin.SWEEP,
                    listed=listed,
                )
                records.put_approval(found)
                note(
                    records,
                    caller,
                    "approval requested",
                    approval_id=found.approval_id,
                    requester=found.requester,
                    shown=dict(found.shown),
                    datasets=[each.dataset_id for each in found.listed],
                )
            return found

        return await self._store.transact(keep)

    async def granted(self, caller: Caller) -> Sequence[Approval]:
        """The lists that were approved and not carried out to their end, of those that the caller is told of."""
        now = self._clock.now()

        def look(records: Records) -> list[Approval]:
            found = [each for each in _lists(records) if approvals.seen_by(each, caller)]
            return [
                each
                for each in found
                if approvals.standing(records, each, now).state is ApprovalState.APPROVED
            ]

        return await self._store.read(look)

    async def carry_out(self, approval: Approval, caller: Caller) -> CarriedOut:
        """Begin to take down what an approved list names and nothing else, one claim after another."""
        taken: list[TornDown] = []
        left: list[tuple[Listed, LifecycleError]] = []
        for each in approval.listed:
            try:
                taken.append(await self._claimed(approval, each, approvals.sweeper(caller)))
            except StoreFailedError:
                raise  # nothing is known of this one, and no other would do better
            except LifecycleError as error:
                left.append((each, error))

        def close(records: Records) -> Approval:
            held = records.approval(approval.approval_id)
            assert held is not None  # noqa: S101 - requests are never deleted
            if held.state is ApprovalState.APPROVED:
                held = replace(held, state=ApprovalState.USED)
                records.put_approval(held)
            return held

        used = await self._store.transact(close)
        return CarriedOut(approval=used, taken=tuple(taken), left=tuple(left))

    async def wait(self, begun: CarriedOut) -> CarriedOut:
        """Wait for the end of every teardown that was begun; one that stopped is told among what is left."""
        taken: list[TornDown] = []
        left = list(begun.left)
        by_id = {each.dataset_id: each for each in begun.approval.listed}
        for each in begun.taken:
            try:
                taken.append(await self._teardowns.wait(each, None))
            except LifecycleError as error:
                left.append((by_id[each.dataset.dataset_id], error))
        return replace(begun, taken=tuple(taken), left=tuple(left))

    async def _claimed(self, approval: Approval, one: Listed, sweeper: Caller) -> TornDown:
        dataset = await self._store.read(lambda records: records.dataset(one.dataset_id))
        teardown = dataset.teardown if dataset else None
        before = teardown.confirmation if teardown else None
        claimed_before = before is not None and before.approval_id == approval.approval_id
        if dataset is None or (dataset.generation != one.generation and not claimed_before):
            raise ChangedMeanwhileError(
                f"{one.name} is not what was approved any more, so it is left.", dataset_id=one.dataset_id
            )
        return await self._teardowns.start_or_attach(
            one.dataset_id,
            approval.reason,
            sweeper,
            generation=one.generation,
            grant=approvals.confirmation(approval, one),
        )

    def _shown(self, plan: SweepPlan, now: datetime) -> Mapping[str, Any]:
        reason = TeardownReason.ORPHANED
        return {
            "dataset": f"{len(plan.eligible)} datasets",
            "stage": ", ".join(dict.fromkeys(each.stage.value for each in plan.eligible)),
            "reason": reason.value,
            "why": plan.refused,
            "lost": "their connectors in Glean, what search finds of them, and what is staged",
            "datasets": [
                {
                    **approvals.shown(each, reason, now, self._policy),
                    "generation": each.generation,
                }
                for each in plan.eligible
            ],
        }


def _listed(dataset: Dataset) -> Listed:
    return Listed(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        client_id=dataset.client_id,
        generation=dataset.generation,
    )


def _lists(records: Records) -> Iterator[Approval]:
    """Every request for a list: those are about no single dataset."""
    after: str | None = None
    while page := records.approvals(dataset_id="", after=after, limit=_PAGE):
        yield from page
        after = page[-1].approval_id
