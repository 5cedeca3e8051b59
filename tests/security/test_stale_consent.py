"""A person's word holds for what they were shown: every change that the specification names voids it.

The changes are those that raise a dataset's generation: of content, status or protection, and every move of its journey
(state, stage, the lapse of its lease, and its renewal after one). The word is an open request, a granted one, or the
answer that comes during the call. After each change the teardown would still be allowed if a person agreed anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.errors import ApprovalClosedError, ConfirmationRequiredError, LifecycleError, StaleDatasetError
from domain.model.approval import ApprovalState
from domain.model.enums import DatasetStatus, JourneyState, Stage, TeardownReason
from domain.model.principal import Principal
from tests.support.world import OPERATOR, AcceptingConfirmer, World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from domain.model.approval import ConfirmationRequest
    from domain.model.dataset import Confirmation, Dataset
    from tests.support.world import Process

    Change = Callable[[Process, Dataset], Awaitable[object]]

AGENT: Final = Principal(subject="agent:ops")
LEE: Final = Principal(subject="person:lee")
MINUTE: Final = timedelta(minutes=1)
LEASE: Final = 5 * MINUTE


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, records=3) as found:
        yield found


async def set_states(process: Process, *states: JourneyState) -> None:
    for each in states:
        await process.services.registry.set_state("j1", each, OPERATOR)


async def pause(process: Process, _dataset: Dataset) -> None:
    await set_states(process, JourneyState.PAUSED)


async def pause_and_resume(process: Process, _dataset: Dataset) -> None:
    await set_states(process, JourneyState.PAUSED, JourneyState.ACTIVE)


async def complete(process: Process, _dataset: Dataset) -> None:
    await set_states(process, JourneyState.COMPLETED)


async def cancel(process: Process, _dataset: Dataset) -> None:
    await set_states(process, JourneyState.CANCELLED)


async def complete_and_open_again(process: Process, _dataset: Dataset) -> None:
    await set_states(process, JourneyState.COMPLETED, JourneyState.ACTIVE)


async def promote(process: Process, _dataset: Dataset) -> None:
    await process.services.registry.promote("j1", Stage.PRODUCTION, OPERATOR)


async def lapse(process: Process, _dataset: Dataset) -> None:
    process.world.clock.ahead += LEASE


async def lapse_and_renew(process: Process, dataset: Dataset) -> None:
    await lapse(process, dataset)
    await set_states(process, JourneyState.ACTIVE)


async def protect_and_give_free(process: Process, dataset: Dataset) -> None:
    until = process.world.clock.now() + timedelta(days=1)
    await process.services.leases.protect_dataset(dataset.dataset_id, until, OPERATOR, person=True)
    await process.services.leases.unprotect_dataset(dataset.dataset_id, OPERATOR, person=True)


async def put(process: Process, dataset_id: str, **changes: Any) -> None:
    stored = await process.load_dataset(dataset_id)
    await process.deps.store.transact(lambda uow: uow.datasets.put(stored.evolve(**changes)))


async def have_other_content_for_a_while(process: Process, dataset: Dataset) -> None:
    assert dataset.content is not None
    await put(process, dataset.dataset_id, content=replace(dataset.content, checksum="another"))
    await put(process, dataset.dataset_id, content=dataset.content)


async def fail_a_check_and_pass_it(process: Process, dataset: Dataset) -> None:
    await put(process, dataset.dataset_id, status=DatasetStatus.VALIDATING)
    await put(process, dataset.dataset_id, status=DatasetStatus.READY)


CHANGES: Final[tuple[Change, ...]] = (
    pause,
    pause_and_resume,
    complete,
    cancel,
    complete_and_open_again,
    promote,
    lapse,
    lapse_and_renew,
    protect_and_give_free,
    have_other_content_for_a_while,
    fail_a_check_and_pass_it,
)
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)


async def create_passed_dataset(process: Process, stage: Stage, then: Stage) -> Dataset:
    """A ready dataset of a stage that its journey, which is active and has a lease, has left."""
    await process.add_client_and_journey(stage=stage)
    dataset = await process.provision(stage=stage)
    await process.services.registry.promote("j1", then, OPERATOR)
    await process.services.leases.renew_lease("j1", LEASE, OPERATOR, person=True)
    return dataset


async def create_pilot_dataset(process: Process, change: Change) -> Dataset:
    """One at pilot, of a journey that is past it, or, where that is the change, is yet to be promoted."""
    if change is not promote:
        return await create_passed_dataset(process, Stage.PILOT, Stage.PRODUCTION)
    await process.add_client_and_journey(stage=Stage.PILOT)
    dataset = await process.provision(stage=Stage.PILOT)
    await process.complete_journey()
    return dataset


async def ask(process: Process, dataset: Dataset, reason: TeardownReason) -> str:
    """Call as an agent does; the id of the request that the call is referred to."""
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await process.tear_down(dataset, reason, AGENT)
    return str(refusal.value.facts["approval_id"])


@each_change
@pytest.mark.parametrize("granted", [False, True], ids=["open", "granted"])
async def test_what_was_asked_or_granted_before_a_change_serves_nothing_after_it(
    world: World, change: Change, *, granted: bool
) -> None:
    reason = TeardownReason.JOURNEY_COMPLETED if change is promote else TeardownReason.STAGE_COMPLETED
    async with world.open_process() as process:
        dataset = await create_pilot_dataset(process, change)
        approvals = process.services.approvals
        before = await ask(process, dataset, reason)
        if granted:
            await approvals.approve(before, LEE, dataset.name)
        await change(process, dataset)
        if not granted:
            with pytest.raises(ApprovalClosedError, match="is void"):
                await approvals.approve(before, LEE, dataset.name)
        after = await ask(process, dataset, reason)
        assert after != before
        assert (await approvals.load(before, LEE)).state is ApprovalState.VOID
        assert (await process.load_dataset(dataset.dataset_id)).status is DatasetStatus.READY
        # A word that is given now serves.
        await approvals.approve(after, LEE, dataset.name)
        assert (await process.tear_down(dataset, reason, AGENT)).status is DatasetStatus.ARCHIVED


class ChangingConfirmer(AcceptingConfirmer):
    """A person who answers yes, while something changes before the answer is there."""

    def __init__(self, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__("elicitation")
        self._happens = happens

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        answer = await super().ask(question)
        await self._happens()
        return answer


@each_change
async def test_an_answer_to_what_changed_meanwhile_serves_nothing(world: World, change: Change) -> None:
    async with world.open_process() as process:
        dataset = await create_passed_dataset(process, Stage.SANDBOX, Stage.PILOT)
        confirmer = ChangingConfirmer(lambda: change(process, dataset))
        with pytest.raises(LifecycleError) as refusal:
            await process.tear_down(dataset, TeardownReason.MANUAL, AGENT, confirmer)
        assert isinstance(refusal.value, ConfirmationRequiredError | StaleDatasetError)
        assert len(confirmer.requests) == 1
        assert (await process.load_dataset(dataset.dataset_id)).status is DatasetStatus.READY
        down = await process.tear_down(
            dataset, TeardownReason.MANUAL, AGENT, AcceptingConfirmer("elicitation")
        )
        assert down.status is DatasetStatus.ARCHIVED


async def test_a_scan_puts_a_lapse_on_record_once_and_so_does_its_end(world: World) -> None:
    async with world.open_process() as process:
        dataset = await create_passed_dataset(process, Stage.PILOT, Stage.PRODUCTION)
        seen = [(await process.load_dataset(dataset.dataset_id)).generation]
        for ahead in (LEASE, MINUTE, -2 * LEASE, MINUTE):
            world.clock.ahead += ahead
            await process.services.orphans.scan(OPERATOR)
            seen.append((await process.load_dataset(dataset.dataset_id)).generation)
    first = seen[0]
    assert seen == [first, first + 1, first + 1, first + 2, first + 2]
