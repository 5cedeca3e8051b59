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

from domain.errors import Recovery, StoreFailedError
from domain.ports import DatasetQuery
from tests.support.polling import wait_for, wait_for_async
from tests.support.resilience.outages.installation import KIM, LIVES
from tests.support.resilience.outages.outages import OUTAGES
from tests.support.saga_steps import install_steps
from tests.support.state_snapshot import snapshot_differences

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.sagas.context import SagaContext
    from domain.lifecycle.sagas.definition import Step
    from tests.resilience.outages.conftest import Placing
    from tests.support.resilience.outages.installation import Installation
    from tests.support.resilience.outages.outages import Outage
    from tests.support.state_snapshot import StateSnapshot
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
class OutageTrigger:
    """Strikes once, at one moment of one step, as soon as it is armed."""

    step: str
    moment: str
    strike: Callable[[], None]
    armed: bool = False
    struck: anyio.Event = field(default_factory=anyio.Event)

    def wrap_step(self, step: Step) -> Step:
        """The step, with the strike in it."""

        async def do(context: SagaContext) -> None:
            if self.moment == "before":
                await self._start_outage()
            await step.action(context)
            if self.moment == "after":
                await self._start_outage()

        return replace(step, action=do) if step.name == self.step else step

    async def _start_outage(self) -> None:
        if self.armed:
            self.armed = False
            await anyio.to_thread.run_sync(self.strike)
            self.struck.set()


@pytest.fixture(scope="module")
def undisturbed_snapshots() -> dict[str, StateSnapshot]:
    """The pictures of calm lives."""
    return {}


async def run_with_outage(
    place: Installation, life: str, striking: OutageTrigger | None = None, outage: Outage | None = None
) -> StateSnapshot:
    """The picture of a life, with an outage in it."""
    async with place.open_process() as services:
        await LIVES[life].prepare(services)
        if striking:
            striking.armed = True
        async with anyio.create_task_group() as callers:
            callers.start_soon(start_saga, LIVES[life].act, services)
            if striking and outage:
                await striking.struck.wait()
                if outage.told:
                    await is_told_to_wait(services)
                await wait_for(lambda: outage.over(place))
                await anyio.to_thread.run_sync(outage.back, place)
        await wait_for_async(partial(wait_until_done, place), 60)
    return await place.take_snapshot()


async def start_saga(act: Callable[[Services], Awaitable[object]], services: Services) -> None:
    with suppress(StoreFailedError):  # whoever begins it may be told to wait, too
        await act(services)


async def is_told_to_wait(services: Services) -> None:
    with pytest.raises(StoreFailedError) as told:
        await services.datasets.list(DatasetQuery(), KIM)
    assert told.value.recovery is Recovery.WAIT


async def wait_until_done(place: Installation) -> bool:
    try:
        return not await anyio.to_thread.run_sync(place.has_unfinished_work)
    except StoreFailedError as error:
        assert error.recovery is Recovery.WAIT  # noqa: PT017 - sometimes there is none
        return False


@pytest.mark.parametrize(
    ("life", "step", "moment", "outage"),
    [case if case in ALWAYS else pytest.param(*case, marks=pytest.mark.exhaustive) for case in CASES],
)
async def test_a_saga_that_loses_its_database_waits_and_ends_as_in_peace(
    installation: Installation,
    make_installation: Placing,
    undisturbed_snapshots: dict[str, StateSnapshot],
    monkeypatch: pytest.MonkeyPatch,
    life: str,
    step: str,
    moment: str,
    outage: str,
) -> None:
    striking = OutageTrigger(step, moment, partial(OUTAGES[outage].go, installation))
    install_steps(striking.wrap_step, monkeypatch.setattr)
    if life not in undisturbed_snapshots:
        async with make_installation("calm") as calm:
            undisturbed_snapshots[life] = await run_with_outage(calm, life)
    found = await run_with_outage(installation, life, striking, OUTAGES[outage])
    assert snapshot_differences(vars(found), vars(undisturbed_snapshots[life])) == []
