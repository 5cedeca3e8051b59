"""Teardown saga: archive, disconnect, delete, announce, each verified before the next.

Nothing is deleted before the process that deletes has verified the archive. Until the disconnect begins, a failed check
or a cancel gives the dataset back in its former status. After that point of no return a failed step is recorded, and
the next call continues from it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from domain.audit import publish_events
from domain.connectors import record_abandoned_connector, require_same_platform
from domain.errors import (
    CancelledError,
    CleanupFailedError,
    LifecycleError,
    PlatformError,
    PlatformUnavailableError,
)
from domain.lifecycle.archives import (
    SAMPLE_FILE,
    _load_intact_manifest,
    _verify_archive,
    archive_place,
    build_archive_record,
    mark_archive_given_back,
    parse_sample_lines,
    write_archive,
)
from domain.lifecycle.events import teardown_failed_event, torn_down_event
from domain.lifecycle.sagas import (
    SagaContext,
    SagaDefinition,
    Step,
    StepFailure,
    confirm_datasource,
    constant_backoff,
    delete_datasource,
    poll,
    previous_removal,
)
from domain.lifecycle.teardown.in_teardown import DatasetInTeardown
from domain.model import (
    Connector,
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    Failure,
    Journey,
    Run,
    Teardown,
)
from domain.policy import (
    TeardownFacts,
    check_clock,
    check_teardown,
    dataset_before_teardown,
    raise_if_blocked,
    read_clock,
)
from domain.ports import Removal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.errors import BlockingCheck
    from domain.model import ClockReading, Dataset, LifecycleSettings
    from domain.ports import Observation, Platform, Store, UnitOfWork

_PROBE_COUNT: Final = 5
_STOP_PAUSE_S: Final = 0.1


async def observe_connector(
    store: Store, platform: Platform, dataset: Dataset
) -> Observation | LifecycleError | None:
    """Observe a dataset's connector for the rules; return the error when that fails, None without a connector."""
    connector = await store.read(
        lambda uow: uow.connectors.get(dataset.connector_id) if dataset.connector_id else None
    )
    if connector is None or connector.handle is None:
        return None
    try:
        await require_same_platform(platform, connector)
        return await platform.observe(connector.handle)
    except LifecycleError as error:
        return error


def find_blocking_checks(
    uow: UnitOfWork,
    dataset: Dataset,
    observation: Observation | LifecycleError | None,
    teardown: Teardown,
    *,
    reading: ClockReading,
    settings: LifecycleSettings,
) -> tuple[BlockingCheck, ...]:
    """Every check that forbids this teardown, by the rows of this transaction."""
    return check_teardown(
        TeardownFacts(
            dataset=dataset_before_teardown(dataset),
            journey=uow.journeys.get(dataset.client_id, dataset.journey_id),
            observation=observation,
            reason=teardown.reason,
            now=reading.at,
            grace=settings.orphan_grace,
            sync_deadline=settings.sync_deadline,
            uptime=reading.uptime,
            abandon=teardown.abandon_connector,
            clock=check_clock(uow, reading),
        )
    )


def teardown_findings(
    uow: UnitOfWork, dataset: Dataset, observation: Observation | LifecycleError | None, now: datetime
) -> dict[str, Any]:
    """The facts under which the checks allowed a teardown, for the audit log."""
    journey = uow.journeys.get(dataset.client_id, dataset.journey_id)
    journey_now = journey.as_of(now) if isinstance(journey, Journey) else None
    connector = (
        "none"
        if observation is None
        else observation.code
        if isinstance(observation, LifecycleError)
        else observation.status
    )
    return {
        "found_status": dataset.status.value,
        "found_journey": f"{journey_now.state} at {journey_now.stage}" if journey_now else "not to be read",
        "found_connector": connector or "no status",
    }


async def archive_dataset(context: SagaContext) -> None:
    """Write the archive and verify it."""
    claimed = await _load_unblocked(context)
    if claimed.teardown.disconnecting and await _should_keep_archive(context, claimed):
        return
    context.report("archive")
    place, manifest = await write_archive(context, claimed.dataset)
    location = context.deps.archives.location(place)

    def record_archive(uow: UnitOfWork, dataset: Dataset) -> None:
        held = DatasetInTeardown.of(dataset)
        archive = build_archive_record(dataset, place, location, manifest, held.teardown.reason.value)
        until = archive.restore_deadline
        uow.archives.put(dataset.dataset_id, archive.as_dict())
        uow.datasets.put(held.with_progress(archived_path=location, restorable_until=until))

    await context.transact(record_archive)


