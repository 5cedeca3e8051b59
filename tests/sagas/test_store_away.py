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

from domain.errors import LifecycleError, StoreAwayError
from domain.model import Journey
from domain.records import DatasetQuery
from domain.saga import SupersededError
from domain.vocabulary import JourneyState, Stage, TeardownReason
from server.sandbox.faults import Fault
from tests import pictures
from tests.faults.striking import some
from tests.world import ALL, Shifted, world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from domain.job import Outside
    from domain.records import Records, Store
    from tests.pictures import Picture
    from tests.world import Process, World

WAYS: Final = ("refused", "answer lost", "late")


class Swift(Shifted):
    """The machine's clock, whose waits take no time."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()


@dataclass
class Fickle:
    """A store that is away at one transaction of the saga that runs: the `nth`, from its first step on."""

    nth: int
    way: str
    seen: int = -1
    late: list[Callable[[Records], Any]] = field(default_factory=list)
    store: Store = field(init=False)

    def before(self, outside: Outside) -> Outside:
        """Stand before the store."""
        self.store = outside.store
        return replace(outside, store=self)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        return getattr(self.store, name)

    def begin(self, step: str, moment: str) -> None:
        """The saga runs."""
        self.seen = max(self.seen, 0)

    async def transact(self, work: Callable[[Records], Any], **how: bool) -> Any:  # noqa: ANN401 - the same
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
        raise StoreAwayError("The connection was lost.")


@dataclass(frozen=True)
class Life:
    """What is done in peace, and the saga after it."""

    prepare: Callable[[World, Process], Awaitable[None]]
    act: Callable[[Process], Awaitable[object]]


async def _arrived(place: World, process: Process) -> None:
    await process.arrive()


async def _doomed(place: World, process: Process) -> None:
    await process.arrive()
    place.glean.faults.add(Fault(kind="status", operation="health.get", status=403))


async def _short(place: World, process: Process) -> None:
    await process.arrive()
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await process.provision()


async def _done_with(place: World, process: Process) -> None:
    await process.arrive()
    await process.provision()
    await process.complete()


async def _archived(place: World, process: Process) -> None:
    await _done_with(place, process)
    await process.tear_down(await only(process))
    journey = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(journey, ALL)


async def only(process: Process) -> str:
    [found] = await process.outside.store.read(lambda records: records.datasets(DatasetQuery()))
    return found.dataset_id


async def _down(process: Process) -> None:
    await process.services.teardowns.start_or_attach(
        await only(process), TeardownReason.JOURNEY_COMPLETED, ALL
    )


async def _back(process: Process) -> None:
    await process.services.restoring.start(await only(process), "j2", ALL)


LIVES: Final = {
    "provision": Life(_arrived, lambda process: process.start()),
    "failed provision": Life(_doomed, lambda process: process.start()),
    "retry": Life(_short, lambda process: process.start(retry=True)),
    "teardown": Life(_done_with, _down),
    "restore": Life(_archived, _back),
}


async def lived(folder: Path, life: str, nth: int, way: str) -> tuple[Picture, Fickle, list[float]]:
    """The picture of a life in which the store was away once, the store, and how long was waited."""
    async with world(folder, records=12) as place:
        place.clock = clock = Swift()
        async with place.process() as process:
            await LIVES[life].prepare(place, process)
        clock.slept.clear()
        fickle = Fickle(nth, way)
        async with place.process(replace=fickle.before, crash=fickle.begin) as process:
            await LIVES[life].act(process)
            for saga_id in list(place.journal):
                assert await process.engine.wait(saga_id, 30)
            assert [each.error for each in place.journal.values()] == [None] * len(place.journal)
        async with place.store() as store:
            taken = await pictures.picture(store, place.glean, folder / "staging", folder / "archives")
    return taken, fickle, clock.slept


MOST: Final = 16
CASES: Final = [(life, nth, way) for life in LIVES for nth in range(1, MOST) for way in WAYS]


@pytest.fixture(scope="module")
def calm() -> dict[str, Picture]:
    """The pictures of lives in which it was never away."""
    return {}


@pytest.mark.parametrize(("life", "nth", "way"), some(CASES, 16))
async def test_wherever_it_is_away_the_saga_ends_as_in_peace(
    tmp_path: Path, calm: dict[str, Picture], life: str, nth: int, way: str
) -> None:
    if life not in calm:
        calm[life], counted, slept = await lived(tmp_path / "calm", life, 0, way)
        assert 2 < counted.seen < MOST
        assert [each for each in slept if each >= 0.05] == []
    found, store, _ = await lived(tmp_path / "away", life, nth, way)
    assert pictures.differences(vars(found), vars(calm[life])) == []
    assert not store.late


@pytest.mark.parametrize("nth", range(3, 9))
async def test_a_commit_that_arrives_late_does_not_switch_the_content_again(
    tmp_path: Path, calm: dict[str, Picture], nth: int
) -> None:
    if "provision" not in calm:
        calm["provision"], _, _ = await lived(tmp_path / "calm", "provision", 0, "late")
    found, _, _ = await lived(tmp_path / "away", "provision", nth, "late")
    assert pictures.differences(vars(found), vars(calm["provision"])) == []
