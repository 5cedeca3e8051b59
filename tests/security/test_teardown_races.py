"""Races, moment by moment: something happens just before one of a teardown's transactions, then before the next.

What happens comes from another process on the same folder. As long as nothing is disconnected, whatever protects the
dataset keeps it; from then on nothing does.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from domain.errors import (
    ApprovalClosedError,
    ConfirmationRequiredError,
    DatasetProtectedError,
    JourneyActiveError,
    LifecycleError,
)
from domain.model.approval import ApprovalState
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage, TeardownReason
from domain.model.principal import Principal
from tests.support.interception import CallInterceptor
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.dataset import Dataset
    from tests.support.world import Process

    Begin = Callable[["RaceSetup", str], Awaitable[tuple[Dataset, TeardownReason]]]
    Happens = Callable[["RaceSetup", Dataset], Awaitable[object]]

AGENT: Final = Principal(subject="agent:ops")
RIVAL: Final = Principal(subject="agent:other")
KIM: Final = Principal(subject="person:kim")
LEE: Final = Principal(subject="person:lee")
PILOT: Final = Stage.PILOT
RECORDS: Final = 3
MOST: Final = 40
"""More transactions than a teardown has."""


class TransactionInterceptor:
    """Waits for the nth transaction of a process, and does what it was told to before it."""

    def __init__(self) -> None:
        self.work: Callable[[], Awaitable[object]] | None = None
        self.left = 0

    def run_before(self, nth: int, work: Callable[[], Awaitable[object]]) -> None:
        self.work, self.left = work, nth

    async def __call__(self) -> None:
        self.left -= 1
        if self.left == 0 and self.work is not None:
            work, self.work = self.work, None
            await work()

    def wrap_dependencies(self, deps: Dependencies) -> Dependencies:
        return replace(deps, store=CallInterceptor(deps.store, "transact", self))


@dataclass
class RaceSetup:
    """Two processes on one folder: in the one a teardown runs, in the other the rest of the world lives."""

    place: World
    first: Process
    other: Process
    intruder: TransactionInterceptor
    runs: int = 0

    async def create_approved_request(self, begin: Begin) -> tuple[Dataset, TeardownReason]:
        """A dataset that would go at the next call, of a client of its own."""
        self.runs += 1
        client = f"client{self.runs}"
        await self.other.add_client_and_journey(client, stage=PILOT)
        dataset, reason = await begin(self, client)
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await self.other.tear_down(dataset, reason, AGENT)
        desk = self.other.services.approvals
        await desk.approve(str(refusal.value.facts["approval_id"]), KIM, dataset.name)
        return dataset, reason

    async def create_pending_request(self) -> tuple[Dataset, str]:
        """A dataset that nobody needs, and the request that waits for a person's word."""
        self.runs += 1
        client = f"client{self.runs}"
        await self.other.add_client_and_journey(client, stage=PILOT)
        dataset, reason = await complete(self, client)
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await self.other.tear_down(dataset, reason, AGENT)
        return dataset, str(refusal.value.facts["approval_id"])

    async def run(self, dataset: Dataset, reason: TeardownReason, nth: int, happens: Happens) -> bool | None:
        """A teardown, before whose nth transaction something happens.

        Tells whether that took place before anything was disconnected; None when there were not so many transactions.
        """
        took_place: list[bool] = []

        async def happen() -> None:
            teardown = (await self.other.load_dataset(dataset.dataset_id)).teardown
            in_time = teardown is None or not teardown.disconnecting
            try:
                await happens(self, dataset)
            except LifecycleError:
                in_time = False  # it was refused: so much is being taken down already
            took_place.append(in_time)

        self.intruder.run_before(nth, happen)
        with suppress(LifecycleError):
            await self.first.tear_down(dataset, reason, AGENT)
        return took_place[0] if took_place else None

    async def states(self, dataset: Dataset) -> list[ApprovalState]:
        """How the requests about a dataset stand, oldest first."""
        known = await self.other.services.approvals.list(OPERATOR, everything=True)
        return [each.state for each in known if each.dataset_id == dataset.dataset_id]

    async def make(self, client: str) -> Dataset:
        return await self.other.provision(client_id=client, stage=PILOT)

    async def state(self, client: str, state: JourneyState) -> None:
        await self.other.services.registry.set_state("j1", state, OPERATOR, client)


