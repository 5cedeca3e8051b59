"""The teardown saga: archive, disconnect, delete, announce, each verified before the next.

Nothing is deleted before the archive was read back by the process that deletes. Until the first disconnect a check that
fails, or a cancel, gives the dataset back in its former status; from then on there is no way back, only forward: a step
that failed is recorded, and the next call goes on from it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from domain import archives, conceding, safety
from domain.audit import tell
from domain.errors import (
    ArchiveFailedError,
    CancelledError,
    CleanupFailedError,
    LifecycleError,
    PlatformUnavailableError,
)
from domain.events import EventKind, about
from domain.job import PAGE_BYTES, PAGE_COUNT, Job, Outside, same_platform
from domain.model import Connector, Failure, Journey, Run, Teardown
from domain.platform import Removal
from domain.saga import Step, Stumble, SupersededError, forward, settle
from domain.undoing import job_of, remove_ours, removed_before
from domain.vocabulary import ConnectorOutcome, ConnectorStatus, DatasetStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.errors import BlockingCheck
    from domain.model import Dataset
    from domain.platform import Observation
    from domain.ports import Json, Perform
    from domain.records import Records

_SAMPLE: Final = 100
_PROBES: Final = 5
_PAUSE_S: Final = 0.1


async def observe(outside: Outside, dataset: Dataset) -> Observation | LifecycleError | None:
    """What the platform says of a dataset's connector, for the rules: None when there is none to ask about."""
    connector = await outside.store.read(
        lambda records: records.connector(dataset.connector_id) if dataset.connector_id else None
    )
    if connector is None or connector.handle is None:
        return None
    try:
        await same_platform(outside.platform, connector)
        return await outside.platform.observe(connector.handle)
    except LifecycleError as error:
        return error


def blocks(
    records: Records,
    outside: Outside,
    dataset: Dataset,
    seen: Observation | LifecycleError | None,
    teardown: Teardown,
) -> tuple[BlockingCheck, ...]:
    """Every check that forbids this teardown, with the rows of this very transaction."""
    return safety.teardown_blocks(
        safety.TeardownFacts(
            dataset=safety.as_before(dataset),
            journey=records.journey(dataset.client_id, dataset.journey_id),
            observation=seen,
            reason=teardown.reason,
            now=outside.clock.now(),
            grace=outside.policy.orphan_grace,
            sync_deadline=outside.policy.sync_deadline,
            abandon=teardown.abandon_connector,
        )
    )


def grounds(
    records: Records, dataset: Dataset, seen: Observation | LifecycleError | None, now: datetime
) -> dict[str, Any]:
    """What the checks found when they let a teardown through, for the record."""
    journey = records.journey(dataset.client_id, dataset.journey_id)
    stands = journey.at(now) if isinstance(journey, Journey) else None
    connector = "none" if seen is None else seen.code if isinstance(seen, LifecycleError) else seen.status
    return {
        "found_status": dataset.status.value,
        "found_journey": f"{stands.state} at {stands.stage}" if stands else "not to be read",
        "found_connector": connector or "no status",
    }


async def archive(job: Job) -> None:
    """Write the archive and read it back."""
    dataset = await _may_go_on(job)
    if _teardown(dataset).disconnecting and await _stands(job, dataset):
        return
    job.report("archive")
    place, manifest = await archived(job, dataset)
    location = job.outside.archives.location(place)
    until = archives.restorable_until_of(manifest)

    def keep(records: Records, held: Dataset) -> None:
        teardown = _teardown(held)
        facts = archives.facts(held, place, location, manifest, teardown.reason.value)
        records.put_archive(held.dataset_id, facts)
        records.put_dataset(
            held.evolve(teardown=replace(teardown, archived_path=location, restorable_until=until))
        )

    await job.change(keep)


async def archived(job: Job, dataset: Dataset, reason: str | None = None) -> tuple[str, Json]:
    """Write the dataset's archive and read it back: where it stands, and its manifest.

    `reason` is why, None for that of the teardown. An archive of this content that stands already is kept when what is
    staged is not whole any more. Raises ArchiveFailedError, also for content that is lost and that nobody has let go.
    """
    outside, content, teardown = job.outside, dataset.content, dataset.teardown
    whole = await conceding.whole(outside, dataset)
    if not whole and teardown is not None:
        standing = await _standing(job, dataset)
        if standing is not None:
            return archives.place(dataset), standing
    pages: conceding.Pages | None = None
    if whole:
        if teardown is not None:  # nothing has to be conceded, whatever was
            dataset = replace(dataset, teardown=replace(teardown, archive_incomplete=False))
        pages = partial(outside.staging.pages, job.dataset_id, content.attempt) if content else None
    elif teardown is not None and teardown.archive_incomplete:
        pages = await conceding.left(outside, dataset)
    else:
        raise conceding.lost(dataset)
    kept = pages if outside.policy.full_data else None
    order = archives.order(
        dataset,
        await job.connector(),
        sample=await conceding.first(pages, _SAMPLE),
        documents=partial(kept, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES) if kept else None,
        now=outside.clock.now(),
        retention_days=outside.policy.retention_days,
        compressed=outside.policy.compression,
        reason=reason,
    )
    await outside.archives.write(order)
    return order.place, archives.matching(dataset, await outside.archives.verify(order.place))


