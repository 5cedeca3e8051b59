"""A clock that is set forward or back in the middle of a saga ends no wait, and lengthens none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import ProvisionFailedError
from domain.model.enums import DatasetStatus, JourneyState
from server.composition.use_cases import DATASET_SAGAS
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, ShiftedClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.world import Process, World

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
BOUND_S = 20
"""Far more than any of these takes, and far less than any wait that a jump would lengthen."""

either_way = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])


class JumpingClock(ShiftedClock):
    """A clock that is set at every pause: a day forward, two days back, right again; true time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.jumps = 0

    def set(self) -> None:
        """Set the clock wrong, or right again."""
        self.jumps += 1
        self.off = (timedelta(), DAY, -DAY)[self.jumps % 3]

    async def sleep(self, seconds: float) -> None:
        self.set()
        await super().sleep(seconds)


async def provision(process: Process) -> None:
    assert (await process.provision()).status is DatasetStatus.READY


async def compensate(process: Process) -> None:
    glean, clock = process.world.glean, process.world.clock
    glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
    with pytest.raises(ProvisionFailedError, match="Still to be undone") as failure:
        await process.provision()
    dataset_id = str(failure.value.facts["dataset_id"])
    for off in (timedelta(), DAY, -DAY):
        clock.off = off
        assert await process.services.sagas.resume() == 0
    clock.ahead += timedelta(seconds=5)
    assert await process.services.sagas.resume() == 1
    failed, _ = await process.services.sagas.wait(dataset_id, BOUND_S)
    for off in (timedelta(), DAY, -DAY):
        clock.off = off
        clock.ahead += timedelta(seconds=3)
        assert await process.services.sagas.resume() == 0
    glean.faults.clear()
    clock.ahead += timedelta(seconds=1)
    assert await process.services.sagas.resume() == 1
    undone, _ = await process.services.sagas.wait(failed.dataset_id, BOUND_S)
    assert undone.failure is not None
    assert undone.failure.to_undo == ()


async def take_snapshot(process: Process) -> None:
    ready = await process.provision()
    archive = await process.services.snapshots.take(ready.dataset_id, OPERATOR)
    assert archive.dataset_id == ready.dataset_id


async def tear_down(process: Process) -> None:
    ready = await process.provision()
    await process.complete_journey()
    assert (await process.tear_down(ready)).status is DatasetStatus.ARCHIVED


async def restore(process: Process) -> None:
    ready = await process.provision()
    await process.complete_journey()
    down = await process.tear_down(ready)
    await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
    begun = await process.services.restores.start_or_attach(down.dataset_id, "j1", OPERATOR)
    back, _ = await process.services.sagas.wait(begun.dataset.dataset_id, BOUND_S)
    assert back.status is DatasetStatus.READY


async def recheck(process: Process) -> None:
    ready = await process.provision()
    assert (await process.services.datasets.recheck(ready.dataset_id, OPERATOR)).recheck is None


LIVES: dict[str, Callable[[Process], Awaitable[None]]] = {
    "provision": provision,
    "undo": compensate,
    "snapshot": take_snapshot,
    "teardown": tear_down,
    "restore": restore,
    "recheck": recheck,
}


def test_every_kind_of_saga_has_a_life_with_a_clock_that_jumps() -> None:
    assert {each.kind for each in DATASET_SAGAS} - LIVES.keys() == set()


@pytest.mark.parametrize("life", LIVES)
async def test_a_saga_ends_as_ever_while_the_clock_jumps(world: World, life: str) -> None:
    world.clock = clock = JumpingClock()
    async with world.open_process(crash=lambda *_: clock.set()) as process:
        await process.add_client_and_journey()
        with anyio.fail_after(BOUND_S):
            await LIVES[life](process)
    assert clock.jumps > 10


@either_way
async def test_a_caller_waits_as_long_as_it_wants_and_no_longer(world: World, jump: timedelta) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        dataset_id = begun.dataset.dataset_id
        await process.wait_for_step(dataset_id, "index")
        ended = anyio.Event()

        async def wait() -> None:
            await process.services.sagas.wait(dataset_id, 45)
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            world.clock.off += jump
            world.clock.ahead += timedelta(seconds=40)
            with anyio.move_on_after(0.5):
                await ended.wait()
            assert not ended.is_set()
            world.clock.ahead += timedelta(seconds=5)
            with anyio.fail_after(BOUND_S):
                await ended.wait()


@either_way
@pytest.mark.each_dialect
async def test_the_deadline_of_a_sync_outlives_its_process_and_counts_what_has_really_passed(
    world: World, jump: timedelta
) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_step(begun.dataset.dataset_id, "index")
    world.clock.ahead += 20 * MINUTE
    world.clock.off += jump
    async with world.open_process() as process:
        await process.services.sagas.resume()
        with anyio.move_on_after(0.3):
            await process.services.provisioning.wait(begun, None)
        held = await process.load_dataset(begun.dataset.dataset_id)
        assert (held.status, held.run is None) == (DatasetStatus.PROVISIONING, False)
    world.clock.ahead += 11 * MINUTE
    async with world.open_process() as process:
        await process.services.sagas.resume()
        with anyio.fail_after(BOUND_S), pytest.raises(ProvisionFailedError, match="after 0:30:00"):
            await process.services.provisioning.wait(begun, None)
    assert world.active_datasources() == []