async def disconnect_datasource(context: SagaContext) -> None:
    """Delete the datasource, and verify that it and its search results are gone; with the waiver, abandon it."""
    claimed = await _load_unblocked(context)
    dataset = claimed.dataset
    if claimed.teardown.connector_outcome is not None:
        return  # verified by an earlier run, and the staged content may be deleted by now
    context.report("disconnect")
    await _verify_archive(context, dataset)
    sample = await _load_probe_documents(context, dataset)
    await _cross_point_of_no_return(context, claimed)
    connector = await context.load_connector()
    abandon = connector is not None and claimed.teardown.abandon_connector
    removal = await context.deps.store.read(partial(previous_removal, dataset))
    if connector is not None and not abandon:
        await require_same_platform(context.deps.platform, connector)
        mark = await context.load_owner_tag()
        connector = await confirm_datasource(context, connector, mark)
        if connector.handle is not None and context.deps.platform.capabilities.stop:
            await _stop_syncs(context, connector.handle)
        removal = await delete_datasource(context, connector, mark)
        await _verify_datasource_gone(context, connector, sample)
    elif connector is not None:
        step = f"Delete the datasource {connector.name} in Glean, when it can be reached again."
        removal = Removal(outcome=ConnectorOutcome.ABANDONED, left=step)

    def record_removal(uow: UnitOfWork, dataset: Dataset) -> None:
        if connector is not None:
            uow.connectors.put(replace(connector, status=ConnectorStatus.DISCONNECTED))
        if connector is not None and abandon:
            record_abandoned_connector(uow, connector.connector_id)
        held = DatasetInTeardown.of(dataset)
        uow.datasets.put(held.with_progress(connector_outcome=removal.outcome, manual_step=removal.left))

    await context.transact(record_removal)


async def delete_staging(context: SagaContext) -> None:
    """Delete the staged content, and verify that it is gone."""
    claimed = DatasetInTeardown.of(await context.load())
    context.report("delete")
    await _verify_archive(context, claimed.dataset)
    await context.deps.staging.delete(context.dataset_id)
    if left := await context.deps.staging.list_attempts(context.dataset_id):
        msg = f"Staging still holds {len(left)} attempts of {context.dataset_id}."
        raise CleanupFailedError(msg)
    await context.update_dataset(teardown=replace(claimed.teardown, staging_deleted=True))


async def finish_teardown(context: SagaContext) -> None:
    """End the teardown: the dataset is ARCHIVED, and the event is published."""
    now = context.deps.clock.now()

    def finish(uow: UnitOfWork, dataset: Dataset) -> None:
        for left in uow.compensations.find(dataset.dataset_id):
            uow.compensations.delete(left)
        teardown = replace(DatasetInTeardown.of(dataset).teardown, failure=None)
        changed = dataset.evolve(
            status=DatasetStatus.ARCHIVED, run=None, archived_at=now, orphan=None, teardown=teardown
        )
        uow.datasets.put(changed)
        publish_events(
            uow,
            torn_down_event(changed, teardown, now),
        )

    await context.transact(finish)
    context.deps.store.report(context.dataset_id, None)


TEARDOWN_STEPS: Final[tuple[Step, ...]] = (
    Step(name="archive", action=archive_dataset),
    Step(name="disconnect", action=disconnect_datasource),
    Step(name="delete", action=delete_staging),
    Step(name="announce", action=finish_teardown),
)


def with_teardown_run(dataset: Dataset, teardown: Teardown, now: datetime) -> Dataset:
    """The dataset in TEARDOWN, with that teardown's saga as its run."""
    run = Run.start(TEARDOWN_SAGA.kind, dataset.dataset_id, teardown.run, now)
    return dataset.evolve(status=DatasetStatus.TEARDOWN, teardown=teardown, run=run, recheck=None)


def with_resumed_teardown(dataset: Dataset, now: datetime) -> Dataset:
    """The dataset with a new run when its teardown has stopped; otherwise unchanged."""
    teardown = dataset.stalled_teardown
    if teardown is None:
        return dataset
    return with_teardown_run(dataset, replace(teardown, run=teardown.run + 1, failure=None), now)


