"""A saga whose dataset was taken over by another one ends, and what is recorded of it is an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import PlatformUnavailableError
from domain.lifecycle import SagaDefinition, run_saga
from domain.model.dataset import Recheck
from domain.model.enums import TeardownReason
from server.composition.use_cases import DATASET_SAGAS
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports.engine import Json
    from tests.support.world import World


@pytest.mark.parametrize("saga", DATASET_SAGAS, ids=[each.kind for each in DATASET_SAGAS])
async def test_a_saga_that_comes_too_late_to_settle_has_no_exception_recorded(
    world: World, saga: SagaDefinition
) -> None:
    """An exception of ours comes back from the engine's journal as another one, which nobody expects."""
    answers: list[Json] = []

    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        if step in {"list", "settle"}:
            answers.append(await effect())
            return answers[-1]
        return {} if step.startswith("undo") else {"error": PlatformUnavailableError("It is away.").as_dict()}

    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        await run_saga(saga, process.deps, perform, ready.dataset_id, "provision:of-another:1")
        assert await process.load_dataset(ready.dataset_id) == ready
    assert answers[-1] == {"superseded": True}


async def test_a_retry_ends_the_re_check_that_it_overtook(world: World) -> None:
    """The process that was at the re-check died, and whoever takes that up finds a dataset that is being made."""
    world.glean.faults.add(Fault(kind="sync_loses"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        poor = await process.provision()
        now = process.deps.clock.now()
        begun = poor.evolve(recheck=Recheck(requested_at=now, deadline=now.replace(year=now.year + 1)))
        await process.deps.store.transact(lambda uow: uow.datasets.put(begun))
        good = await process.provision(retry=True)
        assert good.recheck is None
        await process.complete_journey()
        await process.tear_down(good, TeardownReason.JOURNEY_COMPLETED)
