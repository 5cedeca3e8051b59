"""A re-check reads staging again and asks the platform again; only a changed verdict changes anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import (
    InvalidArgumentError,
    PlatformMismatchError,
    PlatformUnavailableError,
    ProvisionFailedError,
    ProvisionRunningError,
    QualityChecksPendingError,
    StagingFailedError,
    UnknownConnectorError,
    UnknownDatasetError,
)
from domain.model.connector import OwnerTag
from domain.model.dataset import Recheck
from domain.model.enums import DatasetStatus, JourneyState, TeardownReason
from domain.model.principal import Principal
from domain.ports import DatasetQuery
from tests.support.interception import CallInterceptor, OnNthCall
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, AcceptingConfirmer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.dataset import Dataset
    from tests.support.world import Process, World


async def served_anew(process: Process, dataset: Dataset, run: str) -> None:
    """Have the platform serve the staged content as another run, as whatever faults there are let it."""
    platform = process.deps.platform
    connector = await process.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
    assert connector is not None
    assert dataset.content is not None
    handle = str(connector.handle)
    installation = await process.deps.store.read(lambda uow: uow.installation)
    mark = OwnerTag(installation=installation, dataset_id=dataset.dataset_id)
    pages = process.deps.staging.iterate_pages(
        dataset.dataset_id, dataset.content.attempt, max_count=10, max_bytes=1 << 20
    )
    await platform.push(handle, mark, run, pages, lambda _: None)
    await platform.start_sync(handle, mark, run)
    job = await platform.fetch_sync_job(handle, run)
    assert job is not None
    assert job.state == "succeeded"


def before_each_observation(step: Callable[[], Awaitable[object]]) -> Callable[[Dependencies], Dependencies]:
    """What a process is made with, to have something happen whenever the platform is about to be asked."""
    return lambda deps: replace(deps, platform=CallInterceptor(deps.platform, "observe", step))


@pytest.mark.each_dialect
async def test_a_recheck_that_ends_as_it_began_changes_nothing_but_the_report(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        again = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert again == await process.load_dataset(ready.dataset_id)
        assert ready.quality is not None
        assert again.quality is not None
        assert again.quality.evaluated_at > ready.quality.evaluated_at
        assert again == replace(ready, quality=again.quality)
        assert (await process.load_event_kinds())[-1] == "dataset:quality_evaluated"


async def test_documents_that_the_platform_lost_take_readiness_away_and_their_return_gives_it_back(
    world: World,
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        world.glean.faults.add(Fault(kind="sync_loses", documents=3))
        await served_anew(process, ready, "by-hand-1")

        lost = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert (lost.status, lost.recheck) == (DatasetStatus.VALIDATING, None)
        assert lost.generation == ready.generation + 1
        assert lost.quality is not None
        assert {gate.check: gate.failed for gate in lost.quality.gates} == {"staged": 0, "indexed": 3}
        told = await process.load_event_kinds()
        assert (told[-1], told.count("dataset:provisioned")) == ("dataset:quality_evaluated", 1)

        await served_anew(process, ready, "by-hand-2")
        back = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert back.status is DatasetStatus.READY
        assert (await process.load_event_kinds())[-2:] == ["dataset:quality_evaluated", "dataset:provisioned"]


async def test_a_failed_retry_is_over_once_the_former_content_is_found_good(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        poor = await process.provision()
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("documents.upload"), status=422)
        )
        with pytest.raises(ProvisionFailedError):
            await process.provision(retry=True)
        assert (await process.services.datasets.recheck(poor.dataset_id, OPERATOR)).failure is not None
        await served_anew(process, poor, "by-hand")
        good = await process.services.datasets.recheck(poor.dataset_id, OPERATOR)
    assert (good.status, good.failure, good.content) == (DatasetStatus.READY, None, poor.content)


@pytest.mark.each_dialect
async def test_a_staging_area_that_is_damaged_takes_readiness_away(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        staged = world.folder / "staging" / ready.dataset_id / "1.jsonl"
        staged.write_bytes(staged.read_bytes()[:-10])
        damaged = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
    assert damaged.status is DatasetStatus.VALIDATING
    assert damaged.quality is not None
    assert {gate.check: gate.failed > 0 for gate in damaged.quality.gates} == {
        "staged": True,
        "indexed": False,
    }


async def test_a_staging_area_that_is_gone_is_said_and_no_verdict_is_made(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        (world.folder / "staging" / ready.dataset_id / "1.jsonl").unlink()
        with pytest.raises(StagingFailedError):
            await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert await process.load_dataset(ready.dataset_id) == ready


@pytest.mark.parametrize("how", ["away", "another tenant"])
async def test_a_platform_that_cannot_be_asked_leaves_everything_as_it_was(world: World, how: str) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        error: type[Exception] = PlatformUnavailableError
        if how == "away":
            world.glean.faults.add(
                Fault(kind="status", operation=world.operation_name("health.get"), status=503, times=None)
            )
        else:
            error = PlatformMismatchError
            world.glean.replace_tenant(keep_content=True)
        with pytest.raises(error):
            await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert await process.load_dataset(ready.dataset_id) == ready
        assert (await process.load_event_kinds())[-1] == "dataset:provisioned"


async def test_a_dataset_whose_connector_is_not_on_record_has_nobody_to_be_asked(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        alone = ready.evolve(connector_id=None)
        await process.deps.store.transact(lambda uow: uow.datasets.put(alone))
        with pytest.raises(UnknownConnectorError):
            await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert await process.load_dataset(ready.dataset_id) == alone


async def test_only_what_is_settled_and_known_is_checked_again(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        running = (await process.start_provision()).dataset
        with pytest.raises(ProvisionRunningError):
            await process.services.datasets.recheck(running.dataset_id, OPERATOR)
        await process.services.sagas.cancel(running.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError):
            await process.provision()
        with pytest.raises(InvalidArgumentError, match="failed") as refusal:
            await process.services.datasets.recheck(running.dataset_id, OPERATOR)
        assert refusal.value.field == "dataset_id"
        stranger = Principal(subject="agent:x", clients=frozenset({"globex"}))
        with pytest.raises(UnknownDatasetError):
            await process.services.datasets.recheck(running.dataset_id, stranger)


async def test_a_second_recheck_and_a_teardown_wait_for_the_first(world: World) -> None:
    refused: list[str] = []

    async def meddle() -> None:
        [dataset] = await process.services.datasets.list(DatasetQuery(), OPERATOR)
        for call in (
            process.services.datasets.recheck(dataset.dataset_id, OPERATOR),
            process.tear_down(dataset, TeardownReason.MANUAL, confirmer=AcceptingConfirmer()),
        ):
            with pytest.raises(QualityChecksPendingError) as refusal:
                await call
            refused.append(refusal.value.code)

    async with world.open_process() as first:
        await first.add_client_and_journey()
        made = await first.provision()
        await first.services.registry.set_state("j1", JourneyState.COMPLETED, OPERATOR)
        ready = await first.load_dataset(made.dataset_id)
    async with world.open_process(replace=before_each_observation(OnNthCall(meddle))) as process:
        again = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
    assert refused == ["quality_checks_pending"] * 2
    assert (again.status, again.generation) == (DatasetStatus.READY, ready.generation)


async def test_a_recheck_that_is_run_again_because_its_process_died_after_it_tells_nothing_twice(
    world: World,
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        judged = await process.services.datasets.recheck(ready.dataset_id, OPERATOR, "recheck:one")
        again = await process.services.datasets.recheck(ready.dataset_id, OPERATOR, "recheck:one")
        assert (again, again.rechecked_by) == (judged, "recheck:one")
        assert (await process.load_event_kinds()).count("dataset:quality_evaluated") == 2
        await process.services.datasets.recheck(ready.dataset_id, OPERATOR, "recheck:two")
        assert (await process.load_event_kinds()).count("dataset:quality_evaluated") == 3


async def test_a_recheck_past_its_deadline_is_pending_no_more_and_says_nothing_when_it_comes_back(
    world: World,
) -> None:
    newer: list[Dataset] = []

    async def overtake() -> None:
        world.clock.ahead += timedelta(minutes=16)
        newer.append(await process.services.datasets.recheck(ready.dataset_id, OPERATOR))

    async with world.open_process() as first:
        await first.add_client_and_journey()
        ready = await first.provision()
    async with world.open_process(replace=before_each_observation(OnNthCall(overtake))) as process:
        late = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert [late] == newer
        assert (await process.load_event_kinds()).count("dataset:quality_evaluated") == 2


async def test_a_recheck_whose_caller_went_away_says_nothing_and_holds_up_nothing(world: World) -> None:
    async with world.open_process() as first:
        await first.add_client_and_journey()
        made = await first.provision()
        await first.complete_journey()
        ready = await first.load_dataset(made.dataset_id)

    async def leave() -> None:
        scope.cancel()
        await anyio.lowlevel.checkpoint()

    async with world.open_process(replace=before_each_observation(leave)) as process:
        with anyio.CancelScope() as scope:
            await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert scope.cancelled_caught
        # A transaction comes after those that were begun before it.
        held = await process.deps.store.transact(lambda uow: uow.datasets.get(ready.dataset_id))
        assert held == ready
        assert (await process.tear_down(ready)).status is DatasetStatus.ARCHIVED


async def test_a_recheck_whose_process_died_is_given_up_at_its_deadline(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        now = world.clock.now()
        begun = ready.evolve(recheck=Recheck(requested_at=now, deadline=now + timedelta(minutes=15)))
        await process.deps.store.transact(lambda uow: uow.datasets.put(begun))
        with pytest.raises(QualityChecksPendingError) as refusal:
            await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert refusal.value.retry_after_s
        world.clock.ahead += timedelta(minutes=15)
        assert (await process.services.datasets.recheck(ready.dataset_id, OPERATOR)).recheck is None


async def test_a_verdict_on_a_content_that_was_replaced_meanwhile_is_dropped(world: World) -> None:
    async def switch() -> None:
        held = await process.load_dataset(ready.dataset_id)
        assert held.content is not None
        other = held.evolve(content=replace(held.content, attempt=2))
        await process.deps.store.transact(lambda uow: uow.datasets.put(other))

    async with world.open_process() as first:
        await first.add_client_and_journey()
        ready = await first.provision()
    async with world.open_process(replace=before_each_observation(OnNthCall(switch))) as process:
        after = await process.services.datasets.recheck(ready.dataset_id, OPERATOR)
        assert (after.quality, after.recheck) == (ready.quality, None)
        assert (await process.load_event_kinds())[-1] == "dataset:provisioned"


@pytest.mark.each_dialect
async def test_a_datasource_that_somebody_deleted_serves_nothing_any_more(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        world.glean.delete_datasource(world.datasource_name(dataset.name))
        judged = await process.services.datasets.recheck(dataset.dataset_id, OPERATOR)
    assert judged.status is DatasetStatus.VALIDATING
    assert judged.quality is not None
    assert [(gate.check, gate.failed) for gate in judged.quality.gates if gate.failed] == [("indexed", 30)]


async def test_a_saga_goes_on_with_the_re_check_that_it_began_and_with_no_other(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        now = process.deps.clock.now()
        begun = Recheck(requested_at=now, deadline=now + timedelta(minutes=15), saga_id="recheck:one")
        await process.deps.store.transact(lambda uow: uow.datasets.put(dataset.evolve(recheck=begun)))
        for other in (None, "recheck:two"):
            with pytest.raises(QualityChecksPendingError):
                await process.services.datasets.recheck(dataset.dataset_id, OPERATOR, other)
        judged = await process.services.datasets.recheck(dataset.dataset_id, OPERATOR, "recheck:one")
        assert (judged.recheck, judged.status) == (None, DatasetStatus.READY)


async def test_a_retry_leaves_no_recheck_of_what_it_replaces_pending(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        poor = await process.provision()
        asked = Recheck(requested_at=world.clock.now(), deadline=world.clock.now() + timedelta(hours=1))
        await process.deps.store.transact(lambda uow: uow.datasets.put(poor.evolve(recheck=asked)))
        ready = await process.provision(retry=True)
        assert (ready.status, ready.recheck) == (DatasetStatus.READY, None)
        await process.complete_journey()
        assert (await process.tear_down(ready)).status is DatasetStatus.ARCHIVED
