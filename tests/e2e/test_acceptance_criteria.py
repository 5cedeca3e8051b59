"""The mission's acceptance criteria: the whole product as it is composed, the bundled catalogue, and real HTTP."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import jsonschema_rs
import pytest

from domain.errors import ConfirmationRequiredError
from domain.lifecycle.provision.service import ProvisionRequest
from domain.model.enums import (
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    JourneyState,
    Stage,
    TeardownReason,
)
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.ports import DatasetQuery
from server.adapters.glean.admin.documents import admin_document_schema
from server.composition.glean.platform import sandbox_path
from server.composition.process import open_services
from server.settings import load_settings
from tests.support.content.companies import latest_incident
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.world import ApprovingConfirmer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.model.dataset import Dataset
    from server.settings import Settings
    from tools.services import Services

AGENT = Principal(subject="agent:journey")
RECORDS = 500


@dataclass
class Installation:
    """The running services, and the sandbox that they serve, seen from inside."""

    services: Services
    settings: Settings
    glean: Sandbox

    async def add_client_and_journey(self, stage: Stage = Stage.SANDBOX) -> None:
        """ACME, a fintech that looks at developer productivity, with an active journey."""
        await self.services.registry.add_client(
            Client(client_id="ACME", name="Acme Bank", industry="fintech", use_case="developer_productivity"),
            AGENT,
        )
        await self.services.registry.add_journey(
            Journey(journey_id="spring-demo", client_id="ACME", stage=stage, state=JourneyState.ACTIVE), AGENT
        )

    async def provision(
        self, dataset_type: DatasetType, stage: Stage = Stage.SANDBOX, record_count: int | None = None
    ) -> Dataset:
        """One dataset, to the end."""
        request = ProvisionRequest(
            client_id="ACME",
            journey_id="spring-demo",
            stage=stage,
            dataset_type=dataset_type,
            record_count=record_count,
        )
        begun = await self.services.provisioning.start_or_attach(request, AGENT)
        return (await self.services.provisioning.wait(begun, 60)).dataset

    async def provision_all(
        self, stage: Stage = Stage.SANDBOX, record_count: int | None = None
    ) -> dict[DatasetType, Dataset]:
        """All four types at once."""
        made: dict[DatasetType, Dataset] = {}

        async def make(dataset_type: DatasetType) -> None:
            made[dataset_type] = await self.provision(dataset_type, stage, record_count)

        async with anyio.create_task_group() as tasks:
            for each in DatasetType:
                tasks.start_soon(make, each)
        return made

    async def tear_down(self, dataset: Dataset, reason: TeardownReason, *, approved: bool = False) -> Dataset:
        """One teardown, to the end; past sandbox with another person's approval."""
        begun = await self.services.teardowns.start_or_attach(
            dataset.dataset_id,
            reason,
            AGENT,
            ApprovingConfirmer(self.services.approvals) if approved else None,
        )
        return (await self.services.teardowns.wait(begun, 60)).dataset


@asynccontextmanager
async def open_installation(folder: Path, database: str) -> AsyncIterator[Installation]:
    """The product on embedded defaults, in a folder of its own; or on a database, with a Glean for all replicas."""
    if not database:
        settings = load_settings({}, data_dir=folder, cwd=folder)
        async with open_services(settings, sagas=True) as services:
            with Sandbox.open(sandbox_path(settings)) as glean:
                yield Installation(services=services, settings=settings, glean=glean)
        return
    configured = {
        "glean": {"requests_per_second": 1000},
        "connectors": {each.value: {"credential": "their-token"} for each in DatasetType},
    }
    (folder / "sdlc_config.yaml").write_text(json.dumps({"dataops": configured}))
    async with EmbeddedSandbox(folder / "theirs.sqlite", token="their-key") as theirs:
        environ = {
            "GLEAN_API_KEY": "their-key",
            "GLEAN_BASE_URL": theirs.base_url,
            "DATABASE_URL": database,
        }
        settings = load_settings(environ, data_dir=folder, cwd=folder)
        async with open_services(settings, sagas=True) as services:
            yield Installation(services=services, settings=settings, glean=theirs.sandbox)


def headline(dataset: Dataset) -> str:
    """The latest incident of which the dataset's documents tell."""
    assert dataset.content is not None
    return latest_incident(dataset.record_count, dataset.content.report.evaluated_at.date())


@pytest.fixture
async def acme(tmp_path: Path, database: str) -> AsyncIterator[Installation]:
    """The product with ACME's journey at the sandbox stage."""
    async with open_installation(tmp_path, database) as found:
        await found.add_client_and_journey()
        yield found


