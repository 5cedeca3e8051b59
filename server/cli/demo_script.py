"""The demo's script: one client's datasets from provisioning to the archive, with the facts of each step."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from domain.content import load_questions
from domain.errors import JourneyActiveError, format_timestamp, require_present
from domain.lifecycle import ProvisionRequest
from domain.model import Client, Dataset, DatasetType, Journey, JourneyState, Stage, TeardownReason
from server.cli.views.progress_bars import show_progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rich.console import Console

    from domain.model import Principal, Template
    from domain.ports import Platform, SearchHit
    from tools.services import Services

    Facts = dict[str, Any]
    StepReporter = Callable[[str, Facts], None]

CLIENT: Final = Client(
    client_id="ACME", name="Acme Payments", industry="fintech", use_case="developer_productivity"
)
JOURNEY: Final = Journey(
    journey_id="acme-evaluation", client_id="ACME", stage=Stage.SANDBOX, state=JourneyState.ACTIVE
)


@dataclass(slots=True, kw_only=True)
class DemoScript:
    """Runs the demo step by step; `report_step` gets the name and facts of each step as soon as it is done."""

    services: Services
    platform: Platform
    principal: Principal
    console: Console
    report_step: StepReporter
    steps: list[Facts] = field(default_factory=list)
    _datasets: list[Dataset] = field(default_factory=list)
    _incident: str = ""

    async def run(self) -> None:
        """Run all steps in order. Raises the LifecycleError of a step that does not end as expected."""
        await self._run_step("client_arrives", self._add_client_and_journey)
        await self._run_step("datasets_provisioned", self._provision_datasets)
        await self._run_step("incident_found", self._search_incident)
        await self._run_step("connectors_healthy", self._check_health)
        await self._run_step("teardown_refused", self._attempt_early_teardown)
        await self._run_step("journey_completed", self._complete_journey)
        await self._run_step("datasets_taken_down", self._teardown_datasets)
        await self._run_step("archive_verified", self._verify_archive)
        await self._run_step("nothing_found", self._search_incident)

    async def _run_step(self, name: str, work: Callable[[], Awaitable[Facts]]) -> None:
        began = time.monotonic()
        facts = await work()
        step = {"name": name, "seconds": round(time.monotonic() - began, 2), **facts}
        self.steps.append(step)
        self.report_step(name, step)

    async def _add_client_and_journey(self) -> Facts:
        await self.services.registry.add_client(CLIENT, self.principal)
        await self.services.registry.add_journey(JOURNEY, self.principal)
        return {
            "client_id": CLIENT.client_id,
            "client": CLIENT.name,
            "industry": CLIENT.industry,
            "use_case": CLIENT.use_case,
            "journey_id": JOURNEY.journey_id,
            "stage": JOURNEY.stage.value,
        }

    async def _provision_datasets(self) -> Facts:
        # The story is told in these types: a new type takes part once the catalogue has records of it.
        templates = await self.services.templates.list()
        served = {
            each.dataset_type
            for each in templates
            if (each.industry, each.use_case) == (CLIENT.industry, CLIENT.use_case)
        }
        types = [each for each in DatasetType if each in served]
        provisioned: dict[DatasetType, Dataset] = {}
        with show_progress(self.console) as bar:

            async def provision_one(dataset_type: DatasetType) -> None:
                provisioning = self.services.provisioning
                request = ProvisionRequest(
                    client_id=CLIENT.client_id,
                    journey_id=JOURNEY.journey_id,
                    stage=JOURNEY.stage,
                    dataset_type=dataset_type,
                )
                begun = await provisioning.start_or_attach(request, self.principal)
                ended = await provisioning.wait(begun, None, bar(begun.dataset.name))
                provisioned[dataset_type] = ended.dataset

            async with anyio.create_task_group() as tasks:
                for each in types:
                    tasks.start_soon(provision_one, each)
        self._datasets = [provisioned[each] for each in types]
        by_id = {each.template_id: each for each in templates}
        self._incident = await self._find_incident(by_id, provisioned[DatasetType.JIRA_ISSUES])
        asked = [each.quality.readiness for each in self._datasets if each.quality and each.quality.readiness]
        return {
            "questions": {
                "asked": sum(each.asked for each in asked),
                "answered": sum(each.answered or 0 for each in asked),
            },
            "datasets": [
                {
                    "name": each.name,
                    "dataset_id": each.dataset_id,
                    "status": each.status.value,
                    "record_count": each.record_count,
                    "quality_score": each.quality.score if each.quality else None,
                    "template_id": each.template.template_id,
                }
                for each in self._datasets
            ],
        }

    async def _find_incident(self, templates: Mapping[str, Template], issues: Dataset) -> str:
        """The key of the latest incident, of which documents of all types tell: the first question asks about it."""
        template = templates[issues.template.template_id]
        questions = await load_questions(self.services.templates, template, issues)
        return require_present(questions, "the bundled company has stories")[0].documents[0]

    async def _search_incident(self) -> Facts:
        found: list[SearchHit] = []
        for each in self._datasets:
            found += await self.platform.search(self._incident, name=each.name, limit=1)
        return {
            "query": self._incident,
            "found": [
                {"datasource": each.datasource, "document_id": each.document_id, "title": each.title}
                for each in found
            ],
        }

    async def _check_health(self) -> Facts:
        page = await self.services.health.check(self.principal, client_id=CLIENT.client_id)
        return {
            "connectors": [
                {"name": each.connector.name, "status": each.health.status.value} for each in page.items
            ]
        }

    async def _attempt_early_teardown(self) -> Facts:
        first = self._datasets[0]
        try:
            await self.services.teardowns.start_or_attach(
                first.dataset_id, TeardownReason.JOURNEY_COMPLETED, self.principal
            )
        except JourneyActiveError as refusal:
            return {"dataset_id": first.dataset_id, "error": refusal.as_dict()}
        # Reached only if an active journey no longer protects its datasets: then the demo must not go on.
        raise AssertionError(first)

    async def _complete_journey(self) -> Facts:
        change = await self.services.registry.set_state(
            JOURNEY.journey_id, JourneyState.COMPLETED, self.principal, CLIENT.client_id
        )
        return {"state": change.journey.state.value, "exposed": [each.name for each in change.exposed]}

    async def _teardown_datasets(self) -> Facts:
        teardowns = self.services.teardowns
        torn_down: dict[str, Dataset] = {}
        with show_progress(self.console) as bar:

            async def teardown_one(dataset: Dataset) -> None:
                begun = await teardowns.start_or_attach(
                    dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, self.principal
                )
                torn_down[dataset.dataset_id] = (
                    await teardowns.wait(begun, None, bar(begun.dataset.name))
                ).dataset

            async with anyio.create_task_group() as tasks:
                for each in self._datasets:
                    tasks.start_soon(partial(teardown_one, each))
        return {
            "datasets": [
                {
                    "name": each.name,
                    "dataset_id": each.dataset_id,
                    "status": torn_down[each.dataset_id].status.value,
                    **_teardown_facts(torn_down[each.dataset_id]),
                }
                for each in self._datasets
            ]
        }

    async def _verify_archive(self) -> Facts:
        first = self._datasets[0]
        archive, _ = await self.services.archives.load_archive(self.principal, first.dataset_id)
        manifest = await self.services.archives.verify_archive(self.principal, first.dataset_id)
        return {
            "dataset_id": first.dataset_id,
            "path": archive.path,
            "record_count": archive.record_count,
            "stored_bytes": archive.stored_bytes,
            "restorable_until": format_timestamp(archive.restore_deadline),
            "files": sorted([*manifest["files"], "manifest.json"]),
            "verified": True,
        }


def _teardown_facts(dataset: Dataset) -> Facts:
    teardown = dataset.teardown
    if teardown is None:
        return {}
    return {
        "connector_outcome": teardown.connector_outcome and teardown.connector_outcome.value,
        "archived_path": teardown.archived_path,
    }
