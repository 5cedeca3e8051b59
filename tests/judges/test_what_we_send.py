"""Whatever our adapters send to Glean's public APIs, and are answered there, Glean's own models hold whole."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from domain.documents import Author, encode
from domain.errors import ProvisionFailedError
from domain.records import DatasetQuery
from domain.vocabulary import DatasetStatus, DatasetType
from server.adapters.glean.indexing import IndexingGlean
from server.sandbox.faults import Fault
from server.sandbox.indexing.addresses import OVERLAP
from tests.gleaning import MARK, finished, indexing, neutral, pushed, source
from tests.world import ALL, world

if TYPE_CHECKING:
    from pathlib import Path

    from server.sandbox.serve import EmbeddedSandbox
    from tests.judges.judging import Exchange

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


async def test_the_whole_life_of_datasets_of_all_types(sent: list[Exchange], tmp_path: Path) -> None:
    async with world(tmp_path, records=12, dialect=IndexingGlean) as place, place.process() as process:
        await process.arrive()
        for each in DatasetType:
            place.glean.faults.add(
                Fault(kind="status", operation="bulkindexdocuments", status=400, body="plain", message="no")
            )
            with pytest.raises(ProvisionFailedError):
                await process.provision(dataset_type=each)
            place.glean.faults.add(Fault(kind="drop_after", operation="adddatasource"))
            ready = await process.provision(dataset_type=each, retry=True)
            assert ready.status is DatasetStatus.READY
        await process.services.health.check(ALL)
        await process.complete()
        for dataset in await process.services.datasets.list(DatasetQuery(), ALL):
            await process.tear_down(dataset)
        assert OVERLAP not in {each.operation for each in place.glean.ledger()}

    assert {each.operation for each in sent if each.status == 200} == LIFE
    assert {each.status for each in sent} == {0, 200, 400}


@pytest.mark.parametrize("dataset_type", DatasetType)
async def test_documents_that_only_some_may_read(
    sent: list[Exchange], glean: EmbeddedSandbox, dataset_type: DatasetType
) -> None:
    mira, ada = "mira@acme.example", "ada@acme.example"
    document = neutral(1, kind=dataset_type)
    lines = [
        encode(document),
        encode(replace(neutral(2, kind=dataset_type), readers=(mira,), author=Author(mira, "Mira"))),
        encode(replace(neutral(3, kind=dataset_type), readers=(mira, ada), created=None, properties={})),
        encode(
            replace(
                neutral(4, kind=dataset_type), id="x" * 300, properties={"open": True, "points": 3, "n": 1.5}
            )
        ),
    ]
    async with indexing(glean) as platform:
        handle = await platform.ensure(dataclasses.replace(source(), kind=dataset_type.connector))
        await pushed(platform, handle, "run-1", lines)
        await finished(platform, handle, "run-1")
        assert await platform.serves(handle, source().name, lines)
        while await platform.remove(handle, MARK) is None:
            pass
        assert not await platform.serves(handle, source().name, lines)

    assert {each.operation for each in sent if each.status == 200} == LIFE | {"indexuser"}
