"""Whatever our adapters send to Glean's public APIs, and are answered there, Glean's own models hold whole."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from domain.content.documents import Author, encode_document
from domain.errors import ProvisionFailedError
from domain.model.enums import DatasetStatus, DatasetType
from domain.ports import DatasetQuery
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.sandbox.indexing_api.urls import OVERLAP_OPERATION
from tests.support.glean.datasources import (
    MARK,
    datasource_spec,
    indexing_platform,
    neutral_document,
    push_run,
    sync_run,
)
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.glean.official_models import Exchange
    from tests.support.sandbox.embedded import EmbeddedSandbox

LIFE = {
    "adddatasource",
    "getdatasourceconfig",
    "bulkindexdocuments",
    "bulkindexusers",
    "debug.status",
    "debug.documents",
    "checkdocumentaccess",
}
"""What a dataset needs that everybody may read."""


async def test_the_whole_life_of_datasets_of_all_types(
    recorded_exchanges: list[Exchange], tmp_path: Path
) -> None:
    async with (
        open_world(tmp_path, records=12, dialect=IndexingPlatform) as place,
        place.open_process() as process,
    ):
        await process.add_client_and_journey()
        for each in DatasetType:
            place.glean.faults.add(
                Fault(kind="status", operation="bulkindexdocuments", status=400, body="plain", message="no")
            )
            with pytest.raises(ProvisionFailedError):
                await process.provision(dataset_type=each)
            place.glean.faults.add(Fault(kind="drop_after", operation="adddatasource"))
            ready = await process.provision(dataset_type=each, retry=True)
            assert ready.status is DatasetStatus.READY
        await process.services.health.check(OPERATOR)
        await process.complete_journey()
        for dataset in await process.services.datasets.list(DatasetQuery(), OPERATOR):
            await process.tear_down(dataset)
        assert OVERLAP_OPERATION not in {each.operation for each in place.glean.ledger()}

    assert {each.operation for each in recorded_exchanges if each.status == 200} == LIFE
    assert {each.status for each in recorded_exchanges} == {0, 200, 400}


@pytest.mark.parametrize("dataset_type", DatasetType)
async def test_documents_that_only_some_may_read(
    recorded_exchanges: list[Exchange], glean: EmbeddedSandbox, dataset_type: DatasetType
) -> None:
    mira, ada = "mira@acme.example", "ada@acme.example"
    document = neutral_document(1, kind=dataset_type)
    lines = [
        encode_document(document),
        encode_document(
            replace(neutral_document(2, kind=dataset_type), readers=(mira,), author=Author(mira, "Mira"))
        ),
        encode_document(
            replace(neutral_document(3, kind=dataset_type), readers=(mira, ada), created=None, properties={})
        ),
        encode_document(
            replace(
                neutral_document(4, kind=dataset_type),
                id="x" * 300,
                properties={"open": True, "points": 3, "n": 1.5},
            )
        ),
    ]
    async with indexing_platform(glean) as platform:
        handle = await platform.ensure(
            dataclasses.replace(datasource_spec(), kind=dataset_type.connector_kind)
        )
        await push_run(platform, handle, "run-1", lines)
        await sync_run(platform, handle, "run-1")
        assert await platform.is_still_served(handle, datasource_spec().name, lines)
        while await platform.delete_datasource(handle, MARK) is None:
            pass
        assert not await platform.is_still_served(handle, datasource_spec().name, lines)

    assert {each.operation for each in recorded_exchanges if each.status == 200} == LIFE | {"indexuser"}
