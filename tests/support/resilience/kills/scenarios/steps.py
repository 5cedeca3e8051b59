"""What scenes are made of: what was before, and what is done, each in one process of the product."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import LifecycleError
from domain.governance.schedules import SCHEDULED_RUN_KIND, scheduled_run_id
from domain.model.dataset import OrphanMark
from domain.model.delivery import Delivery, DeliveryState
from domain.model.enums import DatasetType, DataSource, JourneyState, Stage, TeardownReason
from domain.model.journey import Client, Journey
from domain.model.schedule import HEALTH_SCHEDULE
from domain.ports import DatasetQuery
from tests.support.content.production_export import write_export
from tests.support.content.template_repository import TEMPLATE_FOLDER, confluence_page, write_template
from tests.support.sandbox.faults import Fault
from tests.support.servers.data_folder import KIM, ROOT, provision_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.resilience.kills.processes.process_main import ScenarioHost

    Part = Callable[[ScenarioHost], Awaitable[None]]

TICKS: Final = {HEALTH_SCHEDULE: "2026-01-31T12:05"}
TICK: Final = "2026-01-31"
KEEPING: Final = {"admin": "datasources.delete", "indexing": "bulkindexusers"}
"""The operation that Glean must refuse so that it keeps a datasource."""


async def do_nothing(_: ScenarioHost) -> None:
    """What is done where nothing needs to be."""


def refusing_fault(operation: str, **more: object) -> Fault:
    """Glean refuses that, for ever, and asking again does not help."""
    return Fault(kind="status", operation=operation, status=403, **({"times": None} | more))  # type: ignore[arg-type]


async def load_only_dataset(host: ScenarioHost) -> Dataset:
    """The dataset that was made last."""
    found = await host.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery()))
    return max(found, key=lambda each: each.created_at)


async def change_dataset(host: ScenarioHost, dataset: Dataset, **changes: object) -> None:
    def change(uow: UnitOfWork) -> None:
        held = uow.datasets.get(dataset.dataset_id)
        assert held is not None
        uow.datasets.put(held.evolve(**changes))

    await host.deps.store.transact(change)


# --- what was before ------------------------------------------------------------------------------------------------


async def add_client_and_journey(host: ScenarioHost) -> None:
    """A client with an active journey."""
    await host.services.registry.add_client(
        Client(client_id="acme", name="acme", industry="fintech", use_case="developer_productivity"), KIM
    )
    await journey(host, "j1")


async def journey(host: ScenarioHost, journey_id: str, stage: Stage = Stage.SANDBOX) -> None:
    await host.services.registry.add_journey(
        Journey(journey_id=journey_id, client_id="acme", stage=stage, state=JourneyState.ACTIVE), KIM
    )


async def prepare_company(host: ScenarioHost) -> None:
    """A client, and a company from which records are generated."""
    bundled = ROOT / "mock_data" / "templates" / "fintech" / "developer_productivity" / "company.yaml"
    shutil.copy(bundled, host.folder / "repository" / "mock_data" / "templates" / TEMPLATE_FOLDER)
    await add_client_and_journey(host)


async def prepare_export(host: ScenarioHost) -> None:
    """A client with a journey at pilot, and the export that is configured."""
    write_export(host.folder / "repository" / "export")
    await add_client_and_journey(host)
    await journey(host, "p1", Stage.PILOT)


async def prepare_ready(host: ScenarioHost) -> None:
    await add_client_and_journey(host)
    await provision(host)


async def prepare_missing_documents(host: ScenarioHost) -> None:
    """VALIDATING, for three documents were lost; a retry will bring other records."""
    host.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await prepare_ready(host)
    host.glean.faults.clear()
    pages = [confluence_page(number) for number in range(50, 58)]
    write_template(host.folder / "repository", DatasetType.CONFLUENCE_PAGES, pages)


async def prepare_flawed_records(host: ScenarioHost) -> None:
    """VALIDATING, for a third of the records had no title; a retry will bring other records."""
    folder = host.folder / "repository"
    pages = [confluence_page(number) | ({} if number % 3 else {"title": ""}) for number in range(12)]
    write_template(folder, DatasetType.CONFLUENCE_PAGES, pages)
    await prepare_ready(host)
    pages = [confluence_page(number) for number in range(50, 58)]
    write_template(folder, DatasetType.CONFLUENCE_PAGES, pages)


async def prepare_flawed_records_fast_sync(host: ScenarioHost) -> None:
    """The same, where syncs take no time."""
    await prepare_flawed_records(host)
    host.glean.set_indexing_rate(1_000_000, minimum_seconds=0)


async def prepare_missing_documents_fast_sync(host: ScenarioHost) -> None:
    """The same, where syncs take no time."""
    await prepare_missing_documents(host)
    host.glean.set_indexing_rate(1_000_000, minimum_seconds=0)


async def prepare_living(host: ScenarioHost) -> None:
    """READY, of a template with relative time; a refresh will bring some of its records, and others."""
    folder = host.folder / "repository"
    for first in (0, 6):
        pages = [confluence_page(number) for number in range(first, first + 12)]
        write_template(folder, DatasetType.CONFLUENCE_PAGES, pages, relative=True)
        if first == 0:
            await prepare_ready(host)


async def prepare_finished_journey(host: ScenarioHost) -> None:
    """READY, and its journey is over."""
    await prepare_ready(host)
    await host.services.registry.set_state("j1", JourneyState.COMPLETED, KIM)


async def prepare_stuck_disconnect(host: ScenarioHost) -> None:
    """In TEARDOWN past the point of no return, for Glean would not let go of the datasource."""
    await prepare_finished_journey(host)
    host.glean.faults.add(refusing_fault(KEEPING[host.settings.glean.dialect]))
    await tear_down(host)
    host.glean.faults.clear()


async def prepare_stuck_archive(host: ScenarioHost) -> None:
    """In TEARDOWN with its archive written, short of the point of no return."""
    await prepare_finished_journey(host)
    host.death.break_methods("archives", "read")
    await tear_down(host)


async def prepare_archived(host: ScenarioHost) -> None:
    """ARCHIVED, and there is a journey for which it may come back."""
    await prepare_finished_journey(host)
    await tear_down(host)
    await journey(host, "j2")


async def prepare_lost_staging(host: ScenarioHost) -> None:
    """READY, with its staged file gone."""
    await prepare_ready(host)
    await host.deps.staging.delete((await load_only_dataset(host)).dataset_id)


async def prepare_orphan(host: ScenarioHost) -> None:
    """An orphan past its grace."""
    await prepare_finished_journey(host)
    served_s = timedelta(days=30).total_seconds()
    mark = OrphanMark(orphaned_at=datetime.now(UTC), reason="journey_completed", served=served_s)
    await change_dataset(host, await load_only_dataset(host), orphan=mark)


async def prepare_expired_archive(host: ScenarioHost) -> None:
    """An archive past its time, as another day has found it, too."""
    await prepare_archived(host)

    def mark_found(uow: UnitOfWork) -> None:
        [(dataset_id, facts)] = uow.archives.find()
        uow.archives.put(dataset_id, facts | {"found_past": "2026-01-01"})

    await host.deps.store.transact(mark_found)


async def prepare_parked_event(host: ScenarioHost) -> None:
    """An event that a webhook would not take."""
    await prepare_ready(host)
    dataset_id = (await load_only_dataset(host)).dataset_id
    now = datetime.now(UTC)
    left = Delivery(
        webhook="gone", seq=1, dataset_id=dataset_id, state=DeliveryState.PARKED, due_at=now, settled_at=now
    )
    await host.deps.store.transact(lambda uow: uow.deliveries.put(left))


# --- what is done ---------------------------------------------------------------------------------------------------


async def provision(host: ScenarioHost, *, retry: bool = False) -> None:
    """Provision; that it fails is for the scene to say."""
    wish = replace(provision_request(), retry=retry)
    with suppress(LifecycleError):
        begun = await host.services.provisioning.start_or_attach(wish, KIM)
        await host.services.provisioning.wait(begun, None)


async def provision_generated(host: ScenarioHost) -> None:
    """Provision records of the company that is described beside the template."""
    wish = replace(provision_request(), data_source=DataSource.GENERATED, record_count=40)
    begun = await host.services.provisioning.start_or_attach(wish, KIM)
    await host.services.provisioning.wait(begun, None)


async def provision_sanitized(host: ScenarioHost) -> None:
    """Provision sanitized records for the pilot."""
    wish = replace(
        provision_request(),
        journey_id="p1",
        stage=Stage.PILOT,
        data_source=DataSource.SANITIZED_PRODUCTION,
    )
    begun = await host.services.provisioning.start_or_attach(wish, KIM)
    await host.services.provisioning.wait(begun, None)


async def provision_again(host: ScenarioHost) -> None:
    await provision(host, retry=True)


async def refresh(host: ScenarioHost) -> None:
    """Refresh; that it fails is for the scene to say."""
    dataset_id = (await load_only_dataset(host)).dataset_id
    with suppress(LifecycleError):
        begun = await host.services.refreshes.start_or_attach(dataset_id, KIM)
        await host.services.refreshes.wait(begun, None)


async def provision_with_failure(host: ScenarioHost) -> None:
    """A first attempt fails late, and of what it made nothing can be taken back at once."""
    host.death.break_methods("staging", "delete")
    if host.settings.glean.dialect == "admin":
        for operation in ("health.get", "sync.find", "uploads.discard", "datasources.delete"):
            host.glean.faults.add(refusing_fault(operation))
    else:  # what undoes asks for the same things as what does: how a sync stands is asked by those who wait for it, too
        host.death.break_methods("platform", "observe", "discard_run", "delete_datasource")
        host.death.break_after(("platform", "observe"), ("platform", "fetch_sync_job"))
    await provision(host)
    host.death.broken.clear()
    host.death.breaking.clear()
    host.glean.faults.clear()


async def delete_datasource_at_console(host: ScenarioHost) -> None:
    """Somebody deletes the datasource."""
    [found] = host.glean.datasources()
    host.glean.delete_datasource(found["name"])


async def retry_compensation(host: ScenarioHost) -> None:
    """Try again to take back what could not be."""
    await host.services.sagas.resume(respect_backoff=False)


async def tear_down(host: ScenarioHost) -> None:
    dataset_id = (await load_only_dataset(host)).dataset_id
    with suppress(LifecycleError):
        begun = await host.services.teardowns.start_or_attach(
            dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        await host.services.teardowns.wait(begun, None)


async def cancel_teardown(host: ScenarioHost) -> None:
    """Cancel the teardown; the dataset is given back."""
    await host.services.sagas.cancel((await load_only_dataset(host)).dataset_id, KIM)


async def restore(host: ScenarioHost) -> None:
    begun = await host.services.restores.start_or_attach(
        (await load_only_dataset(host)).dataset_id, "j2", KIM
    )
    await host.services.sagas.wait(begun.dataset.dataset_id, None)


async def take_snapshot(host: ScenarioHost) -> None:
    """Take a snapshot."""
    with suppress(LifecycleError):
        await host.services.snapshots.take((await load_only_dataset(host)).dataset_id, KIM)


def run_schedule(schedule: str) -> Part:
    """Do what a schedule does, once."""

    async def act(host: ScenarioHost) -> None:
        tick = TICKS.get(schedule, TICK)
        saga_id = scheduled_run_id(schedule, tick)
        await host.engine.start(SCHEDULED_RUN_KIND, saga_id, schedule)
        with anyio.fail_after(60):
            assert await host.engine.wait(saga_id, 60)

    return act
