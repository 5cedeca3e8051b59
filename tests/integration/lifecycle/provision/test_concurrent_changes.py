"""What changes between the admission of a dataset and its being ready."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.errors import ProvisionFailedError, StagingFailedError
from domain.model.enums import ConnectorStatus, DatasetStatus, DatasetType
from server.adapters.glean.admin.platform import AdminPlatform
from tests.support.content.template_repository import confluence_page, write_template
from tests.support.inline_engine import CrashAt
from tests.support.interception import CallInterceptor
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, ShiftedClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

pytestmark = pytest.mark.each_store

PAGES = DatasetType.CONFLUENCE_PAGES


async def test_an_id_that_is_taken_is_not_given_again(world: World) -> None:
    class Repeating:
        def __init__(self) -> None:
            self.left = ["aaaaaa", "aaaaaa", "bbbbbb"]

        def token(self) -> str:
            return self.left.pop(0)

    async with world.open_process(replace=lambda deps: replace(deps, ids=Repeating())) as process:
        await process.add_client_and_journey()
        first = await process.provision()
        await process.complete_journey()
        await process.tear_down(first)
        await process.add_client_and_journey(journey_id="j2")
        second = await process.provision(journey_id="j2")
    assert (first.dataset_id, second.dataset_id) == (
        "acme-sandbox-confluence-aaaaaa",
        "acme-sandbox-confluence-bbbbbb",
    )


async def test_a_template_that_went_meanwhile_is_said_to_be_gone(world: World) -> None:
    path = write_template(world.repository, PAGES, [confluence_page(1)])
    async with world.open_process(crash=CrashAt("clear", "after")) as process:
        await process.add_client_and_journey()
        await process.start_provision()
        await process.wait_for_crash()
    path.unlink()
    async with world.open_process() as process:
        with pytest.raises(ProvisionFailedError, match="no longer in the repository") as failure:
            await process.provision()
    assert (failure.value.facts["step"], failure.value.facts["cause"]) == ("populate", "mock_data_missing")


def write_state(place: World, state: str) -> None:
    place.execute_sql(f"update journeys set state = '{state}'")  # noqa: S608  # a word of this file


class RepairingClock(ShiftedClock):
    """A clock on which a sleep is over at once, and something is mended in the third."""

    def __init__(self, mend: Callable[[], object]) -> None:
        super().__init__()
        self.slept = 0
        self._mend = mend

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        if self.slept == 3:
            self._mend()


@pytest.mark.parametrize("state", ["active", "completed"])
async def test_a_journey_that_cannot_be_read_is_waited_for(world: World, state: str) -> None:
    async with world.open_process(crash=CrashAt("populate", "after")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_crash()
    write_state(world, "zombie")
    clock = RepairingClock(lambda: write_state(world, state))
    async with world.open_process(replace=lambda deps: replace(deps, clock=clock)) as process:
        await process.services.sagas.resume(respect_backoff=False)
        dataset, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
    assert clock.slept >= 3
    assert dataset.status is (DatasetStatus.READY if state == "active" else DatasetStatus.FAILED)
    assert len(world.glean.datasources()) == (state == "active")


async def test_a_wait_for_an_unreadable_journey_can_be_cancelled(world: World) -> None:
    async with world.open_process(crash=CrashAt("populate", "after")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_crash()
    write_state(world, "zombie")
    async with world.open_process() as process:
        await process.services.sagas.cancel(begun.dataset.dataset_id, OPERATOR)
        dataset, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
    assert dataset.failure is not None
    assert (dataset.status, dataset.failure.code, world.staged_files()) == (
        DatasetStatus.FAILED,
        "cancelled",
        [],
    )


@pytest.mark.each_dialect
async def test_a_first_attempt_that_fails_is_failed_even_when_nothing_of_it_can_be_removed(
    world: World,
) -> None:
    async def stuck() -> None:
        raise StagingFailedError("the folder is read-only")

    looking, removing = world.operation_name("health.get"), world.operation_name("datasources.delete")
    met = 0 if world.dialect is AdminPlatform else 1  # there, a name that is free is looked at in two ways
    world.glean.faults.add(Fault(kind="status", operation=looking, status=403, skip=met))
    world.glean.faults.add(Fault(kind="status", operation=removing, status=503, times=None))
    async with world.open_process(
        replace=lambda deps: replace(deps, staging=CallInterceptor(deps.staging, "delete", stuck))
    ) as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError, match="Still to be undone: connect, populate") as failure:
            await process.provision()
        assert "served" not in failure.value.message
        failed = await process.load_dataset(str(failure.value.facts["dataset_id"]))
        assert (failed.status, failed.content) == (DatasetStatus.FAILED, None)
    world.glean.faults.clear()
    async with world.open_process() as process:
        await process.services.sagas.resume(respect_backoff=False)
        undone, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        assert undone.failure is not None
        assert (undone.status, undone.failure.to_undo) == (DatasetStatus.FAILED, ())
        assert (world.staged_files(), world.active_datasources()) == ([], [])
        assert (await process.provision(retry=True)).status is DatasetStatus.READY


async def test_a_connector_that_serves_goes_on_serving_while_a_retry_fails(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        poor = await process.provision()
        world.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await process.provision(retry=True)
        connector = await process.deps.store.read(lambda uow: uow.connectors.get(poor.connector_id or ""))
    assert connector is not None
    assert connector.status is ConnectorStatus.HEALTHY