async def disconnect(job: Job) -> None:
    """Remove the connector and prove that it is gone, and that search finds nothing of it; or leave it, if conceded."""
    dataset = await _may_go_on(job)
    if _teardown(dataset).connector_outcome is not None:
        return  # proved by an earlier run, and what is staged may be deleted by now
    job.report("disconnect")
    await _verified(job, dataset)
    sample = await _probes(job, dataset)
    await _point_of_no_return(job, dataset)
    connector = await job.connector()
    abandon = connector is not None and _teardown(dataset).abandon_connector
    removal = await job.outside.store.read(partial(removed_before, dataset))
    if connector is not None and not abandon:
        await same_platform(job.outside.platform, connector)
        if connector.handle is not None and job.outside.platform.can.stop:
            await _stopped(job, connector.handle)
        removal = await remove_ours(job.outside, connector, await job.mark())
        await _gone(job, connector, sample)
    elif connector is not None:
        step = f"Delete the datasource {connector.name} in Glean, when it can be reached again."
        removal = Removal(outcome=ConnectorOutcome.ABANDONED, left=step)

    def keep(records: Records, held: Dataset) -> None:
        if connector is not None:
            records.put_connector(replace(connector, status=ConnectorStatus.DISCONNECTED))
        if connector is not None and abandon:
            conceding.abandoning(records, connector.connector_id)
        teardown = replace(_teardown(held), connector_outcome=removal.outcome, manual_step=removal.left)
        records.put_dataset(held.evolve(teardown=teardown))

    await job.change(keep)


async def delete(job: Job) -> None:
    """Delete what is staged, and look that it is gone."""
    dataset = await job.look()
    job.report("delete")
    await _verified(job, dataset)
    await job.outside.staging.remove(job.dataset_id)
    if left := await job.outside.staging.attempts(job.dataset_id):
        msg = f"Staging still holds {len(left)} attempts of {job.dataset_id}."
        raise CleanupFailedError(msg)
    await job.evolve(teardown=replace(_teardown(dataset), staging_deleted=True))


async def announce(job: Job) -> None:
    """ARCHIVED, and said so."""
    now = job.outside.clock.now()

    def finish(records: Records, dataset: Dataset) -> None:
        for left in records.undos(dataset.dataset_id):
            records.drop_undo(left)
        teardown = replace(_teardown(dataset), failure=None)
        changed = dataset.evolve(
            status=DatasetStatus.ARCHIVED, run=None, archived_at=now, orphan=None, teardown=teardown
        )
        records.put_dataset(changed)
        tell(
            records,
            about(
                EventKind.TORN_DOWN,
                changed,
                now,
                reason=teardown.reason.value,
                requester=teardown.requester,
                archived_path=teardown.archived_path,
                connector_outcome=teardown.connector_outcome and teardown.connector_outcome.value,
                record_count=changed.record_count,
                **({"manual_step": teardown.manual_step} if teardown.manual_step else {}),
            ),
        )

    await job.change(finish)
    job.outside.store.report(job.dataset_id, None)


TEARDOWN: Final[tuple[Step[Job], ...]] = (
    Step(name="archive", do=archive),
    Step(name="disconnect", do=disconnect),
    Step(name="delete", do=delete),
    Step(name="announce", do=announce),
)


async def tear_down(outside: Outside, perform: Perform, dataset_id: str, saga_id: str) -> None:
    """Take a dataset down, or give it back, or say at which step it stands."""
    try:
        job = await job_of(outside, dataset_id, saga_id)
        _, stumble = await forward(TEARDOWN, job, perform)
        if stumble is not None:
            await settle(perform, partial(_settled, job, stumble))
    except SupersededError:
        return


def with_run(dataset: Dataset, teardown: Teardown, now: datetime) -> Dataset:
    """The dataset in TEARDOWN, with that teardown's saga as its run."""
    run = Run(saga_id=f"teardown:{dataset.dataset_id}:{teardown.run}", started_at=now)
    return dataset.evolve(status=DatasetStatus.TEARDOWN, teardown=teardown, run=run, recheck=None)


def resumed(dataset: Dataset, now: datetime) -> Dataset:
    """The dataset with a new run, when it is in TEARDOWN and nothing works on it; else as it is."""
    if not dataset.stalled:
        return dataset
    teardown = _teardown(dataset)
    return with_run(dataset, replace(teardown, run=teardown.run + 1, failure=None), now)


