"""How long one dataset takes, from the call to READY and from the call to ARCHIVED, against the embedded sandbox.

Everything is as it is in a server: the store, the engine, staging and archives on disk, and Glean over real HTTP. Part
of the time is the sandbox's own, which indexes at a rate of its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from domain.lifecycle.provision.service import ProvisionRequest
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage, TeardownReason
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from server.composition.process import open_services
from server.infra.logging import configure_logging
from server.settings import load_settings
from tests.benchmarks.measure import Row
from tests.support.content.template_repository import confluence_page, write_template

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model.dataset import Dataset
    from tools.services import Services

AGENT: Final = Principal(subject="agent:bench")


def rows(*, quick: bool) -> list[Row]:
    """A dataset of 500 records and one of 10,000, each provisioned and taken down."""
    configure_logging("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(_lives, Path(folder), (500, 2_000) if quick else (500, 10_000))


async def _lives(folder: Path, sizes: tuple[int, ...]) -> list[Row]:
    records = [confluence_page(number) for number in range(max(sizes))]
    write_template(folder / "repository", DatasetType.CONFLUENCE_PAGES, records)
    settings = load_settings(
        {"MOCK_DATA_REPO_PATH": str(folder / "repository")}, data_dir=folder / "data", cwd=folder
    )
    async with open_services(settings, sagas=True) as services:
        return [row for size in sizes for row in await _life(services, size)]


async def _life(services: Services, size: int) -> list[Row]:
    client_id, journey_id = f"client-{size}", f"journey-{size}"
    registry = services.registry
    await registry.add_client(
        Client(client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"),
        AGENT,
    )
    journey = Journey(
        journey_id=journey_id, client_id=client_id, stage=Stage.SANDBOX, state=JourneyState.ACTIVE
    )
    await registry.add_journey(journey, AGENT)
    request = ProvisionRequest(
        client_id=client_id,
        journey_id=journey_id,
        stage=Stage.SANDBOX,
        dataset_type=DatasetType.CONFLUENCE_PAGES,
        record_count=size,
    )

    async def provision() -> Dataset:
        begun = await services.provisioning.start_or_attach(request, AGENT)
        return (await services.provisioning.wait(begun, None)).dataset

    async def tear_down() -> Dataset:
        begun = await services.teardowns.start_or_attach(
            made.dataset_id, TeardownReason.JOURNEY_COMPLETED, AGENT
        )
        return (await services.teardowns.wait(begun, None)).dataset

    made, provisioned = await _time_work(provision, DatasetStatus.READY, f"provision {size:,} records")
    await registry.set_state(journey_id, JourneyState.COMPLETED, AGENT, client_id)
    _, taken_down = await _time_work(tear_down, DatasetStatus.ARCHIVED, f"take {size:,} records down")
    return [provisioned, taken_down]


async def _time_work(
    work: Callable[[], Awaitable[Dataset]], ends: DatasetStatus, what: str
) -> tuple[Dataset, Row]:
    began = time.perf_counter()
    dataset = await work()
    took = time.perf_counter() - began
    assert dataset.status is ends, dataset
    return dataset, Row(what=what, figure=f"{took:.2f} s", beside="embedded sandbox, real HTTP")
