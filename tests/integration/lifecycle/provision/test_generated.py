"""Generated data are provisioned like any other, and are of the day before."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from domain.errors import InvalidArgumentError, ProvisionFailedError, QuotaExceededError
from domain.model.enums import DatasetStatus, DatasetType, DataSource
from domain.policy.provision import ProvisionLimits
from server.composition.use_cases import build_services
from tests.support.content.companies import company_content, write_company
from tests.support.inline_engine import CrashAt
from tests.support.world import OPERATOR, provision_request

if TYPE_CHECKING:
    from tests.support.world import World

GENERATED = DataSource.GENERATED


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.each_dialect
async def test_every_type_becomes_ready_with_its_questions_asked(
    world: World, dataset_type: DatasetType
) -> None:
    write_company(world.repository)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(dataset_type=dataset_type, data_source=GENERATED, record_count=200)
    assert (dataset.status, dataset.data_source, dataset.record_count) == (
        DatasetStatus.READY,
        GENERATED,
        200,
    )
    assert dataset.quality is not None
    assert dataset.quality.score == 100
    if process.deps.platform.capabilities.search:
        assert dataset.quality.readiness is not None
        assert dataset.quality.readiness.asked >= 9
        assert dataset.quality.readiness.unanswered == ()


async def test_the_newest_record_is_of_the_day_before(world: World) -> None:
    write_company(world.repository)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision(data_source=GENERATED)
    (staged,) = [each for each in (world.folder / "staging").rglob("*.jsonl") if each.is_file()]
    newest = max(json.loads(line)["updated"] for line in staged.read_text().splitlines())
    yesterday = world.clock.now().date() - timedelta(days=1)
    assert newest.startswith(yesterday.isoformat())


async def test_without_a_count_it_is_that_of_the_company(world: World) -> None:
    write_company(world.repository)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(data_source=GENERATED)
    assert (dataset.requested_count, dataset.record_count) == (30, 30)


@pytest.mark.parametrize(("wish", "count"), [({}, 30), ({"record_count": 44}, 44)])
async def test_the_own_source_of_a_template_without_records_is_its_generator(
    world: World, wish: dict[str, Any], count: int
) -> None:
    company = write_company(world.repository)
    for path in company.parent.glob("*"):
        if path != company:
            path.unlink()
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(**wish)
    assert (dataset.data_source, dataset.record_count) == (DataSource.MOCK_TEMPLATE, count)
    assert dataset.requested_count == count


async def test_more_than_a_dataset_may_have_is_refused_before_anything_is_made(world: World) -> None:
    write_company(world.repository)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        limited = build_services(
            process.deps, process.engine, limits=ProvisionLimits(records_per_dataset=100)
        )
        wish = provision_request(data_source=GENERATED, record_count=101)
        with pytest.raises(QuotaExceededError):
            await limited.provisioning.start_or_attach(wish, OPERATOR)
    assert world.staged_files() == []


async def test_a_provision_that_was_killed_while_it_populated_makes_the_same(world: World) -> None:
    write_company(world.repository)
    async with world.open_process(crash=CrashAt("populate", "after")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision(data_source=GENERATED)
        await process.wait_for_crash()
    async with world.open_process() as process:
        attached = await process.provision(data_source=GENERATED)
    assert attached.dataset_id == begun.dataset.dataset_id
    assert (attached.status, attached.record_count, attached.attempt) == (DatasetStatus.READY, 30, 1)


async def test_a_generator_that_vanished_before_its_data_were_made_fails_the_provision(world: World) -> None:
    company = write_company(world.repository)
    async with world.open_process(crash=CrashAt("populate", "before")) as process:
        await process.add_client_and_journey()
        await process.start_provision(data_source=GENERATED)
        await process.wait_for_crash()
    company.unlink()
    async with world.open_process() as process:
        with pytest.raises(ProvisionFailedError, match="no longer has a generator"):
            await process.provision(data_source=GENERATED)
    assert world.staged_files() == []


async def test_a_company_that_vanished_fails_the_provision_and_a_retry_takes_the_records(
    world: World,
) -> None:
    company = write_company(world.repository)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        company.write_text(yaml.safe_dump(company_content(domain="fernhill.com")))
        with pytest.raises(ProvisionFailedError, match="domain must be reserved"):
            await process.provision(data_source=GENERATED, record_count=2000)
        company.unlink()
        with pytest.raises(InvalidArgumentError, match="has no generator"):
            await process.start_provision(data_source=GENERATED, record_count=20, retry=True)
        retried = await process.provision(data_source=DataSource.MOCK_TEMPLATE, retry=True)
    assert (retried.status, retried.data_source) == (DatasetStatus.READY, DataSource.MOCK_TEMPLATE)
    assert 0 < retried.record_count < 2000  # the records' own number, not that of the generated data
