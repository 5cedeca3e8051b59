"""The life of a dataset, whole, of every type in each of Glean's dialects: what one of them cannot, the answers say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.errors import ProvisionFailedError
from domain.model.enums import ConnectorStatus, DatasetStatus, DatasetType, JourneyState, TeardownReason
from server.adapters.glean.admin.platform import AdminPlatform
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR
from tools.answers.health import health_answer
from tools.answers.teardown import teardown_answer

if TYPE_CHECKING:
    from typing import Any

    from domain.model.dataset import Dataset
    from tests.support.world import Process, World

pytestmark = pytest.mark.each_dialect


async def health(process: Process, dataset: Dataset) -> dict[str, Any]:
    """What `check_connector_health` answers about one dataset."""
    page = await process.services.health.check(OPERATOR, dataset_id=dataset.dataset_id)
    return health_answer(page).model_dump(mode="json", exclude_none=True)


def words(place: World, dataset: Dataset) -> str:
    """A search that finds a document of it."""
    return str(place.glean.documents(place.datasource_name(dataset.name))[0]["title"])


@pytest.mark.parametrize("dataset_type", DatasetType)
async def test_a_dataset_is_made_watched_made_again_taken_down_and_brought_back(
    world: World, dataset_type: DatasetType
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("documents.upload"), status=422)
        )
        with pytest.raises(ProvisionFailedError) as failed:
            await process.provision(dataset_type=dataset_type)
        assert (failed.value.facts["step"], failed.value.facts["cause"]) == ("push", "platform_invalid")
        assert (failed.value.facts["to_undo"], world.staged_files(), world.active_datasources()) == (
            [],
            [],
            [],
        )

        dataset = await process.provision(dataset_type=dataset_type, retry=True)
        assert (dataset.status, dataset.attempt, dataset.record_count) == (DatasetStatus.READY, 2, 30)
        assert len(world.served_document_ids(dataset.name)) == 30
        sought = words(world, dataset)

        told = await health(process, dataset)
        [item] = told["items"]
        assert (item["status"], item["findings"], item["error_count_24h"]) == ("healthy", [], 0)
        assert (told["drift"], item["name"]) == ([], dataset.name)
        assert item["freshness_s"] < 60

        assert (await process.start_provision(dataset_type=dataset_type)).dataset == dataset
        assert await process.provision(dataset_type=dataset_type, retry=True) == dataset

        await process.complete_journey()
        teardowns = process.services.teardowns
        begun = await teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        ended = await teardowns.wait(begun, 30)
        down, gone = teardown_answer(ended).model_dump(mode="json", exclude_none=True), ended.dataset
        assert (down["status"], down["cleanup_verified"]) == ("archived", True)
        if world.dialect is AdminPlatform:
            assert (down["connector_outcome"], "manual_step" in down) == ("deleted", False)
        else:
            assert down["connector_outcome"] == "emptied"
            assert dataset.name in down["manual_step"]
            assert "Extreme measures" in down["manual_step"]
        assert (world.staged_files(), world.active_datasources(), world.glean.search(sought)) == ([], [], [])
        connector = await process.load_connector(gone)
        assert connector.status is ConnectorStatus.DISCONNECTED
        assert (await health(process, gone))["items"][0]["status"] == "disconnected"
        assert (await process.services.health.check(OPERATOR)).items == ()

        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        restored = await process.services.restores.start_or_attach(gone.dataset_id, "j1", OPERATOR)
        back = (await process.services.provisioning.wait(restored, 30)).dataset
        assert (back.status, back.dataset_id != gone.dataset_id) == (DatasetStatus.READY, True)
        assert dataset.content is not None
        assert back.content == replace(dataset.content, attempt=1)
        assert len(world.served_document_ids(back.name)) == 30
        assert world.glean.search(sought)
        assert (await health(process, back))["items"][0]["status"] == "healthy"
    # Single documents have a limit of their own, 600 a minute: nothing is loaded by that call.
    assert {"indexdocument", "indexdocuments"}.isdisjoint(
        operation for operation, _ in world.glean.request_counts()
    )


async def test_four_types_live_side_by_side_and_one_goes_without_the_others(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = {each: await process.provision(dataset_type=each) for each in DatasetType}
        seen = (await process.services.health.check(OPERATOR)).items
        assert {each.connector.name: each.health.findings for each in seen} == {
            each.name: () for each in made.values()
        }
        await process.complete_journey()
        first = made[DatasetType.JIRA_ISSUES]
        await process.tear_down(first, TeardownReason.JOURNEY_COMPLETED)
        left = {each: len(world.served_document_ids(dataset.name)) for each, dataset in made.items()}
    assert left == {each: 0 if each is DatasetType.JIRA_ISSUES else 30 for each in DatasetType}
