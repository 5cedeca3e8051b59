"""Taking back what an attempt made, in reverse, and what could not be taken back at once.

An undo belongs to its attempt: it removes only what that attempt made. One that cannot be done now is kept in the store
and tried again as a saga of its own, which claims the dataset like any other, so that it never meets a retry half-way.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.errors import PlatformUnavailableError
from domain.job import PAGE_BYTES, PAGE_COUNT, Job, Outside, same_platform, sites
from domain.model import Connector, Dataset, Mark, Undo
from domain.platform import Removal, Source
from domain.saga import SupersededError, captured, settle, stumbled
from domain.syncing import pushed, synced
from domain.vocabulary import ConnectorOutcome, ConnectorStatus, Stage

if TYPE_CHECKING:
    from domain.ports import Json, Perform
    from domain.records import Records

_FIRST_LOOK_S: Final = 0.05
_LONGEST_LOOK_S: Final = 10.0


async def stop(job: Job) -> None:
    """Stop the sync of this attempt's run; when it has ended unseen, have the former content served again.

    A platform that cannot stop one will have served it sooner or later, so there the former content follows it.
    """
    if await _made_nothing(job):
        return
    platform = job.outside.platform
    handle, mark, _ = await job.handled()
    found = await platform.job(handle, run_name(job))
    if platform.can.stop and (found is None or found.state == "running"):
        await platform.stop(handle, mark)
        found = await platform.job(handle, run_name(job))
    served = {"succeeded"} if platform.can.stop else {"succeeded", "running"}
    former = (await job.look()).content
    if found is not None and found.state in served and former and former.attempt != job.attempt:
        back, attempt = f"{run_name(job)}-back", former.attempt

        async def push() -> None:
            pages = job.outside.staging.pages(
                job.dataset_id, attempt, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES
            )
            await platform.push(handle, mark, back, pages, partial(job.report, "push"))

        await pushed(push, job.look)
        await synced(job, handle, mark, back, push=push, before_each_look=job.look)
        await job.keep(run=back)


async def discard(job: Job) -> None:
    """Forget the run that this attempt pushed."""
    if await _made_nothing(job):
        return
    handle, mark, _ = await job.handled()
    await job.outside.platform.discard(handle, mark, run_name(job))


async def disconnect(job: Job) -> None:
    """Remove the connector that this attempt made; give one made before its former configuration back."""
    connector = await job.connector()
    if connector is None or await _keeps(job, await job.look()):
        return
    await same_platform(job.outside.platform, connector)
    mark = await job.mark()
    if connector.made_by_attempt != job.attempt:
        dataset = await job.look()
        await job.outside.platform.ensure(
            Source(
                name=connector.name,
                kind=connector.kind,
                config=connector.config,
                mark=mark,
                site=sites(job.outside, dataset)[dataset.dataset_type],
                test=dataset.stage is not Stage.PRODUCTION,
            )
        )
        return
    removal = await remove_ours(job.outside, connector, mark)

    def forget(records: Records, dataset: Dataset) -> None:
        for each in records.undos(job.dataset_id):
            if each.attempt == job.attempt and each.what in {"index", "push"}:
                records.drop_undo(each)  # gone with the datasource
        records.put_connector(replace(connector, status=ConnectorStatus.DISCONNECTED, left=removal.left))
        records.put_dataset(dataset.evolve(connector_id=None))

    await job.change(forget)


async def unstage(job: Job) -> None:
    """Remove what this attempt staged; when that is what is served by now, what it replaced goes instead."""
    dataset = await job.look()
    if await _keeps(job, dataset):
        await drop_replaced(job)
        return
    await job.outside.staging.remove(job.dataset_id, job.attempt)
    content = dataset.content
    gone = content is not None and content.attempt == job.attempt
    await job.evolve(
        staged=None,
        content=None if gone else content,
        quality=None if gone else dataset.quality,
    )


async def drop_replaced(job: Job) -> None:
    """Remove from staging what other attempts staged: this one's content is the dataset's."""
    for attempt in await job.outside.staging.attempts(job.dataset_id):
        if attempt != job.attempt:
            await job.outside.staging.remove(job.dataset_id, attempt)


UNDOS: Final = {"index": stop, "push": discard, "connect": disconnect, "populate": unstage}
"""What takes each step back, in the order in which it is done."""


async def undo(outside: Outside, perform: Perform, dataset_id: str, saga_id: str) -> None:
    """Try again to take back what failed attempts left behind."""
    try:
        job = await job_of(outside, dataset_id, saga_id)
        for attempt, what in (await perform("list", partial(_listed, job)))["undos"]:
            again = partial(_tried_again, replace(job, attempt=attempt), what)
            stumbled(what, await perform(_step(attempt, what), partial(captured, what, again)))
        await settle(perform, partial(_undone, job))
    except SupersededError:
        return


def step_of(left: Undo) -> str:
    """The step of the saga that takes it back."""
    return _step(left.attempt, left.what)


def _step(attempt: int, what: str) -> str:
    return f"undo {what} of {attempt}"


def in_order(undos: list[Undo]) -> list[Undo]:
    """Newest attempt first, and within one the reverse of the order in which things were made."""
    return sorted(undos, key=lambda each: (-each.attempt, tuple(UNDOS).index(each.what)))


async def take_back(job: Job, left: Undo) -> None:
    """Carry out one remembered undo and forget it. Raises what kept it from being done."""
    await UNDOS[left.what](replace(job, attempt=left.attempt))
    await job.change(lambda records, _: records.drop_undo(left))


async def remove_ours(outside: Outside, connector: Connector, mark: Mark) -> Removal:
    """Remove a dataset's datasource, also one whose making was never answered; the platform is the right one.

    Raises PlatformMismatchError when what carries the handle is not ours, and PlatformUnavailableError when the
    platform is not done with it in the time that a sync may take.
    """
    handles = [each.handle for each in await outside.platform.find([connector.name]) if each.mark == mark]
    removal = Removal(outcome=ConnectorOutcome.DELETED)
    for handle in dict.fromkeys([*handles, *([connector.handle] if connector.handle else [])]):
        removal = await _removed(outside, handle, mark)
    return removal


def removed_before(dataset: Dataset, records: Records) -> Removal:
    """What became of the connectors of a dataset that has none any more."""
    made = (records.connector(connector_id(dataset, each)) for each in range(dataset.attempt, 0, -1))
    newest = next((each for each in made if each is not None), None)
    if newest is None or newest.left is None:
        return Removal(outcome=ConnectorOutcome.DELETED)
    return Removal(outcome=ConnectorOutcome.EMPTIED, left=newest.left)


def connector_id(dataset: Dataset, attempt: int) -> str:
    """Our own id of the connector that an attempt makes."""
    return f"cn-{dataset.dataset_id}-{attempt}"


async def _removed(outside: Outside, handle: str, mark: Mark) -> Removal:
    deadline = outside.clock.now() + outside.policy.sync_deadline
    pause = _FIRST_LOOK_S
    while (removal := await outside.platform.remove(handle, mark)) is None:
        if outside.clock.now() >= deadline:
            msg = f"Glean had not deleted its documents after {outside.policy.sync_deadline}."
            raise PlatformUnavailableError(msg)
        await outside.clock.sleep(pause)
        pause = min(pause * 2, _LONGEST_LOOK_S)
    return removal


async def job_of(outside: Outside, dataset_id: str, saga_id: str) -> Job:
    """The hold on a dataset at its present attempt. Raises SupersededError for one that is not there."""
    dataset = await outside.store.read(lambda records: records.dataset(dataset_id))
    if dataset is None:
        raise SupersededError(saga_id)
    return Job(outside=outside, dataset_id=dataset_id, saga_id=saga_id, attempt=dataset.attempt)


def run_name(job: Job) -> str:
    """What the platform calls what this attempt pushes."""
    return f"{job.dataset_id}-{job.attempt}"


async def _keeps(job: Job, dataset: Dataset) -> bool:
    """Whether this attempt replaced an earlier content already, so that there is nothing to go back to."""
    content, connector = dataset.content, await job.connector()
    switched = content is not None and content.attempt == job.attempt
    return switched and connector is not None and connector.made_by_attempt != job.attempt


async def _made_nothing(job: Job) -> bool:
    """Whether there is no datasource of this attempt's to take something out of."""
    connector = await job.connector()
    return connector is None or connector.handle is None or await _keeps(job, await job.look())


