"""A process that is configured for another Glean than its data folder belongs to begins nothing, and reads on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.connectors.home_platform import load_home_platform
from domain.errors import OtherPlatformError, ProvisionFailedError
from domain.model.connector import EMBEDDED_SANDBOX, Fingerprint
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, TeardownReason
from domain.model.schedule import Schedule
from domain.ports import DatasetQuery
from server.workers.scheduler import Scheduler
from tests.support.entities import approval
from tests.support.inline_engine import CrashAt
from tests.support.interception import RelabelledPlatform
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, provision_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.world import Process, World

ACME = Fingerprint(dialect="admin", url="https://acme-be.glean.com", tenant="acme")
SANDBOX = Fingerprint(dialect="admin", url=EMBEDDED_SANDBOX, tenant="sandbox")


def open_configured(
    world: World, platform: Fingerprint, **options: Any
) -> AbstractAsyncContextManager[Process]:
    """A process on the folder, configured for that Glean."""

    def relabel(deps: Dependencies) -> Dependencies:
        return replace(deps, platform=RelabelledPlatform(deps.platform, platform))

    return world.open_process(replace=relabel, **options)


async def load_everything(process: Process) -> tuple[object, ...]:
    """Every dataset, the files, and the requests that Glean was sent."""

    def load(uow: UnitOfWork) -> tuple[object, ...]:
        return tuple(uow.datasets.find(DatasetQuery())), load_home_platform(uow)

    return await process.deps.store.read(load), process.world.staged_files(), process.world.archived_files()


async def archive_dataset(process: Process) -> Dataset:
    """A dataset of another client that was taken down, with its journey active again."""
    await process.add_client_and_journey("globex", "j2")
    made = await process.provision(client_id="globex", journey_id="j2")
    await process.services.registry.set_state("j2", JourneyState.COMPLETED, OPERATOR)
    gone = await process.tear_down(made)
    await process.services.registry.set_state("j2", JourneyState.ACTIVE, OPERATOR)
    return gone


async def test_a_process_that_is_configured_for_another_glean_begins_nothing_and_reads_on(
    world: World,
) -> None:
    async with open_configured(world, ACME) as home:
        gone = await archive_dataset(home)
        await home.add_client_and_journey()
        ready = await home.provision()
        world.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await home.provision(dataset_type=DatasetType.SLACK_MESSAGES)
        before, requests = await load_everything(home), world.glean.request_counts()

    async with open_configured(world, SANDBOX) as process:
        services, dataset_id = process.services, ready.dataset_id
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "a new dataset": lambda: process.start_provision(dataset_type=DatasetType.JIRA_ISSUES),
            "an attaching call": process.start_provision,
            "a retry": lambda: process.start_provision(dataset_type=DatasetType.SLACK_MESSAGES, retry=True),
            "a restore": lambda: services.restores.start_or_attach(gone.dataset_id, "j2", OPERATOR),
            "a teardown": lambda: services.teardowns.start_or_attach(
                dataset_id, TeardownReason.MANUAL, OPERATOR
            ),
            "an abandoning teardown": lambda: services.teardowns.start_or_attach(
                dataset_id, TeardownReason.MANUAL, OPERATOR, abandon=True
            ),
            "a question": lambda: services.teardowns.build_confirmation_request(
                dataset_id, TeardownReason.MANUAL, OPERATOR
            ),
            "a list": lambda: services.sweep_lists.start_approved_teardowns(approval(), OPERATOR),
            "a refresh": lambda: services.refreshes.start_or_attach(dataset_id, OPERATOR),
            "a re-check": lambda: services.datasets.recheck(dataset_id, OPERATOR),
            "a snapshot": lambda: services.snapshots.take(dataset_id, OPERATOR),
            "a cancel": lambda: services.sagas.cancel(dataset_id, OPERATOR),
        }
        for name, call in calls.items():
            with pytest.raises(OtherPlatformError) as refusal:
                await call()
            for words in (ACME.url, EMBEDDED_SANDBOX):
                assert words in refusal.value.message, name
        assert await load_everything(process) == before
        assert world.glean.request_counts().keys() <= requests.keys() | {("tenant.get", 200)}

        assert (await services.datasets.show(dataset_id, OPERATOR)).platform == ACME
        health = await services.health.check(OPERATOR)
        assert [each.connector.name for each in health.items] == [ready.name]
        assert health.platform == replace(SANDBOX, tenant=None)
        assert health.warning is not None
        assert ACME.url in health.warning
        archived = await services.teardowns.start_or_attach(gone.dataset_id, TeardownReason.MANUAL, OPERATOR)
        assert archived.dataset.status is DatasetStatus.ARCHIVED

    async with open_configured(world, ACME) as home:
        assert (await home.provision(dataset_type=DatasetType.JIRA_ISSUES)).status is DatasetStatus.READY
        assert (await home.services.health.check(OPERATOR)).warning is None


async def test_what_a_dead_process_left_waits_for_a_process_of_its_glean(world: World) -> None:
    async with open_configured(world, ACME, crash=CrashAt("push", "before")) as home:
        await home.add_client_and_journey()
        begun = await home.start_provision()
        await home.wait_for_crash()
    [entry] = world.journal.values()
    left = list(entry.steps)

    async with open_configured(world, SANDBOX) as other:
        await other.services.sagas.resume(respect_backoff=False)
        assert entry.owner is not other.engine
        assert (list(entry.steps), entry.ended) == (left, False)

    async with open_configured(world, ACME) as home:
        await home.services.sagas.resume(respect_backoff=False)
        assert (await home.services.provisioning.wait(begun, 30)).dataset.status is DatasetStatus.READY


async def test_a_compensation_waits_for_a_process_of_its_glean(world: World) -> None:
    async with open_configured(world, ACME) as home:
        await home.add_client_and_journey()
        world.glean.faults.add(Fault(kind="sync_fails"))
        world.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
        with pytest.raises(ProvisionFailedError) as failure:
            await home.provision()
        world.glean.faults.clear()
        dataset_id = str(failure.value.facts["dataset_id"])

    async with open_configured(world, SANDBOX) as other:
        await other.services.sagas.resume(respect_backoff=False)
        assert (await other.load_dataset(dataset_id)).run is None
        assert (await other.services.datasets.show(dataset_id, OPERATOR)).undos

    async with open_configured(world, ACME) as home:
        await home.services.sagas.resume(respect_backoff=False)
        await home.services.sagas.wait(dataset_id, 30)
        assert not (await home.services.datasets.show(dataset_id, OPERATOR)).undos


async def test_a_dead_letter_waits_for_a_process_of_its_glean(world: World) -> None:
    world.policy = replace(world.policy, attempts=2)
    begun = None
    for number in range(2):
        async with open_configured(world, ACME, crash=CrashAt("push", "before")) as home:
            if number == 0:
                await home.add_client_and_journey()
                begun = await home.start_provision()
            else:
                await home.engine.resume()
            await home.wait_for_crash()
    assert begun is not None
    dataset_id = begun.dataset.dataset_id

    async with open_configured(world, SANDBOX) as other:
        await other.services.sagas.fail_dead_letters()
        assert (await other.load_dataset(dataset_id)).status is DatasetStatus.PROVISIONING

    async with open_configured(world, ACME) as home:
        await home.services.sagas.fail_dead_letters()
        assert (await home.load_dataset(dataset_id)).status is DatasetStatus.FAILED


async def test_no_schedule_runs_while_the_folder_belongs_to_another_glean(world: World) -> None:
    world.plans = [Schedule(name="orphan_sweep", at=time(0))]
    async with open_configured(world, ACME) as home:
        await home.add_client_and_journey()
        await home.provision()
    for platform, runs in ((SANDBOX, 0), (ACME, 1)):
        async with open_configured(world, platform) as process:
            scheduler = Scheduler(process.services.schedules, process.engine, home=process.services.home)
            await scheduler.start_due_runs()
            assert sum("orphan_sweep" in each for each in world.journal) == runs


@pytest.mark.each_store
async def test_of_two_configurations_that_make_the_first_dataset_at_once_one_is_refused(
    world: World,
) -> None:
    refused: list[OtherPlatformError] = []
    async with open_configured(world, ACME) as one, open_configured(world, SANDBOX) as other:
        await one.add_client_and_journey()

        async def begin(process: Process, dataset_type: DatasetType) -> None:
            try:
                await process.start_provision(dataset_type=dataset_type)
            except OtherPlatformError as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(begin, one, DatasetType.JIRA_ISSUES)
            tasks.start_soon(begin, other, DatasetType.SLACK_MESSAGES)
        assert len(refused) == 1
        assert await one.deps.store.read(lambda uow: uow.datasets.count_live()) == 1


async def test_a_configuration_that_changes_between_the_look_and_the_admission_is_refused(
    world: World,
) -> None:
    async with open_configured(world, ACME) as one, open_configured(world, SANDBOX) as other:
        await one.add_client_and_journey()
        listing = other.deps.templates.list

        class Meanwhile:
            def __getattr__(self, name: str) -> object:
                return getattr(other.deps.templates, name)

            async def list(self) -> object:
                await one.start_provision()
                return await listing()

        other.services.provisioning._templates = Meanwhile()  # type: ignore[assignment] # noqa: SLF001
        with pytest.raises(OtherPlatformError):
            await other.start_provision(dataset_type=DatasetType.SLACK_MESSAGES)
        [made] = await one.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery()))
        assert made.dataset_type is DatasetType.CONFLUENCE_PAGES


async def test_another_tenant_behind_the_same_address_is_refused_before_anything_is_made(
    world: World,
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        world.glean.replace_tenant()
        with pytest.raises(OtherPlatformError):
            await process.provision(dataset_type=DatasetType.JIRA_ISSUES)
        assert await process.deps.store.read(lambda uow: uow.datasets.count_live()) == 1


async def test_a_tenant_that_was_not_known_at_the_admission_is_known_once_a_connector_is_made(
    world: World,
) -> None:
    world.glean.faults.add(Fault(kind="status", operation="tenant.get", status=503, times=4))
    async with world.open_process(crash=CrashAt("populate", "before")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_crash()
        home = await process.deps.store.read(load_home_platform)
        assert home == process.deps.platform.location
    async with world.open_process() as process:
        await process.services.sagas.resume()
        await process.services.provisioning.wait(begun, 30)
        assert await process.deps.store.read(load_home_platform) == (
            await process.deps.platform.fetch_fingerprint()
        )


async def test_a_tenant_that_is_another_one_when_it_answers_again_gets_no_connector(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        world.glean.replace_tenant()
        world.glean.faults.add(Fault(kind="status", operation="tenant.get", status=503, times=4))
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision(dataset_type=DatasetType.JIRA_ISSUES)
        assert (failure.value.facts["step"], failure.value.facts["cause"]) == ("connect", "platform_mismatch")
    assert world.glean.datasources() == []


async def test_a_folder_that_follows_is_on_record_with_who_made_the_first_dataset_there(
    world: World,
) -> None:
    async with open_configured(world, SANDBOX) as process:
        gone = await archive_dataset(process)
    async with open_configured(world, ACME) as process:
        principal = process.services.calls.begin(OPERATOR, "restore", "cli", {})
        with suppress(ProvisionFailedError):
            await process.services.restores.start_or_attach(gone.dataset_id, "j2", principal)
        [entry] = [each for each in await process.load_audit_entries() if each.outcome == "platform followed"]
        assert entry.principal == OPERATOR.subject
        assert entry.data == {"before": SANDBOX.describe(), "platform": ACME.describe()}
        assert await process.deps.store.read(load_home_platform) == ACME
        request = provision_request(client_id="globex", journey_id="j2")
        assert not (await process.services.provisioning.start_or_attach(request, OPERATOR)).created
