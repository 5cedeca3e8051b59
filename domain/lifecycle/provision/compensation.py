"""Compensations of a provision, in reverse order of its steps, and retries of those that failed.

A compensation belongs to an attempt, and removes only what that attempt made. One that fails is stored and retried by a
saga of its own, which claims the dataset like any other, so that it never runs beside a retry of the provision.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.connectors import require_same_platform
from domain.lifecycle.sagas import (
    PAGE_BYTES,
    PAGE_COUNT,
    SagaContext,
    SagaDefinition,
    Step,
    client_sites,
    confirm_datasource,
    delete_datasource,
    outcome_error,
    push_run_name,
    push_with_retry,
    run_step,
    sync_and_wait,
)
from domain.model import ConnectorStatus, Dataset, PendingCompensation, Stage
from domain.policy import read_clock
from domain.ports import DatasourceSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.lifecycle.sagas import StepFailure
    from domain.ports import DeadLetter, Json, StepRunner, UnitOfWork


async def stop_sync(context: SagaContext) -> None:
    """Stop the sync of this attempt's run; if it has succeeded already, serve the former content again.

    A platform that cannot stop a sync will serve the run sooner or later, so the former content is pushed after it.
    """
    if await _has_no_datasource(context):
        return
    platform = context.deps.platform
    handle, mark, _ = await context.load_verified_connector()
    found = await platform.fetch_sync_job(handle, push_run_name(context))
    if platform.capabilities.stop and (found is None or found.state == "running"):
        await platform.stop_sync(handle, mark)
        found = await platform.fetch_sync_job(handle, push_run_name(context))
    served = {"succeeded"} if platform.capabilities.stop else {"succeeded", "running"}
    former = (await context.load()).content
    if found is not None and found.state in served and former and former.attempt != context.attempt:
        back, attempt = f"{push_run_name(context)}-back", former.attempt

        async def push_former() -> None:
            pages = context.deps.staging.iterate_pages(
                context.dataset_id, attempt, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES
            )
            await platform.push(handle, mark, back, pages, partial(context.report, "push"))

        await push_with_retry(push_former, context.load)
        await sync_and_wait(context, handle, mark, back, push=push_former, before_each_poll=context.load)
        await context.update_connector(run=back)


async def discard_pushed_run(context: SagaContext) -> None:
    """Discard the run that this attempt pushed."""
    if await _has_no_datasource(context):
        return
    handle, mark, _ = await context.load_verified_connector()
    await context.deps.platform.discard_run(handle, mark, push_run_name(context))


async def revert_connector(context: SagaContext) -> None:
    """Delete the connector that this attempt made, or restore the configuration of an earlier one."""
    connector = await context.load_connector()
    if connector is None or await _has_replaced_content(context, await context.load()):
        return
    await require_same_platform(context.deps.platform, connector)
    mark = await context.load_owner_tag()
    if connector.made_by_attempt != context.attempt:
        dataset = await context.load()
        await context.deps.platform.ensure(
            DatasourceSpec(
                name=connector.name,
                kind=connector.kind,
                config=connector.config,
                mark=mark,
                site=client_sites(context.deps.connectors, dataset)[dataset.dataset_type],
                test=dataset.stage is not Stage.PRODUCTION,
            )
        )
        return
    connector = await confirm_datasource(context, connector, mark)
    removal = await delete_datasource(context, connector, mark)

    def forget_connector(uow: UnitOfWork, dataset: Dataset) -> None:
        for each in uow.compensations.find(context.dataset_id):
            if each.attempt == context.attempt and each.what in {"index", "push"}:
                uow.compensations.delete(each)  # gone with the datasource
        uow.connectors.put(replace(connector, status=ConnectorStatus.DISCONNECTED, left=removal.left))
        uow.datasets.put(dataset.evolve(connector_id=None))

    await context.transact(forget_connector)


async def unstage_documents(context: SagaContext) -> None:
    """Delete what this attempt staged; if that is served by now, delete the content that it replaced instead."""
    dataset = await context.load()
    if await _has_replaced_content(context, dataset):
        await delete_replaced_staging(context)
        return
    await context.deps.staging.delete(context.dataset_id, context.attempt)
    content = dataset.content
    gone = content is not None and content.attempt == context.attempt
    await context.update_dataset(
        staged=None,
        content=None if gone else content,
        quality=None if gone else dataset.quality,
    )


async def delete_replaced_staging(context: SagaContext) -> None:
    """Delete what other attempts staged, because this attempt's content is the dataset's."""
    for attempt in await context.deps.staging.list_attempts(context.dataset_id):
        if attempt != context.attempt:
            await context.deps.staging.delete(context.dataset_id, attempt)


COMPENSATIONS: Final = {
    "index": stop_sync,
    "push": discard_pushed_run,
    "connect": revert_connector,
    "populate": unstage_documents,
}
"""The compensation of each step, in the order in which they run."""


def _retry_step_name(attempt: int, what: str) -> str:
    return f"undo {what} of {attempt}"


def sort_compensations(pending: list[PendingCompensation]) -> list[PendingCompensation]:
    """Sort compensations: newest attempt first, and within an attempt in reverse order of its steps."""
    return sorted(pending, key=lambda each: (-each.attempt, tuple(COMPENSATIONS).index(each.what)))


async def run_pending_compensation(context: SagaContext, left: PendingCompensation) -> None:
    """Run one pending compensation and delete its record. Raises the error of the compensation."""
    await COMPENSATIONS[left.what](replace(context, attempt=left.attempt))
    await context.transact(lambda uow, _: uow.compensations.delete(left))


async def _has_replaced_content(context: SagaContext, dataset: Dataset) -> bool:
    """Whether this attempt has replaced an earlier content, so that it cannot be reversed."""
    content, connector = dataset.content, await context.load_connector()
    switched = content is not None and content.attempt == context.attempt
    return switched and connector is not None and connector.made_by_attempt != context.attempt


async def _has_no_datasource(context: SagaContext) -> bool:
    """Whether there is no datasource from which this attempt's run could be removed."""
    connector = await context.load_connector()
    return (
        connector is None
        or connector.handle is None
        or await _has_replaced_content(context, await context.load())
    )


