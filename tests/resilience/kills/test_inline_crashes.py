"""A process that dies anywhere in a saga loses nothing and does nothing twice.

The matrix is made of the sagas' own step lists, so a new step is covered without being named here. After each death the
next process finishes the job, and the world must equal that of a run that was never killed. In `test_saga_kills.py`
real processes are killed by the kernel, in more situations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from domain.errors import LifecycleError, ProvisionFailedError
from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.lifecycle.teardown.saga import TEARDOWN_STEPS
from domain.model.enums import DatasetStatus, JourneyState, Stage, TeardownReason
from domain.model.journey import Journey
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.state_snapshot import take_snapshot
from tests.support.world import OPERATOR, open_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.support.state_snapshot import StateSnapshot
    from tests.support.world import Process, World

    Calm = Callable[[str], Awaitable[StateSnapshot]]

MOMENTS: Final = ("before", "inside", "after")
FORWARD: Final = [(step.name, moment) for step in PROVISION_STEPS for moment in MOMENTS]
DOWN: Final = [(step.name, moment) for step in TEARDOWN_STEPS for moment in MOMENTS]
BACK: Final = [
    (name, moment)
    for name in [*(f"undo {step.name}" for step in PROVISION_STEPS if step.compensation), "settle"]
    for moment in MOMENTS
]


async def take_world_snapshot(place: World, process: Process) -> StateSnapshot:
    return await take_snapshot(
        process.deps.store, place.glean, place.folder / "staging", place.folder / "archives"
    )


async def wait_for_end_or_crash(process: Process) -> None:
    """Wait until the newest saga has ended, or its process has died."""
    await process.engine.wait(list(process.world.journal)[-1], 30)


async def resume_and_wait(process: Process, dataset_id: str) -> None:
    """What any process does at its start, and the wait for its end."""
    await process.services.sagas.resume(respect_backoff=False)
    await process.services.sagas.wait(dataset_id, 30)


async def provision_with_crash(
    folder: Path, death: CrashAt | None, database: str = ""
) -> tuple[StateSnapshot, bool]:
    """Provision, with a death on the way: the picture at the end, and whether the process did die."""
    async with open_world(folder, records=12, database=database) as place:
        async with place.open_process(crash=death) as process:
            await process.add_client_and_journey()
            dataset_id = (await process.start_provision()).dataset.dataset_id
            await wait_for_end_or_crash(process)
            died = process.engine.dead
        async with place.open_process() as process:
            await resume_and_wait(process, dataset_id)
            return await take_world_snapshot(place, process), died


async def failed_provision_with_crash(
    folder: Path, death: CrashAt | None, database: str = ""
) -> tuple[StateSnapshot, bool]:
    """Provision into a failure as late as can be, so that every step is to be undone, with a death on the way."""
    async with open_world(folder, records=12, database=database) as place:
        place.glean.faults.add(Fault(kind="status", operation="health.get", status=403))
        async with place.open_process(crash=death) as process:
            await process.add_client_and_journey()
            dataset_id = (await process.start_provision()).dataset.dataset_id
            await wait_for_end_or_crash(process)
            died = process.engine.dead
        async with place.open_process() as process:
            await resume_and_wait(process, dataset_id)
            with pytest.raises(ProvisionFailedError):
                await process.provision()
            return await take_world_snapshot(place, process), died


async def teardown_with_crash(
    folder: Path, death: CrashAt | None, database: str = ""
) -> tuple[StateSnapshot, bool]:
    """Provision, complete the journey, and take down, with a death on the way."""
    async with open_world(folder, records=12, database=database) as place:
        async with place.open_process() as process:
            await process.add_client_and_journey()
            dataset_id = (await process.provision()).dataset_id
            await process.complete_journey()
        async with place.open_process(crash=death) as process:
            await process.services.teardowns.start_or_attach(
                dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
            )
            await wait_for_end_or_crash(process)
            died = process.engine.dead
        async with place.open_process() as process:
            await resume_and_wait(process, dataset_id)
            return await take_world_snapshot(place, process), died


async def restore_with_crash(
    folder: Path, death: CrashAt | None, database: str = "", fault: Fault | None = None
) -> tuple[StateSnapshot, bool]:
    """Provision, take down, and restore for another journey, with a death on the way."""
    async with open_world(folder, records=12, database=database) as place:
        async with place.open_process() as process:
            await process.add_client_and_journey()
            archived = (await process.provision()).dataset_id
            await process.complete_journey()
            await process.tear_down(archived)
            await process.services.registry.add_journey(
                Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE),
                OPERATOR,
            )
        if fault is not None:
            place.glean.faults.add(fault)
        async with place.open_process(crash=death) as process:
            begun = await process.services.restores.start_or_attach(archived, "j2", OPERATOR)
            await wait_for_end_or_crash(process)
            died = process.engine.dead
        async with place.open_process() as process:
            await resume_and_wait(process, begun.dataset.dataset_id)
            return await take_world_snapshot(place, process), died


async def failed_restore_with_crash(
    folder: Path, death: CrashAt | None, database: str = ""
) -> tuple[StateSnapshot, bool]:
    """Restore into a failure as late as can be, with a death on the way."""
    return await restore_with_crash(
        folder, death, database, Fault(kind="status", operation="health.get", status=403)
    )


RUNS: Final = {
    "provision": provision_with_crash,
    "failed provision": failed_provision_with_crash,
    "teardown": teardown_with_crash,
    "restore": restore_with_crash,
    "failed restore": failed_restore_with_crash,
}


@pytest.fixture(scope="module")
def undisturbed_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """The picture of each run that was never killed, taken once."""
    taken: dict[str, StateSnapshot] = {}

    async def take(run: str) -> StateSnapshot:
        if run not in taken:
            taken[run], _ = await RUNS[run](tmp_path_factory.mktemp("calm"), None)
        return taken[run]

    return take


@pytest.mark.parametrize(
    ("run", "step", "moment"),
    [
        *(("provision", *death) for death in FORWARD),
        *(("failed provision", *death) for death in BACK),
        *(("teardown", *death) for death in DOWN),
        *(("restore", *death) for death in FORWARD),
        *(("failed restore", *death) for death in BACK),
    ],
)
async def test_a_death_anywhere_changes_nothing_in_the_end(
    tmp_path: Path, database: str, undisturbed_snapshot: Calm, run: str, step: str, moment: str
) -> None:
    killed, died = await RUNS[run](tmp_path, CrashAt(step, moment), database)
    assert died
    assert killed == await undisturbed_snapshot(run)


@pytest.mark.each_store
async def test_a_death_between_the_admission_and_the_engine_loses_nothing(
    tmp_path: Path, database: str
) -> None:
    async with open_world(tmp_path, records=12, database=database) as place:
        async with place.open_process() as process:
            await process.add_client_and_journey()

            async def refuse(*_: object) -> None:
                raise BrokenError("the engine never heard of it")

            process.engine.start = refuse  # type: ignore[assignment,method-assign]
            with pytest.raises(BrokenError):
                await process.start_provision()
            assert place.journal == {}
        async with place.open_process() as process:
            assert await process.services.sagas.resume() == 1
            assert (await process.provision()).status is DatasetStatus.READY


async def test_a_saga_whose_last_write_failed_is_started_anew_by_whoever_asks(
    tmp_path: Path, database: str
) -> None:
    async with open_world(tmp_path, records=12, database=database) as place, place.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        ready = await process.load_dataset(begun.dataset.dataset_id)
        # As if the store had refused the very last write of a saga that the engine has as ended.
        await process.deps.store.transact(
            lambda uow: uow.datasets.put(ready.evolve(status=DatasetStatus.VALIDATING, run=begun.dataset.run))
        )
        again = await process.provision()
    assert (again.status, again.run) == (DatasetStatus.READY, None)


class BrokenError(LifecycleError):
    """Something of ours that broke at the worst moment."""

    code = "broken"