@pytest.fixture
async def race(tmp_path: Path) -> AsyncIterator[RaceSetup]:
    intruder = TransactionInterceptor()
    async with (
        open_world(tmp_path, records=RECORDS) as place,
        place.open_process() as other,
        place.open_process(replace=intruder.wrap_dependencies) as first,
    ):
        yield RaceSetup(place=place, first=first, other=other, intruder=intruder)


# --- how it stands when somebody calls ---


async def complete(race: RaceSetup, client: str) -> tuple[Dataset, TeardownReason]:
    dataset = await race.make(client)
    await race.state(client, JourneyState.COMPLETED)
    return dataset, TeardownReason.JOURNEY_COMPLETED


async def let_lapse(race: RaceSetup, client: str) -> tuple[Dataset, TeardownReason]:
    dataset = await race.make(client)
    await race.other.services.leases.renew_lease("j1", timedelta(minutes=1), OPERATOR, client, person=True)
    race.place.clock.ahead += timedelta(minutes=2)
    return dataset, TeardownReason.MANUAL


async def fail_provision(race: RaceSetup, client: str) -> tuple[Dataset, TeardownReason]:
    race.place.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422))
    with pytest.raises(LifecycleError):
        await race.make(client)
    pages = DatasetType.CONFLUENCE_PAGES
    found = await race.other.deps.store.read(lambda uow: uow.datasets.get_live(client, PILOT, pages))
    assert found is not None
    assert found.status is DatasetStatus.FAILED
    return found, TeardownReason.PROVISION_FAILED


# --- what happens meanwhile ---


async def reopen(race: RaceSetup, dataset: Dataset) -> None:
    await race.state(dataset.client_id, JourneyState.ACTIVE)


async def reopened_and_renewed(race: RaceSetup, dataset: Dataset) -> None:
    await race.state(dataset.client_id, JourneyState.ACTIVE)
    hour = timedelta(hours=1)
    await race.other.services.leases.renew_lease("j1", hour, OPERATOR, dataset.client_id, person=True)


async def promote(race: RaceSetup, dataset: Dataset) -> None:
    await race.other.services.registry.promote("j1", Stage.PRODUCTION, OPERATOR, dataset.client_id)


async def protect(race: RaceSetup, dataset: Dataset) -> None:
    until = race.place.clock.now() + timedelta(days=1)
    await race.other.services.leases.protect_dataset(dataset.dataset_id, until, OPERATOR, person=True)


async def retry(race: RaceSetup, dataset: Dataset) -> None:
    await race.other.provision(client_id=dataset.client_id, stage=PILOT, retry=True)


PROTECTING: Final = [
    (complete, reopen),
    (complete, protect),
    (let_lapse, reopened_and_renewed),
    (fail_provision, retry),
]


@pytest.mark.parametrize(("begin", "happens"), PROTECTING, ids=lambda each: each.__name__)
async def test_what_protects_it_before_anything_is_disconnected_keeps_it(
    race: RaceSetup, begin: Begin, happens: Happens
) -> None:
    kept = 0
    for nth in range(1, MOST):
        dataset, reason = await race.create_approved_request(begin)
        took_place = await race.run(dataset, reason, nth, happens)
        now = await race.other.load_dataset(dataset.dataset_id)
        if took_place is None:
            assert now.status is DatasetStatus.ARCHIVED
            break
        if took_place:
            kept += 1
            assert now.status is DatasetStatus.READY
            assert len(race.place.glean.documents(dataset.name)) == RECORDS
            assert any(each.startswith(f"{dataset.dataset_id}/") for each in race.place.staged_files())
        else:
            assert now.status is DatasetStatus.ARCHIVED
    else:
        pytest.fail("a teardown has no end")
    assert kept >= 1


async def test_a_promotion_voids_the_word_until_the_claim_and_does_no_harm_after_it(race: RaceSetup) -> None:
    ends = Counter[tuple[DatasetStatus, ApprovalState]]()
    for nth in range(1, MOST):
        dataset, reason = await race.create_approved_request(complete)
        took_place = await race.run(dataset, reason, nth, promote)
        now = await race.other.load_dataset(dataset.dataset_id)
        if took_place is None:
            break
        ends[now.status, (await race.states(dataset))[0]] += 1
    else:
        pytest.fail("a teardown has no end")
    assert set(ends) == {
        (DatasetStatus.READY, ApprovalState.VOID),
        (DatasetStatus.ARCHIVED, ApprovalState.USED),
    }