async def test_ac1_a_provisioned_dataset_is_ready_with_a_quality_of_at_least_95(acme: Installation) -> None:
    dataset = await acme.provision(DatasetType.CONFLUENCE_PAGES)
    assert dataset.status is DatasetStatus.READY
    assert dataset.quality is not None
    assert dataset.quality.score >= 95
    assert dataset.failure is None


async def test_ac2_all_four_types_come_whole_and_valid_and_tell_of_one_incident(
    acme: Installation,
) -> None:
    made = await acme.provision_all()
    for dataset_type, dataset in made.items():
        documents = acme.glean.documents(dataset.name)
        validator = jsonschema_rs.validator_for(admin_document_schema())
        assert dataset.status is DatasetStatus.READY
        assert dataset.template.template_id == f"fintech/developer_productivity/{dataset_type}"
        assert dataset.record_count == len(documents) == RECORDS
        assert [each["documentId"] for each in documents if not validator.is_valid(each)] == []
    found = {
        hit["datasource"] for hit in acme.glean.search(headline(made[DatasetType.JIRA_ISSUES]), limit=50)
    }
    assert found == {dataset.name for dataset in made.values()}


async def test_ac3_the_connector_is_created_authorised_scheduled_and_healthy_without_a_hand(
    acme: Installation,
) -> None:
    await acme.provision(DatasetType.CONFLUENCE_PAGES)
    [source] = acme.glean.datasources()
    assert source["name"] == "ACME-Sandbox-Confluence"
    assert source["config"]["syncSettings"] == {
        "fullSyncSchedule": "0 2 * * *",
        "incrementalSyncSchedule": "0 */4 * * *",
    }
    assert "auth.set" in [entry.operation for entry in acme.glean.ledger()]
    page = await acme.services.health.check(AGENT, client_id="ACME")
    [item] = page.items
    assert item.connector.name == "ACME-Sandbox-Confluence"
    assert item.health.status is ConnectorStatus.HEALTHY
    assert (item.health.findings, page.drift) == ((), ())


@pytest.mark.each_store
async def test_ac4_a_teardown_archives_everything_and_leaves_nothing(acme: Installation) -> None:
    dataset = await acme.provision(DatasetType.CONFLUENCE_PAGES)
    assert acme.glean.search(headline(dataset))
    await acme.services.registry.set_state("spring-demo", JourneyState.COMPLETED, AGENT)
    down = await acme.tear_down(dataset, TeardownReason.JOURNEY_COMPLETED)
    assert down.status is DatasetStatus.ARCHIVED
    assert down.teardown is not None
    assert down.teardown.connector_outcome is ConnectorOutcome.DELETED
    assert (acme.glean.datasources(), acme.glean.search(headline(dataset))) == ([], [])
    staging = acme.settings.staging.url
    assert [each for each in staging.iterdir() if not each.name.startswith(".")] == []
    manifest = await acme.services.archives.verify_archive(AGENT, dataset.dataset_id)
    assert dataset.content is not None
    assert (manifest["record_count"], manifest["checksum"]) == (RECORDS, dataset.content.checksum)


async def test_a_life_over_three_stages_leaves_each_stage_behind_it(acme: Installation) -> None:
    left: list[Dataset] = []
    for stage in Stage:
        if stage is not Stage.SANDBOX:
            moved = await acme.services.registry.promote("spring-demo", stage, AGENT)
            assert {each.dataset_id for each in moved.exposed} == {each.dataset_id for each in left}
        made = list((await acme.provision_all(stage, record_count=20)).values())
        assert {each.status for each in made} == {DatasetStatus.READY}
        for dataset in left:
            if dataset.stage is not Stage.SANDBOX:
                with pytest.raises(ConfirmationRequiredError):
                    await acme.tear_down(dataset, TeardownReason.STAGE_COMPLETED)
            approved = dataset.stage is not Stage.SANDBOX
            down = await acme.tear_down(dataset, TeardownReason.STAGE_COMPLETED, approved=approved)
            assert down.status is DatasetStatus.ARCHIVED
        left = made
    await acme.services.registry.set_state("spring-demo", JourneyState.COMPLETED, AGENT)
    for dataset in left:
        await acme.tear_down(dataset, TeardownReason.JOURNEY_COMPLETED, approved=True)
    everything = await acme.services.datasets.list(DatasetQuery(client_id="ACME"), AGENT)
    assert len(everything) == len(Stage) * len(DatasetType)
    assert {each.status for each in everything} == {DatasetStatus.ARCHIVED}
    assert acme.glean.datasources() == []
