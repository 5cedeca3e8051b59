"""A database that goes away in the middle of a saga and comes back: the saga waits, and ends as in a calm run."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
import pytest

from domain import provisioning, teardown
from domain.errors import Recovery, StoreFailedError
from domain.records import DatasetQuery
from tests.away.outages import OUTAGES
from tests.away.stage import KIM, LIVES
from tests.pictures import differences
from tests.waiting import eventually, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.job import Job
    from domain.saga import Step
    from tests.away.conftest import Placing
    from tests.away.outages import Outage
    from tests.away.stage import Place
    from tests.pictures import Picture
    from tools.services import Services

MOMENTS: Final = ("before", "after")
CASES: Final = [
    (life, step, moment, outage)
    for life, each in LIVES.items()
    for step in each.steps
    for moment in MOMENTS
    for outage in OUTAGES
]
ALWAYS: Final = {
    random.Random(f"{life} {outage}").choice([case for case in CASES if (case[0], case[3]) == (life, outage)])
    for life, outage in (
        ("provision", "crashed"),
        ("teardown", "out of reach"),
        ("provision", "silent"),
        ("teardown", "answers to commits lost"),
    )
}
"""At which step of theirs is drawn."""


@dataclass
class Striking:
    """Strikes once, at one moment of one step, as soon as it is armed."""

    step: str
    moment: str
    strike: Callable[[], None]
    armed: bool = False
    struck: anyio.Event = field(default_factory=anyio.Event)

    def before(self, step: Step[Job]) -> Step[Job]:
        """The step, with the strike in it."""

        async def do(job: Job) -> None:
            if self.moment == "before":
                await self._strike()
            await step.do(job)
            if self.moment == "after":
                await self._strike()

        return replace(step, do=do) if step.name == self.step else step

    async def _strike(self) -> None:
        if self.armed:
            self.armed = False
            await anyio.to_thread.run_sync(self.strike)
            self.struck.set()


@pytest.fixture(scope="module")
def taken() -> dict[str, Picture]:
    """The pictures of calm lives."""
    return {}


async def lived(
    place: Place, life: str, striking: Striking | None = None, outage: Outage | None = None
) -> Picture:
    """The picture of a life, with an outage in it."""
    async with place.process() as services:
        await LIVES[life].prepare(services)
        if striking:
            striking.armed = True
        async with anyio.create_task_group() as callers:
            callers.start_soon(begun, LIVES[life].act, services)
            if striking and outage:
                await striking.struck.wait()
                if outage.told:
                    await told_to_wait(services)
                await eventually(lambda: outage.over(place))
                await anyio.to_thread.run_sync(outage.back, place)
        await until(partial(over, place), 60)
    return await place.picture()


async def begun(act: Callable[[Services], Awaitable[object]], services: Services) -> None:
    with suppress(StoreFailedError):  # whoever begins it may be told to wait, too
        await act(services)


async def told_to_wait(services: Services) -> None:
    with pytest.raises(StoreFailedError) as told:
        await services.datasets.list(DatasetQuery(), KIM)
    assert told.value.recovery is Recovery.WAIT


async def over(place: Place) -> bool:
    try:
        return not await anyio.to_thread.run_sync(place.left)
    except StoreFailedError as error:
        assert error.recovery is Recovery.WAIT  # noqa: PT017 - sometimes there is none
        return False


@pytest.mark.parametrize(
    ("life", "step", "moment", "outage"),
    [case if case in ALWAYS else pytest.param(*case, marks=pytest.mark.exhaustive) for case in CASES],
)
async def test_a_saga_that_loses_its_database_waits_and_ends_as_in_peace(
    place: Place,
    placing: Placing,
    taken: dict[str, Picture],
    monkeypatch: pytest.MonkeyPatch,
    life: str,
    step: str,
    moment: str,
    outage: str,
) -> None:
    striking = Striking(step, moment, partial(OUTAGES[outage].go, place))
    for module, name in ((provisioning, "PROVISION"), (teardown, "TEARDOWN")):
        monkeypatch.setattr(module, name, tuple(map(striking.before, getattr(module, name))))
    if life not in taken:
        async with placing("calm") as calm:
            taken[life] = await lived(calm, life)
    found = await lived(place, life, striking, OUTAGES[outage])
    assert differences(vars(found), vars(taken[life])) == []
