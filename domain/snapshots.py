"""A snapshot: the archive of a dataset that stays where it is, to keep its state before a roll-back.

It is taken by a saga, so that nothing retries the dataset or takes it down meanwhile and a process that dies leaves no
half of one. It stands where the teardown's archive will stand, which replaces it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain import archives
from domain.archives import Archive, archive_from
from domain.audit import note
from domain.errors import (
    InvalidArgumentError,
    ProvisionRunningError,
    Recovery,
    TeardownInProgressError,
    from_code,
)
from domain.model import Run
from domain.running import changeable_dataset
from domain.saga import Step, Stumble, SupersededError, forward, settle
from domain.teardown import archived
from domain.undoing import job_of
from domain.vocabulary import DatasetStatus

if TYPE_CHECKING:
    from domain.callers import Caller
    from domain.job import Job, Outside
    from domain.model import Dataset
    from domain.ports import Json, Perform
    from domain.records import Records
    from domain.running import Listener, Sagas

_REASON: Final = "snapshot"
_TAKEN: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})


class Snapshots:
    """Takes snapshots."""

    def __init__(self, outside: Outside, sagas: Sagas) -> None:
        """Work with these ports."""
        self._outside = outside
        self._sagas = sagas

    async def take(self, dataset_id: str, caller: Caller, listener: Listener | None = None) -> Archive:
        """Archive a READY or VALIDATING dataset as it stands, and wait for that; one that is being taken is joined.

        Raises UnknownDatasetError, ProvisionRunningError or TeardownInProgressError while a saga works on it,
        InvalidArgumentError for one with nothing to archive, or ArchiveFailedError.
        """
        await self._sagas.relieve()
        now = self._outside.clock.now()
        saga_id = f"snapshot:{dataset_id}:{self._outside.ids.token()}"

        def claim(records: Records) -> Dataset:
            dataset = changeable_dataset(records, dataset_id, caller)
            if dataset.run is not None and dataset.run.kind == "snapshot":
                return dataset
            _may_be_taken(dataset)
            claimed = dataset.evolve(run=Run(saga_id=saga_id, started_at=now))
            records.put_dataset(claimed)
            note(records, caller, "snapshot begun", dataset=claimed)
            return claimed

        dataset = await self._outside.store.transact(claim)
        await self._sagas.ensure(dataset)
        await self._sagas.wait(dataset_id, None, listener)
        return await self._outside.store.read(partial(_taken, dataset))


async def snapshot(outside: Outside, perform: Perform, dataset_id: str, saga_id: str) -> None:
    """Archive a dataset, read the archive back, and let go of the dataset, whatever came of it."""
    try:
        job = await job_of(outside, dataset_id, saga_id)
        _, stumble = await forward(SNAPSHOT, job, perform)
        await settle(perform, partial(_settled, job, stumble))
    except SupersededError:
        return


async def archive(job: Job) -> None:
    """Write the archive and read it back. An earlier teardown that was given back has no say in it."""
    job.report("archive")
    dataset = replace(await job.look(), teardown=None)
    place, manifest = await archived(job, dataset, _REASON)
    location = job.outside.archives.location(place)

    def keep(records: Records, held: Dataset) -> None:
        records.put_archive(held.dataset_id, archives.facts(held, place, location, manifest, _REASON))

    await job.change(keep)


SNAPSHOT: Final[tuple[Step[Job], ...]] = (Step(name="archive", do=archive),)


async def _settled(job: Job, stumble: Stumble | None) -> Json:
    await job.change(partial(archives.snapshot_ended, stumble.error if stumble else None))
    job.outside.store.report(job.dataset_id, None)
    return {}


def _may_be_taken(dataset: Dataset) -> None:
    if dataset.status is DatasetStatus.TEARDOWN:
        msg = f"{dataset.name} is being taken down, and archived with that."
        raise TeardownInProgressError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
    if dataset.run is not None:
        msg = f"{dataset.name} is being worked on; a snapshot is of a dataset that is settled."
        raise ProvisionRunningError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
    if dataset.status not in _TAKEN:
        msg = f"{dataset.name} is {dataset.status}; a snapshot is taken of what is served."
        raise InvalidArgumentError(msg, field="dataset_id", recovery=Recovery.CHOOSE_OTHER)


def _taken(dataset: Dataset, records: Records) -> Archive:
    """The archive as it was kept. Raises the error that the saga ended with."""
    failed = archives.snapshot_failure(records, dataset.dataset_id)
    if isinstance(failed, dict):
        raise from_code(
            failed["code"],
            f"The snapshot of {dataset.name} was not taken; the dataset is as it was. {failed['message']}",
            recovery=Recovery(failed["recovery"]),
            suggested_action=failed.get("suggested_action"),
            dataset_id=dataset.dataset_id,
        )
    return archive_from(records.archive(dataset.dataset_id) or {})
