"""A snapshot: the archive of a dataset that stays where it is, to keep its state before a roll-back.

It is taken by a saga, so that nothing retries the dataset or takes it down meanwhile and a process that dies leaves no
half of one. It stands where the teardown's archive will stand, which replaces it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.errors import (
    InvalidArgumentError,
    ProvisionRunningError,
    Recovery,
    TeardownInProgressError,
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
from domain.policy import find_dataset_for_update

if TYPE_CHECKING:
    from domain.lifecycle.sagas import ProgressListener, SagaContext, SagaRunner
    from domain.model import Dataset, Principal
    from domain.ports import Clock, Ids, Store, UnitOfWork

_REASON: Final = "snapshot"
_SNAPSHOT_STATUSES: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})


class SnapshotService:
    """Takes snapshots."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, sagas: SagaRunner) -> None:
        """Work with these ports."""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._sagas = sagas

    async def take(
        self, dataset_id: str, principal: Principal, listener: ProgressListener | None = None
    ) -> Archive:
        """Archive a READY or VALIDATING dataset as it stands, and wait for that; one that is being taken is joined.

        Raises UnknownDatasetError, ProvisionRunningError or TeardownInProgressError while a saga works on it,
        InvalidArgumentError for one with nothing to archive, or ArchiveFailedError.
        """
        await self._sagas.fail_dead_letters()
        now = self._clock.now()
        run = Run.start(SNAPSHOT_SAGA.kind, dataset_id, self._ids.token(), now)

        def claim(uow: UnitOfWork) -> Dataset:
            dataset = find_dataset_for_update(uow, dataset_id, principal)
            if dataset.run is not None and dataset.run.kind == SNAPSHOT_SAGA.kind:
                return dataset
            _require_snapshot_allowed(dataset)
            claimed = dataset.evolve(run=run)
            uow.datasets.put(claimed)
            record_audit_entry(uow, principal, "snapshot begun", dataset=claimed)
            return claimed

        dataset = await self._store.transact(claim)
        await self._sagas.ensure_running(dataset)
        await self._sagas.wait(dataset_id, None, listener)
        return await self._store.read(partial(_load_snapshot_archive, dataset))


async def archive_snapshot(context: SagaContext) -> None:
    """Write the archive and read it back. An earlier teardown that was given back has no say in it."""
    context.report("archive")
    dataset = replace(await context.load(), teardown=None)
    place, manifest = await write_archive(context, dataset, _REASON)
    location = context.deps.archives.location(place)

    def record_archive(uow: UnitOfWork, held: Dataset) -> None:
        uow.archives.put(held.dataset_id, build_archive_record(held, place, location, manifest, _REASON))

    await context.transact(record_archive)


SNAPSHOT_STEPS: Final[tuple[Step, ...]] = (Step(name="archive", action=archive_snapshot),)
SNAPSHOT_SAGA: Final = SagaDefinition(
    kind="snapshot",
    steps=SNAPSHOT_STEPS,
    on_failure=lambda failure, _now, uow, dataset: finish_snapshot(failure.error, uow, dataset),
    on_success=lambda _now, uow, dataset: finish_snapshot(None, uow, dataset),
    retry_advice="take the snapshot again",
)
"""Archives a dataset that stays, reads the archive back, and lets go of the dataset, whatever came of it."""


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


def _load_snapshot_archive(dataset: Dataset, uow: UnitOfWork) -> Archive:
    """The archive as it was kept. Raises the error that the saga ended with."""
    failed = load_snapshot_failure(uow, dataset.dataset_id)
    if failed is not None:
        raise error_from_code(
            failed["code"],
            f"The snapshot of {dataset.name} was not taken; the dataset is as it was. {failed['message']}",
            recovery=Recovery(failed["recovery"]),
            suggested_action=failed.get("suggested_action"),
            dataset_id=dataset.dataset_id,
        )
    return parse_archive(uow.archives.get(dataset.dataset_id) or {})
