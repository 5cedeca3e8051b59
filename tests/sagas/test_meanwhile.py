"""What changes between the admission of a dataset and its being ready."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.errors import ProvisionFailedError, StagingFailedError
from domain.vocabulary import ConnectorStatus, DatasetStatus, DatasetType
from server.adapters.engine.inline import CrashAt
from server.adapters.glean.admin import AdminGlean
from server.sandbox.faults import Fault
from tests.repository import confluence_page, write_template
from tests.stepping_in import Before
from tests.world import ALL, Shifted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.world import World

pytestmark = pytest.mark.each_store

PAGES = DatasetType.CONFLUENCE_PAGES


async def test_an_id_that_is_taken_is_not_given_again(place: World) -> None:
    class Repeating:
        def __init__(self) -> None:
            self.left = ["aaaaaa", "aaaaaa", "bbbbbb"]

        def token(self) -> str:
            return self.left.pop(0)

    async with place.process(replace=lambda outside: replace(outside, ids=Repeating())) as process:
        await process.arrive()
        first = await process.provision()
        await process.complete()
        await process.tear_down(first)
        await process.arrive(journey_id="j2")
        second = await process.provision(journey_id="j2")
    assert (first.dataset_id, second.dataset_id) == (
        "acme-sandbox-confluence-aaaaaa",
        "acme-sandbox-confluence-bbbbbb",
    )


async def test_a_template_that_went_meanwhile_is_said_to_be_gone(place: World) -> None:
    path = write_template(place.repository, PAGES, [confluence_page(1)])
    async with place.process(crash=CrashAt("clear", "after")) as process:
        await process.arrive()
        begun = await process.start()
        await process.services.sagas.wait(begun.dataset.dataset_id, 2)
    path.unlink()
    async with place.process() as process:
        with pytest.raises(ProvisionFailedError, match="no longer in the repository") as failure:
            await process.provision()
    assert (failure.value.facts["step"], failure.value.facts["cause"]) == ("populate", "mock_data_missing")


def write_state(place: World, state: str) -> None:
    place.change(f"update journeys set state = '{state}'")  # noqa: S608  # a word of this file


class Mending(Shifted):
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
async def test_a_journey_that_cannot_be_read_is_waited_for(place: World, state: str) -> None:
    async with place.process(crash=CrashAt("populate", "after")) as process:
        await process.arrive()
        begun = await process.start()
        await process.services.sagas.wait(begun.dataset.dataset_id, 2)
    write_state(place, "zombie")
    clock = Mending(lambda: write_state(place, state))
    async with place.process(replace=lambda outside: replace(outside, clock=clock)) as process:
        await process.services.sagas.resume(patiently=False)
        dataset, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
    assert clock.slept >= 3
    assert dataset.status is (DatasetStatus.READY if state == "active" else DatasetStatus.FAILED)
    assert len(place.glean.datasources()) == (state == "active")


async def test_a_wait_for_an_unreadable_journey_can_be_cancelled(place: World) -> None:
    async with place.process(crash=CrashAt("populate", "after")) as process:
        await process.arrive()
        begun = await process.start()
        await process.services.sagas.wait(begun.dataset.dataset_id, 2)
    write_state(place, "zombie")
    async with place.process() as process:
        await process.services.sagas.cancel(begun.dataset.dataset_id, ALL)
        dataset, _ = await process.services.sagas.wait(begun.dataset.dataset_id, 30)
    assert dataset.failure is not None
    assert (dataset.status, dataset.failure.code, place.staged()) == (DatasetStatus.FAILED, "cancelled", [])


@pytest.mark.each_dialect
async def test_a_first_attempt_that_fails_is_failed_even_when_nothing_of_it_can_be_removed(
    place: World,
) -> None:
    async def stuck() -> None:
        raise StagingFailedError("the folder is read-only")

    looking, removing = place.operation("health.get"), place.operation("datasources.delete")
    met = 0 if place.dialect is AdminGlean else 1  # there, a name that is free is looked at in two ways
    place.glean.faults.add(Fault(kind="status", operation=looking, status=403, skip=met))
    place.glean.faults.add(Fault(kind="status", operation=removing, status=503, times=None))
    async with place.process(
        replace=lambda outside: replace(outside, staging=Before(outside.staging, "remove", stuck))
    ) as process:
        await process.arrive()
        with pytest.raises(ProvisionFailedError, match="Still to be undone: connect, populate") as failure:
            await process.provision()
        assert "served" not in failure.value.message
        failed = await process.look(str(failure.value.facts["dataset_id"]))
        assert (failed.status, failed.content) == (DatasetStatus.FAILED, None)
    place.glean.faults.clear()
    async with place.process() as process:
        await process.services.sagas.resume(patiently=False)
        undone, _ = await process.services.sagas.wait(failed.dataset_id, 30)
        assert undone.failure is not None
        assert (undone.status, undone.failure.to_undo) == (DatasetStatus.FAILED, ())
        assert (place.staged(), place.standing()) == ([], [])
        assert (await process.provision(retry=True)).status is DatasetStatus.READY


async def test_a_connector_that_serves_goes_on_serving_while_a_retry_fails(place: World) -> None:
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with place.process() as process:
        await process.arrive()
        poor = await process.provision()
        place.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await process.provision(retry=True)
        connector = await process.outside.store.read(
            lambda records: records.connector(poor.connector_id or "")
        )
    assert connector is not None
    assert connector.status is ConnectorStatus.HEALTHY
