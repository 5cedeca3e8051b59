"""A clock that goes to and fro serves no grace, and while it is in doubt nothing goes that time alone made due."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import PreconditionUnknownError
from domain.governance.approvals import approve_and_execute
from domain.governance.schedules import RunRefusedError
from domain.model.approval import ApprovalState
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, Stage, TeardownReason
from domain.model.principal import Principal
from server.workers.jobs import build_scheduled_jobs
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from domain.connectors import ConnectorMonitor
    from domain.model.dataset import Dataset
    from domain.ports import Json
    from tests.support.world import Process, World

DAY = timedelta(days=1)
LEE = Principal(subject="person:lee")


async def run_job(process: Process, name: str) -> Json:
    """Run a scheduled job as a server does."""
    monitor: ConnectorMonitor = None  # type: ignore[assignment] # these jobs do not monitor
    return await build_scheduled_jobs(process.services, monitor, process.engine.purge)[name]("")


async def take_turn(process: Process) -> None:
    """A scan and a sweep, which may be refused."""
    await run_job(process, "orphan_scan")
    with suppress(RunRefusedError):
        await run_job(process, "orphan_sweep")


async def put_orphan(
    process: Process, *, served: timedelta = 7 * DAY, stage: Stage = Stage.SANDBOX
) -> Dataset:
    """A dataset whose journey is over, with so much grace served."""
    await process.add_client_and_journey(stage=stage)
    dataset = await process.provision(stage=stage)
    await process.complete_journey()
    mark = OrphanMark(
        orphaned_at=process.deps.clock.now(), reason="journey_completed", served=served.total_seconds()
    )
    due = dataset.evolve(orphan=mark)
    await process.deps.store.transact(lambda uow: uow.datasets.put(due))
    return due


async def status_of(process: Process, dataset: Dataset) -> DatasetStatus:
    return (await process.load_dataset(dataset.dataset_id)).status


@pytest.mark.each_store
@pytest.mark.parametrize(
    "offs", [[DAY * (number % 2) for number in range(17)], [30 * DAY * number for number in range(9)]]
)
async def test_a_clock_that_leaps_serves_only_the_seconds_that_passed(
    world: World, offs: list[timedelta]
) -> None:
    async with world.open_process() as process:
        dataset = await put_orphan(process, served=timedelta())
        for off in offs:
            world.clock.off = off
            await take_turn(process)
            world.clock.ahead += timedelta(seconds=2)

        mark = (await process.load_dataset(dataset.dataset_id)).orphan
        assert await status_of(process, dataset) is DatasetStatus.READY
        assert mark is not None
        assert mark.served < 600


async def test_a_scheduled_scan_tells_how_far_the_clock_is_off_and_the_sweep_of_that_turn_is_refused(
    world: World,
) -> None:
    async with world.open_process() as process:
        dataset = await put_orphan(process)
        sound = await run_job(process, "orphan_scan")
        world.clock.off = 2 * DAY
        told = await run_job(process, "orphan_scan")
        with pytest.raises(RunRefusedError, match="the clock of the machine has moved by 2 days"):
            await run_job(process, "orphan_sweep")

        assert "clock_off_s" not in sound
        assert told["clock_off_s"] == 2 * 86_400
        assert await status_of(process, dataset) is DatasetStatus.READY

        world.clock.ahead += DAY
        assert "clock_off_s" not in await run_job(process, "orphan_scan")
        assert (await run_job(process, "orphan_sweep"))["begun"] == 1


async def test_a_teardown_for_being_orphaned_is_refused_inside_the_claim(world: World) -> None:
    async with world.open_process() as process:
        dataset = await put_orphan(process)
        await run_job(process, "orphan_scan")
        world.clock.off = DAY

        with pytest.raises(PreconditionUnknownError) as refusal:
            await process.tear_down(dataset, TeardownReason.ORPHANED)

        assert [check.code for check in refusal.value.blocking] == ["precondition_unknown"]
        assert await status_of(process, dataset) is DatasetStatus.READY
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED  # by what its journey says


async def test_a_teardown_that_was_begun_gives_its_dataset_back(world: World) -> None:
    async with world.open_process() as process:
        dataset = await put_orphan(process)
        await run_job(process, "orphan_scan")
        begun = await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.ORPHANED, OPERATOR
        )
        world.clock.off = DAY
        with pytest.raises(PreconditionUnknownError):
            await process.services.teardowns.wait(begun, 30)

        assert await status_of(process, dataset) is DatasetStatus.READY


async def test_an_approved_list_stays_approved_and_is_carried_out_when_the_clock_is_believed(
    world: World,
) -> None:
    async with world.open_process() as process:
        dataset = await put_orphan(process)
        services = process.services
        await run_job(process, "orphan_scan")
        plan = replace(await services.orphans.plan_sweep(), refused="They are too many.")
        asked = await services.sweep_lists.file_request(plan, OPERATOR)
        assert asked is not None
        world.clock.off = DAY
        granted = await services.approvals.approve(asked.approval_id, LEE, asked.phrase)

        with pytest.raises(PreconditionUnknownError, match=r"The list stays approved, and nothing was taken"):
            await services.sweep_lists.start_approved_teardowns(granted, LEE)
        with pytest.raises(RunRefusedError):
            await run_job(process, "orphan_sweep")
        assert await services.sweep_lists.list_approved(LEE) == []
        kept = await process.deps.store.read(lambda uow: uow.approvals.get(asked.approval_id))
        assert kept is not None
        assert kept.state is ApprovalState.APPROVED
        assert await status_of(process, dataset) is DatasetStatus.READY

        world.clock.off = timedelta()
        assert await services.sweep_lists.list_approved(LEE) == [kept]
        await run_job(process, "orphan_sweep")
        await services.sagas.wait(dataset.dataset_id, 30)
        assert await status_of(process, dataset) is DatasetStatus.ARCHIVED


async def test_what_a_sweep_asked_about_past_sandbox_is_not_taken_either(world: World) -> None:
    async with world.open_process() as process:
        dataset = await put_orphan(process, stage=Stage.PILOT)
        await run_job(process, "orphan_scan")
        assert (await run_job(process, "orphan_sweep"))["asked"] == 1
        [filed] = await process.services.approvals.list(LEE)
        world.clock.off = DAY
        services = process.services

        with pytest.raises(PreconditionUnknownError):
            await approve_and_execute(
                services.approvals, services.teardowns, filed.approval_id, LEE, dataset.name
            )

        assert await status_of(process, dataset) is DatasetStatus.READY
