"""A snapshot: the archive of a dataset that stays where it is, to keep its state before a roll-back.

It is taken by a saga, so that nothing retries the dataset or takes it down meanwhile and a process that dies leaves no
half of one. It stands where the teardown's archive will stand, which replaces it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain import archives
from domain.archives import Archive, parse_archive
from domain.audit import record_audit_entry
from domain.errors import (
    InvalidArgumentError,
    ProvisionRunningError,
    Recovery,
    TeardownInProgressError,
    error_from_code,
)
from domain.model import Run
from domain.running import find_dataset_for_update
from domain.saga import Step, StepFailure, SupersededError, finalize, run_steps
from domain.teardown import write_archive
from domain.undoing import load_saga_context
from domain.vocabulary import DatasetStatus

if TYPE_CHECKING:
    from domain.callers import Principal
    from domain.job import Dependencies, SagaContext
    from domain.model import Dataset
    from domain.ports import Json, StepRunner
    from domain.records import Records
    from domain.running import ProgressListener, SagaRunner

_REASON: Final = "snapshot"
_SNAPSHOT_STATUSES: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})


class SnapshotService:
    """Takes snapshots."""

    def __init__(self, deps: Dependencies, sagas: SagaRunner) -> None:
        """Work with these ports."""
        self._deps = deps
        self._sagas = sagas

    async def take(
        self, dataset_id: str, principal: Principal, listener: ProgressListener | None = None
    ) -> Archive:
        """Archive a READY or VALIDATING dataset as it stands, and wait for that; one that is being taken is joined.

        Raises UnknownDatasetError, ProvisionRunningError or TeardownInProgressError while a saga works on it,
        InvalidArgumentError for one with nothing to archive, or ArchiveFailedError.
        """
        await self._sagas.fail_dead_letters()
        now = self._deps.clock.now()
        saga_id = f"snapshot:{dataset_id}:{self._deps.ids.token()}"

        def claim(records: Records) -> Dataset:
            dataset = find_dataset_for_update(records, dataset_id, principal)
            if dataset.run is not None and dataset.run.kind == "snapshot":
                return dataset
            _require_snapshot_allowed(dataset)
            claimed = dataset.evolve(run=Run(saga_id=saga_id, started_at=now))
            records.put_dataset(claimed)
            record_audit_entry(records, principal, "snapshot begun", dataset=claimed)
            return claimed

        dataset = await self._deps.store.transact(claim)
        await self._sagas.ensure_running(dataset)
        await self._sagas.wait(dataset_id, None, listener)
        return await self._deps.store.read(partial(_load_snapshot_archive, dataset))


async def run_snapshot_saga(deps: Dependencies, perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    """Archive a dataset, read the archive back, and let go of the dataset, whatever came of it."""
    try:
        context = await load_saga_context(deps, dataset_id, saga_id)
        _, step_failure = await run_steps(SNAPSHOT_STEPS, context, perform)
        await finalize(perform, partial(_finalize_snapshot, context, step_failure))
    except SupersededError:
        return


async def archive_snapshot(context: SagaContext) -> None:
    """Write the archive and read it back. An earlier teardown that was given back has no say in it."""
    context.report("archive")
    dataset = replace(await context.load(), teardown=None)
    place, manifest = await write_archive(context, dataset, _REASON)
    location = context.deps.archives.location(place)

    def record_archive(records: Records, held: Dataset) -> None:
        records.put_archive(
            held.dataset_id, archives.build_archive_record(held, place, location, manifest, _REASON)
        )

    await context.transact(record_archive)


SNAPSHOT_STEPS: Final[tuple[Step[SagaContext], ...]] = (Step(name="archive", action=archive_snapshot),)


async def _finalize_snapshot(context: SagaContext, step_failure: StepFailure | None) -> Json:
    await context.transact(partial(archives.finish_snapshot, step_failure.error if step_failure else None))
    context.deps.store.report(context.dataset_id, None)
    return {}


def _require_snapshot_allowed(dataset: Dataset) -> None:
    if dataset.status is DatasetStatus.TEARDOWN:
        msg = f"{dataset.name} is being taken down, and archived with that."
        raise TeardownInProgressError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
    if dataset.run is not None:
        msg = f"{dataset.name} is being worked on; a snapshot is of a dataset that is settled."
        raise ProvisionRunningError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
    if dataset.status not in _SNAPSHOT_STATUSES:
        msg = f"{dataset.name} is {dataset.status}; a snapshot is taken of what is served."
        raise InvalidArgumentError(msg, field="dataset_id", recovery=Recovery.CHOOSE_OTHER)


def _load_snapshot_archive(dataset: Dataset, records: Records) -> Archive:
    """The archive as it was kept. Raises the error that the saga ended with."""
    failed = archives.load_snapshot_failure(records, dataset.dataset_id)
    if isinstance(failed, dict):
        raise error_from_code(
            failed["code"],
            f"The snapshot of {dataset.name} was not taken; the dataset is as it was. {failed['message']}",
            recovery=Recovery(failed["recovery"]),
            suggested_action=failed.get("suggested_action"),
            dataset_id=dataset.dataset_id,
        )
    return parse_archive(records.archive(dataset.dataset_id) or {})