async def test_of_two_calls_with_one_grant_one_claims_and_the_other_attaches(race: RaceSetup) -> None:
    """The other process makes the very same call just before each transaction of the first."""

    async def same_call(race: RaceSetup, dataset: Dataset) -> None:
        call = race.other.services.teardowns.start_or_attach
        await call(dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, AGENT)

    for nth in range(1, MOST):
        dataset, reason = await race.create_approved_request(complete)
        took_place = await race.run(dataset, reason, nth, same_call)
        down, _ = await race.other.services.sagas.wait(dataset.dataset_id, 30)
        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        assert down.teardown.run == 1
        used, *asked_too_late = await race.states(dataset)
        assert used is ApprovalState.USED
        assert set(asked_too_late) <= {ApprovalState.VOID}
        if took_place is None:
            return
    pytest.fail("a teardown has no end")


async def test_of_two_grants_for_one_dataset_one_is_used_and_the_other_is_void(race: RaceSetup) -> None:
    dataset, reason = await race.create_approved_request(complete)
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await race.other.tear_down(dataset, TeardownReason.MANUAL, RIVAL)
    await race.other.services.approvals.approve(str(refusal.value.facts["approval_id"]), LEE, dataset.name)

    async def rival(race: RaceSetup, dataset: Dataset) -> None:
        await race.other.tear_down(dataset, TeardownReason.MANUAL, RIVAL)

    await race.run(dataset, reason, 2, rival)
    down = await race.other.load_dataset(dataset.dataset_id)
    assert down.status is DatasetStatus.ARCHIVED
    stand = await race.states(dataset)
    assert (stand.count(ApprovalState.USED), set(stand)) == (1, {ApprovalState.USED, ApprovalState.VOID})


@pytest.mark.parametrize("second", ["approve", "decline"])
async def test_of_two_people_who_answer_at_once_the_first_is_heard(race: RaceSetup, second: str) -> None:
    dataset, approval_id = await race.create_pending_request()
    theirs, ours = race.other.services.approvals, race.first.services.approvals

    async def lee_is_quicker() -> None:
        if second == "approve":
            await theirs.approve(approval_id, LEE, dataset.name)
        else:
            await theirs.decline(approval_id, LEE)

    race.intruder.run_before(1, lee_is_quicker)
    with pytest.raises(ApprovalClosedError):
        await ours.approve(approval_id, KIM, dataset.name)
    held = await ours.load(approval_id, KIM)
    expected = ApprovalState.APPROVED if second == "approve" else ApprovalState.DECLINED
    assert (held.answered_by, held.state) == (LEE.subject, expected)


async def test_a_yes_to_a_dataset_that_has_gone_meanwhile_comes_too_late(race: RaceSetup) -> None:
    dataset, approval_id = await race.create_pending_request()
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await race.other.tear_down(dataset, TeardownReason.MANUAL, RIVAL)
    other_id = str(refusal.value.facts["approval_id"])

    async def it_goes() -> None:
        await race.other.services.approvals.approve(other_id, LEE, dataset.name)
        await race.other.tear_down(dataset, TeardownReason.MANUAL, RIVAL)

    race.intruder.run_before(1, it_goes)
    with pytest.raises(ApprovalClosedError, match="void"):
        await race.first.services.approvals.approve(approval_id, KIM, dataset.name)


@pytest.mark.parametrize("moved", [reopen, protect, promote], ids=lambda each: each.__name__)
async def test_a_yes_counts_for_the_state_that_was_shown_and_all_checks_are_made_again(
    race: RaceSetup, moved: Happens
) -> None:
    """The person decides while the world moves: what they were shown is no more, so their answer is void."""
    dataset, approval_id = await race.create_pending_request()

    async def move() -> None:
        await moved(race, dataset)

    race.intruder.run_before(1, move)
    with pytest.raises(ApprovalClosedError, match="void"):
        await race.first.services.approvals.approve(approval_id, KIM, dataset.name)
    with pytest.raises((JourneyActiveError, DatasetProtectedError, ConfirmationRequiredError)):
        await race.first.tear_down(dataset, TeardownReason.JOURNEY_COMPLETED, AGENT)
    assert (await race.other.load_dataset(dataset.dataset_id)).status is DatasetStatus.READY