async def record_pending_compensation(context: SagaContext, what: str, error: Json) -> None:
    """Store a compensation that failed, with its cause."""
    reading = read_clock(context.deps.clock)
    left = PendingCompensation(
        dataset_id=context.dataset_id,
        attempt=context.attempt,
        what=what,
        cause=str(error["message"]),
        since=reading.at,
        tried=reading,
    )
    await context.transact(lambda uow, _: uow.compensations.put(left))


async def _plan_retries(context: SagaContext, perform: StepRunner) -> Sequence[Step]:
    """A step for each pending compensation; the list is recorded, so that a resumed saga goes through the same."""

    async def list_pending() -> Json:
        pending = await context.deps.store.read(
            lambda uow: sort_compensations(uow.compensations.find(context.dataset_id))
        )
        return {"undos": [[each.attempt, each.what] for each in pending if not each.stopped]}

    listed = (await perform("list", list_pending))["undos"]
    return [
        Step(name=_retry_step_name(attempt, what), action=partial(_retry_compensation, attempt, what))
        for attempt, what in listed
    ]


async def _retry_compensation(attempt: int, what: str, context: SagaContext) -> None:
    """Carry out one pending compensation, or record that it failed once more."""
    pending = await context.deps.store.read(lambda uow: uow.compensations.find(context.dataset_id))
    left = next((each for each in pending if (each.attempt, each.what) == (attempt, what)), None)
    if left is None:
        return  # carried out by a process that died before that was recorded
    outcome = await run_step(what, partial(run_pending_compensation, context, left))
    if (error := outcome_error(what, outcome)) is not None:
        tried = read_clock(context.deps.clock)
        again = replace(left, cause=error["message"], tries=left.tries + 1, tried=tried)
        await context.transact(lambda uow, _: uow.compensations.put(again))


def release_dataset(uow: UnitOfWork, dataset: Dataset) -> None:
    """Release a dataset from its run, and update the pending compensations in its failure."""
    failure = dataset.failure and replace(dataset.failure, to_undo=pending_compensation_steps(uow, dataset))
    uow.datasets.put(dataset.evolve(run=None, failure=failure))


def pending_compensation_steps(uow: UnitOfWork, dataset: Dataset) -> tuple[str, ...]:
    """The steps of this dataset that are still to be compensated."""
    return tuple(each.what for each in sort_compensations(uow.compensations.find(dataset.dataset_id)))


def _stop_retries(
    dead_letter: DeadLetter, failure: StepFailure, _now: datetime, uow: UnitOfWork, dataset: Dataset
) -> None:
    """Stop the automatic retries of the compensation in which processes died, or of all when it is not known."""
    pending = uow.compensations.find(dataset.dataset_id)
    named = [each for each in pending if _retry_step_name(each.attempt, each.what) == dead_letter.step]
    for each in named or pending:
        uow.compensations.put(replace(each, stopped=True, cause=str(failure.error["message"])))
    release_dataset(uow, dataset)


COMPENSATION_SAGA: Final = SagaDefinition(
    kind="undo",
    plan=_plan_retries,
    on_failure=lambda _failure, _now, uow, dataset: release_dataset(uow, dataset),
    on_success=lambda _now, uow, dataset: release_dataset(uow, dataset),
    on_dead_letter=_stop_retries,
    retry_advice="call with retry, or ask for the teardown of the dataset",
)
"""Retries the compensations that failed in earlier attempts of a provision."""
