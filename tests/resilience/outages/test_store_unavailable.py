"""A store that is away at any transaction of a saga is no failure of the saga: it waits, and ends as in peace.

Where a transaction went when its connection was lost is not known: it was never there, it was kept and only the answer
is missing, or it is still on its way and is kept a moment later, when whoever waited has begun anew.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import anyio.lowlevel
import pytest

from domain.errors import LifecycleError, StoreUnavailableError
from domain.lifecycle.sagas.context import SupersededError
from domain.model.enums import JourneyState, Stage, TeardownReason
from domain.model.journey import Journey
from domain.ports import DatasetQuery
from tests.support.resilience.faults.injection import sampled_params
from tests.support.sandbox.faults import Fault
from tests.support.state_snapshot import snapshot_differences, take_snapshot
from tests.support.world import OPERATOR, ShiftedClock, open_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from domain.lifecycle.sagas.context import Dependencies
    from domain.ports import Store, UnitOfWork
    from tests.support.state_snapshot import StateSnapshot
    from tests.support.world import Process, World

WAYS: Final = ("refused", "answer lost", "late")


class InstantClock(ShiftedClock):
    """The machine's clock, whose waits take no time."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()


@dataclass
class UnavailableOnceStore:
    """A store that is away at one transaction of the saga that runs: the `nth`, from its first step on."""

    nth: int
    way: str
    seen: int = -1
    late: list[Callable[[UnitOfWork], Any]] = field(default_factory=list)
    store: Store = field(init=False)

    def before(self, deps: Dependencies) -> Dependencies:
        """Stand before the store."""
        self.store = deps.store
        return replace(deps, store=self)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        return getattr(self.store, name)

    def begin(self, step: str, moment: str) -> None:
        """The saga runs."""
        self.seen = max(self.seen, 0)

    async def transact(self, work: Callable[[UnitOfWork], Any], **how: bool) -> Any:  # noqa: ANN401 - the same
        for each in self.late:
            with suppress(LifecycleError, SupersededError):  # what it meets is nobody's any more
                await self.store.transact(each)
        self.late.clear()
        if self.seen < 0:
            return await self.store.transact(work, **how)
        self.seen += 1
        if self.seen != self.nth:
            return await self.store.transact(work, **how)
        if self.way == "answer lost":
            await self.store.transact(work, **how)
        if self.way == "late":
            self.late.append(work)
        raise StoreUnavailableError("The connection was lost.")


@dataclass(frozen=True)
class SagaScenario:
    """What is done in peace, and the saga after it."""

    prepare: Callable[[World, Process], Awaitable[None]]
    act: Callable[[Process], Awaitable[object]]


async def _prepare_client(place: World, process: Process) -> None:
    await process.add_client_and_journey()


async def _prepare_failure(place: World, process: Process) -> None:
    await process.add_client_and_journey()
    place.glean.faults.add(Fault(kind="status", operation="health.get", status=403))


async def _short(place: World, process: Process) -> None:
    await process.add_client_and_journey()
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await process.provision()


async def _done_with(place: World, process: Process) -> None:
    await process.add_client_and_journey()
    await process.provision()
    await process.complete_journey()


async def _prepare_archive(place: World, process: Process) -> None:
    await _done_with(place, process)
    await process.tear_down(await only(process))
    journey = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(journey, OPERATOR)


async def only(process: Process) -> str:
    [found] = await process.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery()))
    return found.dataset_id


async def _down(process: Process) -> None:
    await process.services.teardowns.start_or_attach(
        await only(process), TeardownReason.JOURNEY_COMPLETED, OPERATOR
    )


async def _back(process: Process) -> None:
    await process.services.restores.start_or_attach(await only(process), "j2", OPERATOR)


LIVES: Final = {
    "provision": SagaScenario(_prepare_client, lambda process: process.start_provision()),
    "failed provision": SagaScenario(_prepare_failure, lambda process: process.start_provision()),
    "retry": SagaScenario(_short, lambda process: process.start_provision(retry=True)),
    "teardown": SagaScenario(_done_with, _down),
    "restore": SagaScenario(_prepare_archive, _back),
}


async def run_with_outage(
    folder: Path, life: str, nth: int, way: str
) -> tuple[StateSnapshot, UnavailableOnceStore, list[float]]:
    """The picture of a life in which the store was away once, the store, and how long was waited."""
    async with open_world(folder, records=12) as place:
        place.clock = clock = InstantClock()
        async with place.open_process() as process:
            await LIVES[life].prepare(place, process)
        clock.slept.clear()
        fickle = UnavailableOnceStore(nth, way)
        async with place.open_process(replace=fickle.before, crash=fickle.begin) as process:
            await LIVES[life].act(process)
            for saga_id in list(place.journal):
                assert await process.engine.wait(saga_id, 30)
            assert [each.error for each in place.journal.values()] == [None] * len(place.journal)
        async with place.open_store() as store:
            taken = await take_snapshot(store, place.glean, folder / "staging", folder / "archives")
    return taken, fickle, clock.slept


MOST: Final = 16
CASES: Final = [(life, nth, way) for life in LIVES for nth in range(1, MOST) for way in WAYS]


@pytest.fixture(scope="module")
def undisturbed_snapshots() -> dict[str, StateSnapshot]:
    """The pictures of lives in which it was never away."""
    return {}


@pytest.mark.parametrize(("life", "nth", "way"), sampled_params(CASES, 16))
async def test_wherever_it_is_away_the_saga_ends_as_in_peace(
    tmp_path: Path, undisturbed_snapshots: dict[str, StateSnapshot], life: str, nth: int, way: str
) -> None:
    if life not in undisturbed_snapshots:
        undisturbed_snapshots[life], counted, slept = await run_with_outage(tmp_path / "calm", life, 0, way)
        assert 2 < counted.seen < MOST
        assert [each for each in slept if each >= 0.05] == []
    found, store, _ = await run_with_outage(tmp_path / "away", life, nth, way)
    assert snapshot_differences(vars(found), vars(undisturbed_snapshots[life])) == []
    assert not store.late


@pytest.mark.parametrize("nth", range(3, 9))
async def test_a_commit_that_arrives_late_does_not_switch_the_content_again(
    tmp_path: Path, undisturbed_snapshots: dict[str, StateSnapshot], nth: int
) -> None:
    if "provision" not in undisturbed_snapshots:
        undisturbed_snapshots["provision"], _, _ = await run_with_outage(
            tmp_path / "calm", "provision", 0, "late"
        )
    found, _, _ = await run_with_outage(tmp_path / "away", "provision", nth, "late")
    assert snapshot_differences(vars(found), vars(undisturbed_snapshots["provision"])) == []
