"""Snapshot: the archive of a dataset that stays live, to preserve its state before a roll-back.

A saga takes it, so that no retry or teardown runs meanwhile, and a process that dies leaves no partial archive. The
archive of a later teardown has the same place and replaces it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.errors import (
    InvalidArgumentError,
    Recovery,
    error_from_code,
)
from domain.lifecycle.archives.archive import (
    Archive,
    build_archive_record,
    finish_snapshot,
    load_snapshot_failure,
    parse_archive,
)
from domain.lifecycle.archives.writer import write_archive
from domain.lifecycle.sagas import SagaDefinition, Step
from domain.model import DatasetStatus, Run
from domain.policy import find_dataset_for_update, require_no_running_work

if TYPE_CHECKING:
    from domain.lifecycle.sagas import ProgressListener, SagaContext, SagaRunner
    from domain.model import Dataset, Principal
    from domain.ports import Clock, Ids, Store, UnitOfWork

_REASON: Final = "snapshot"
_SNAPSHOT_STATUSES: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})


class SnapshotService:
    """Snapshot service: takes snapshots."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, sagas: SagaRunner) -> None:
        """Work with these ports."""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._sagas = sagas

    async def take(
        self, dataset_id: str, principal: Principal, listener: ProgressListener | None = None
    ) -> Archive:
        """Archive a READY or VALIDATING dataset and wait for the end; attach to a snapshot that runs already.

        Raises UnknownDatasetError, ProvisionRunningError or TeardownInProgressError while a saga works on it,
        InvalidArgumentError for a dataset that is not served, or ArchiveFailedError.
        """
        await self._sagas.fail_dead_letters()
        now = self._clock.now()
        run = Run.start(SNAPSHOT_SAGA.kind, dataset_id, self._ids.token(), now)

        def claim(uow: UnitOfWork) -> Dataset:
            dataset = find_dataset_for_update(uow, dataset_id, principal)
            self._sagas.require_dataset_here(uow, dataset)
            if dataset.run is not None and dataset.run.kind == SNAPSHOT_SAGA.kind:
                return dataset
            _require_snapshot_allowed(dataset)
            claimed = dataset.evolve(run=run)
            uow.datasets.put(claimed)
            record_audit_entry(uow, principal, "snapshot begun", dataset=claimed)
            return claimed

        dataset = await self._sagas.call_past_abandoned_runs(partial(self._store.transact, claim))
        await self._sagas.ensure_running(dataset)
        await self._sagas.wait(dataset_id, None, listener)
        return await self._store.read(partial(_load_snapshot_archive, dataset))


async def archive_snapshot(context: SagaContext) -> None:
    """Write the archive and verify it. An earlier teardown that was reversed does not affect it."""
    context.report("archive")
    dataset = replace(await context.load(), teardown=None)
    place, manifest = await write_archive(context, dataset, _REASON)
    location = context.deps.archives.location(place)

    def record_archive(uow: UnitOfWork, stored: Dataset) -> None:
        archive = build_archive_record(stored, place, location, manifest, _REASON)
        uow.archives.put(stored.dataset_id, archive.as_dict())

    await context.transact(record_archive)


SNAPSHOT_STEPS: Final[tuple[Step, ...]] = (Step(name="archive", action=archive_snapshot),)
SNAPSHOT_SAGA: Final = SagaDefinition(
    kind="snapshot",
    steps=SNAPSHOT_STEPS,
    on_failure=lambda failure, _now, uow, dataset: finish_snapshot(failure.error, uow, dataset),
    on_success=lambda _now, uow, dataset: finish_snapshot(None, uow, dataset),
    retry_advice="take the snapshot again",
)
"""Archives a dataset that stays live, verifies the archive, and releases the dataset in any case."""


def _require_snapshot_allowed(dataset: Dataset) -> None:
    require_no_running_work(dataset, "a snapshot")
    if dataset.status not in _SNAPSHOT_STATUSES:
        msg = f"{dataset.name} is {dataset.status}; only a served dataset can have a snapshot."
        raise InvalidArgumentError(msg, field="dataset_id", recovery=Recovery.CHOOSE_OTHER)


def _load_snapshot_archive(dataset: Dataset, uow: UnitOfWork) -> Archive:
    """Load the record of the snapshot. Raises the error that the saga ended with."""
    failed = load_snapshot_failure(uow, dataset.dataset_id)
    if failed is not None:
        raise error_from_code(
            failed["code"],
            f"The snapshot of {dataset.name} was not taken; the dataset is unchanged. {failed['message']}",
            recovery=Recovery(failed["recovery"]),
            suggested_action=failed.get("suggested_action"),
            dataset_id=dataset.dataset_id,
        )
    return parse_archive(uow.archives.get(dataset.dataset_id) or {})