def fail_teardown(step_failure: StepFailure, now: datetime, uow: UnitOfWork, dataset: Dataset) -> None:
    """End a failed teardown: give the dataset back if nothing was disconnected and a check refused or it was cancelled.

    Otherwise the dataset stays in TEARDOWN, with the step and the error.
    """
    teardown = DatasetInTeardown.of(dataset).teardown
    code = step_failure.code
    if step_failure.is_a(PlatformError) and dataset.connector_id:
        uow.connectors.record_error(dataset.connector_id, now, code)
    failure = Failure(
        step=step_failure.step,
        code=code,
        message=step_failure.error["message"],
        recovery=step_failure.error["recovery"],
        suggested_action=step_failure.error.get("suggested_action", ""),
        at=now,
        attempt=teardown.run,
    )
    back = not teardown.disconnecting and (code == "cancelled" or "blocking_checks" in step_failure.error)
    status = teardown.former_status if back else dataset.status
    if back and teardown.archived_path is not None:
        mark_archive_given_back(uow, dataset.dataset_id, now)
    changed = dataset.evolve(status=status, run=None, teardown=replace(teardown, failure=failure))
    uow.datasets.put(changed)
    publish_events(
        uow,
        teardown_failed_event(changed, teardown, failure, now, given_back=back),
    )


async def _load_unblocked(context: SagaContext) -> DatasetInTeardown:
    """Load the dataset, and require that no check forbids to continue. No check runs after the point of no return."""
    claimed = DatasetInTeardown.of(await context.load())
    if claimed.teardown.disconnecting:
        return claimed
    await context.checkpoint()
    observation = await observe_connector(context.deps.store, context.deps.platform, claimed.dataset)
    return await context.transact(partial(_require_unblocked, context, observation))


def _require_unblocked(
    context: SagaContext, observation: Observation | LifecycleError | None, uow: UnitOfWork, dataset: Dataset
) -> DatasetInTeardown:
    held, deps = DatasetInTeardown.of(dataset), context.deps
    checks = find_blocking_checks(
        uow, dataset, observation, held.teardown, reading=read_clock(deps.clock), settings=deps.settings
    )
    raise_if_blocked(dataset, checks)
    return held


async def _cross_point_of_no_return(context: SagaContext, claimed: DatasetInTeardown) -> None:
    if claimed.teardown.disconnecting:
        return
    observation = await observe_connector(context.deps.store, context.deps.platform, claimed.dataset)

    def cross(uow: UnitOfWork, dataset: Dataset) -> None:
        if dataset.run and dataset.run.cancel_requested:
            msg = "The teardown was cancelled by request."
            raise CancelledError(msg)
        uow.datasets.put(
            _require_unblocked(context, observation, uow, dataset).with_progress(disconnecting=True)
        )

    await context.transact(cross)


async def _stop_syncs(context: SagaContext, handle: str) -> None:
    platform, limit = context.deps.platform, context.deps.settings.stop_deadline

    async def is_idle() -> bool | None:
        return None if (await platform.observe(handle)).syncing else True

    async def stop_sync() -> None:
        await platform.stop_sync(handle, await context.load_owner_tag())

    await poll(
        is_idle,
        context.deps.clock,
        constant_backoff(_STOP_PAUSE_S),
        limit=limit,
        timeout_error=lambda: PlatformUnavailableError(f"A sync of it had not stopped after {limit}."),
        before_pause=stop_sync,
    )


async def _verify_datasource_gone(
    context: SagaContext, connector: Connector, sample: Sequence[bytes]
) -> None:
    platform, name = context.deps.platform, connector.name
    mark = await context.load_owner_tag()
    found = await platform.find_datasources([name])
    if any(each.mark == mark for each in found):
        msg = f"The datasource {name} is still listed."
        raise CleanupFailedError(msg)
    if any(each.mark is not None or each.handle != connector.handle for each in found):
        return  # search results under that name could belong to another datasource
    if connector.handle is not None and await platform.is_still_served(connector.handle, name, sample):
        msg = f"Search still finds documents of {name}."
        raise CleanupFailedError(msg)


async def _should_keep_archive(context: SagaContext, claimed: DatasetInTeardown) -> bool:
    """Whether to keep the archive: staging is deleted, or the archive is intact. Otherwise it is written again."""
    return (
        claimed.teardown.staging_deleted or await _load_intact_manifest(context, claimed.dataset) is not None
    )


async def _load_probe_documents(context: SagaContext, dataset: Dataset) -> Sequence[bytes]:
    """The first documents, from the archive that was just verified: the staged content may be lost."""
    sample = context.deps.archives.read(archive_place(dataset), SAMPLE_FILE)
    return parse_sample_lines(b"".join([chunk async for chunk in sample]))[:_PROBE_COUNT]


TEARDOWN_SAGA: Final = SagaDefinition(
    kind="teardown",
    steps=TEARDOWN_STEPS,
    on_failure=fail_teardown,
    retry_advice="call the teardown again",
    cancellable=True,
    resume=with_resumed_teardown,
)
"""Takes a dataset down, or gives it back, or records the step at which it stopped."""