async def remember(job: Job, what: str, error: Json) -> None:
    """Keep an undo that could not be done, with its cause."""
    now = job.outside.clock.now()
    left = Undo(
        dataset_id=job.dataset_id, attempt=job.attempt, what=what, cause=str(error["message"]), since=now
    )
    await job.change(lambda records, _: records.put_undo(left))


async def _listed(job: Job) -> Json:
    """What is to be taken back, recorded, so that a saga that is resumed goes through the same list."""
    undos = await job.outside.store.read(lambda records: in_order(records.undos(job.dataset_id)))
    return {"undos": [[each.attempt, each.what] for each in undos if not each.stopped]}


async def _tried_again(job: Job, what: str) -> None:
    undos = await job.outside.store.read(lambda records: records.undos(job.dataset_id))
    left = next((each for each in undos if (each.attempt, each.what) == (job.attempt, what)), None)
    if left is None:
        return  # taken back by a process that died before that was recorded
    if stumble := stumbled(what, await captured(what, partial(take_back, job, left))):
        again = replace(left, cause=stumble.error["message"], tries=left.tries + 1)
        await job.change(lambda records, _: records.put_undo(again))


async def _undone(job: Job) -> Json:
    await job.change(let_go)
    return {}


def let_go(records: Records, dataset: Dataset) -> None:
    """The end of a try to take back: the dataset is nobody's work, and says what is left."""
    failure = dataset.failure and replace(dataset.failure, to_undo=still_to_undo(records, dataset))
    records.put_dataset(dataset.evolve(run=None, failure=failure))


def still_to_undo(records: Records, dataset: Dataset) -> tuple[str, ...]:
    """The steps of this dataset that are still to be taken back."""
    return tuple(each.what for each in in_order(records.undos(dataset.dataset_id)))