def fail(stumble: Stumble, now: datetime, records: Records, dataset: Dataset) -> None:
    """Give the dataset back when a check said no before anything was disconnected; else stay, and say where and why."""
    teardown = _teardown(dataset)
    code = stumble.code
    if code.startswith("platform_") and dataset.connector_id:
        records.note_error(dataset.connector_id, now, code)
    failure = Failure(
        step=stumble.step,
        code=code,
        message=stumble.error["message"],
        recovery=stumble.error["recovery"],
        suggested_action=stumble.error.get("suggested_action", ""),
        at=now,
        attempt=teardown.run,
    )
    back = not teardown.disconnecting and (code == "cancelled" or "blocking_checks" in stumble.error)
    status = teardown.former_status if back else dataset.status
    if back and teardown.archived_path is not None:
        archives.given_back(records, dataset.dataset_id, now)
    changed = dataset.evolve(status=status, run=None, teardown=replace(teardown, failure=failure))
    records.put_dataset(changed)
    tell(
        records,
        about(
            EventKind.TEARDOWN_FAILED,
            changed,
            now,
            reason=teardown.reason.value,
            step=failure.step,
            code=code,
            message=failure.message,
            given_back=back,
        ),
    )


async def _may_go_on(job: Job) -> Dataset:
    """The dataset, when nothing forbids to go on. Past the point of no return nothing is asked again."""
    dataset = await job.look()
    teardown = _teardown(dataset)
    if teardown.disconnecting:
        return dataset
    await job.proceed()
    seen = await observe(job.outside, dataset)
    return await job.change(partial(_checked, job, seen))


def _checked(
    job: Job, seen: Observation | LifecycleError | None, records: Records, dataset: Dataset
) -> Dataset:
    safety.refuse(dataset, blocks(records, job.outside, dataset, seen, _teardown(dataset)))
    return dataset


async def _point_of_no_return(job: Job, dataset: Dataset) -> None:
    if _teardown(dataset).disconnecting:
        return
    seen = await observe(job.outside, dataset)

    def cross(records: Records, held: Dataset) -> None:
        if held.run and held.run.cancel_requested:
            msg = "The teardown was cancelled by request."
            raise CancelledError(msg)
        _checked(job, seen, records, held)
        records.put_dataset(held.evolve(teardown=replace(_teardown(held), disconnecting=True)))

    await job.change(cross)


async def _verified(job: Job, dataset: Dataset) -> Json:
    return archives.matching(dataset, await job.outside.archives.verify(archives.place(dataset)))


async def _stopped(job: Job, handle: str) -> None:
    platform, clock = job.outside.platform, job.outside.clock
    deadline = clock.now() + job.outside.policy.stop_deadline
    while (await platform.observe(handle)).syncing:
        if clock.now() >= deadline:
            msg = f"A sync of it had not stopped after {job.outside.policy.stop_deadline}."
            raise PlatformUnavailableError(msg)
        await platform.stop(handle, await job.mark())
        await clock.sleep(_PAUSE_S)


async def _gone(job: Job, connector: Connector, sample: Sequence[bytes]) -> None:
    platform, name = job.outside.platform, connector.name
    mark = await job.mark()
    found = await platform.find([name])
    if any(each.mark == mark for each in found):
        msg = f"The datasource {name} is still listed."
        raise CleanupFailedError(msg)
    if any(each.mark is not None or each.handle != connector.handle for each in found):
        return  # what is found under that name could be somebody else's
    if connector.handle is not None and await platform.serves(connector.handle, name, sample):
        msg = f"Documents of {name} are still found."
        raise CleanupFailedError(msg)


async def _stands(job: Job, dataset: Dataset) -> bool:
    """Whether the archive needs no writing again. While the staging area is whole, a damaged one can be replaced."""
    return _teardown(dataset).staging_deleted or await _standing(job, dataset) is not None


async def _standing(job: Job, dataset: Dataset) -> Json | None:
    """The manifest of the archive of this content, read back; None when there is none, or a damaged one."""
    try:
        there = await job.outside.archives.manifest(archives.place(dataset))
        return await _verified(job, dataset) if there else None
    except ArchiveFailedError:
        return None


async def _probes(job: Job, dataset: Dataset) -> Sequence[bytes]:
    """The first documents, of the archive that was just read back: what is staged may be lost."""
    sample = job.outside.archives.read(archives.place(dataset), archives.SAMPLE)
    return archives.lines(b"".join([chunk async for chunk in sample]))[:_PROBES]


def _teardown(dataset: Dataset) -> Teardown:
    teardown = dataset.teardown
    assert teardown is not None  # noqa: S101 - a claim gives a dataset its teardown and its run at once
    return teardown


async def _settled(job: Job, stumble: Stumble) -> Json:
    await job.change(partial(fail, stumble, job.outside.clock.now()))
    job.outside.store.report(job.dataset_id, None)
    return {}
