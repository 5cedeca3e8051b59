"""The provisioning saga: one step a line, each with what takes it back.

A retry is a new attempt beside the old content, which stays staged and served until the new one is fully synced (the
step `index`). From then on the retry has nothing to go back to, and whatever stops it leaves the new content as
VALIDATING.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain import connectors, quality, safety
from domain.audit import tell
from domain.errors import MockDataMissingError
from domain.events import Event, EventKind, about
from domain.job import PAGE_BYTES, PAGE_COUNT, Job, Outside, connected, same_platform, sites
from domain.model import Connector, Content, Dataset, Failure, Journey, Run
from domain.population import Population
from domain.readiness import readiness, told
from domain.saga import Step, Stumble, SupersededError, backward, forward, settle
from domain.syncing import pushed, synced
from domain.unarchiving import kept_until, restored, unarchive
from domain.undoing import (
    connector_id,
    discard,
    disconnect,
    drop_replaced,
    in_order,
    job_of,
    remember,
    run_name,
    still_to_undo,
    stop,
    take_back,
    unstage,
)
from domain.vocabulary import ConnectorStatus, DatasetStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.model import Mark
    from domain.ports import Json, Perform
    from domain.records import Records

_UNREADABLE_LOOK_S: Final = 1.0


async def clear(job: Job) -> None:
    """Take over what earlier attempts could not take back."""
    await job.proceed()
    job.report("clear")
    for undo in await job.outside.store.read(lambda records: in_order(records.undos(job.dataset_id))):
        await take_back(job, undo)


async def populate(job: Job) -> None:
    """Stream the template's records into staging as neutral documents, checked on the way; or what an archive kept."""
    dataset = await job.proceed()
    if dataset.restored_from is not None:
        await unarchive(job, dataset.restored_from)
        return
    templates = {each.template_id: each for each in await job.outside.templates.list()}
    template = templates.get(dataset.template.template_id)
    if template is None:
        msg = f"The template {dataset.template.template_id!r} is no longer in the repository."
        raise MockDataMissingError(msg)
    population = Population(
        template,
        dataset_type=dataset.dataset_type,
        wanted=dataset.requested_count,
        sites=sites(job.outside, dataset),
        now=job.outside.clock.now(),
        progress=partial(job.report, "populate"),
        limit=job.outside.policy.records_per_dataset,
    )

    def produce() -> Iterator[bytes]:
        with job.outside.templates.records(template) as stream:
            yield from population.documents(stream)

    staged = await job.outside.staging.write(job.dataset_id, job.attempt, produce)
    await job.evolve(staged=population.content(job.attempt, staged))


def _secret(job: Job, dataset: Dataset) -> str | None:
    """What the connector signs in with; nothing on a platform where none does."""
    if not job.outside.platform.can.authorise:
        return None
    return job.outside.secrets.credential(
        dataset.dataset_id, dataset.dataset_type, dataset.stage, dataset.client_id
    )


async def connect(job: Job) -> None:
    """Make the connector, or find the one made before, configure and authorise it."""
    dataset = await job.proceed()
    await _journey_goes_on(job, dataset)
    job.report("connect")
    mark = await job.mark()
    source = connectors.configure(
        dataset,
        _staged(dataset).containers,
        job.outside.connectors.settings(dataset.dataset_type, dataset.stage, dataset.client_id),
        installation=mark.installation,
        site=sites(job.outside, dataset)[dataset.dataset_type],
    )
    secret = _secret(job, dataset)
    fingerprint = await job.outside.platform.fingerprint()
    now = job.outside.clock.now()

    def intend(records: Records, held: Dataset) -> Connector:
        found = records.connector(held.connector_id) if held.connector_id else None
        if found is None:
            found = Connector(
                connector_id=connector_id(held, job.attempt),
                dataset_id=held.dataset_id,
                client_id=held.client_id,
                name=held.name,
                kind=held.dataset_type.connector,
                status=ConnectorStatus.CREATING,
                created_at=now,
                fingerprint=fingerprint,
                made_by_attempt=job.attempt,
            )
            records.put_connector(found)
            records.put_dataset(held.evolve(connector_id=found.connector_id))
        return found

    await same_platform(job.outside.platform, await job.change(intend))
    handle = await job.outside.platform.ensure(source)
    await job.keep(handle=handle)
    if secret is not None:
        await job.outside.platform.authorise(handle, mark, secret)


async def push(job: Job) -> None:
    """Send the staged documents as one run, invisible until it is synced."""
    dataset = await job.proceed()
    handle, mark, _ = await job.handled()
    await pushed(partial(_send, job, handle, mark, _staged(dataset)), job.proceed)


async def index(job: Job) -> None:
    """Start the sync of the run, wait for its end, and make its content the dataset's."""
    dataset = await job.proceed()
    await _journey_goes_on(job, dataset)
    handle, mark, connector = await job.handled()
    if dataset.staged is not None:
        if connector.status is ConnectorStatus.CREATING:  # one that serves already goes on serving
            await job.keep(status=ConnectorStatus.SYNCING)
        push_again = partial(_send, job, handle, mark, dataset.staged)
        await synced(job, handle, mark, run_name(job), push=push_again, before_each_look=job.proceed)
        now = job.outside.clock.now()
        settings = job.outside.connectors.settings(dataset.dataset_type, dataset.stage, dataset.client_id)
        source = connectors.configure(
            dataset, dataset.staged.containers, settings, installation=mark.installation
        )

        def switch(records: Records, held: Dataset) -> None:
            if held.staged is None:
                return  # switched already, by a commit whose answer was lost
            records.put_connector(
                replace(
                    connected(records, held),
                    status=ConnectorStatus.HEALTHY,
                    config=source.config,
                    run=run_name(job),
                    last_successful_sync=now,
                )
            )
            records.put_dataset(
                held.evolve(content=held.staged, staged=None, quality=None, status=DatasetStatus.VALIDATING)
            )

        await job.change(switch)
    await drop_replaced(job)


async def validate(job: Job) -> None:
    """Score the content: the checks of the population pass, and the gate that everything pushed is indexed.

    Beside the score, how many golden questions are answered; that keeps no dataset from being ready.
    """
    dataset = await job.proceed()
    job.report("validate")
    handle, _, connector = await job.handled()
    seen = await job.outside.platform.observe(handle)
    content = dataset.content
    assert content is not None  # noqa: S101 - the step `index` has made it the dataset's
    report = quality.gate(content.report, indexed=seen.indexed, pushed=content.record_count)
    ready = await readiness(job.outside, dataset, connector.name)
    now = job.outside.clock.now()

    def settle(records: Records, held: Dataset) -> None:
        if held.quality and replace(held.quality, evaluated_at=report.evaluated_at, readiness=None) == report:
            return  # said already, by a process that died before this step was recorded
        changed = held.evolve(quality=replace(report, evaluated_at=now, readiness=ready))
        records.put_dataset(changed)
        tell(records, evaluated(changed, now))

    await job.change(settle)


async def announce(job: Job) -> None:
    """READY when the quality allows it, else VALIDATING with the issues listed; either way the saga is over."""
    dataset = await job.proceed()
    await _journey_goes_on(job, dataset)
    now = job.outside.clock.now()

    def finish(records: Records, held: Dataset) -> None:
        passed = held.quality is not None and quality.passes(held.quality)
        status = DatasetStatus.READY if passed else DatasetStatus.VALIDATING
        changed = held.evolve(status=status, run=None, failure=None, protected_until=kept_until(held, now))
        records.put_dataset(changed)
        if changed.restored_from is not None:
            tell(records, restored(changed, now))
        if passed:
            tell(records, provisioned(changed, now))

    await job.change(finish)
    job.outside.store.report(job.dataset_id, None)


PROVISION: Final[tuple[Step[Job], ...]] = (
    Step(name="clear", do=clear),
    Step(name="populate", do=populate, undo=unstage),
    Step(name="connect", do=connect, undo=disconnect),
    Step(name="push", do=push, undo=discard),
    Step(name="index", do=index, undo=stop),
    Step(name="validate", do=validate),
    Step(name="announce", do=announce),
)


async def provision(outside: Outside, perform: Perform, dataset_id: str, saga_id: str) -> None:
    """Provision a dataset, whole; on a failure take back what this attempt made, and say what could not be."""
    try:
        job = await job_of(outside, dataset_id, saga_id)
        begun, stumble = await forward(PROVISION, job, perform)
        if stumble is None:
            return
        await backward(begun, job, perform, partial(remember, job))
        await settle(perform, partial(_settled, job, stumble))
    except SupersededError:
        return


def started(dataset: Dataset, now: datetime) -> Dataset:
    """The dataset with its next attempt's saga as its run."""
    saga_id = f"provision:{dataset.dataset_id}:{dataset.attempt}"
    return replace(dataset, run=Run(saga_id=saga_id, started_at=now))


def fail(stumble: Stumble, now: datetime, records: Records, dataset: Dataset) -> None:
    """The end of a provision that failed: the dataset is nobody's work, and says at which step and why."""
    if stumble.error["code"].startswith("platform_") and dataset.connector_id:
        records.note_error(dataset.connector_id, now, stumble.code)
    failure = Failure(
        step=stumble.step,
        code=stumble.code,
        message=stumble.error["message"],
        recovery=stumble.error["recovery"],
        suggested_action=stumble.error.get("suggested_action", ""),
        at=now,
        attempt=dataset.attempt,
        to_undo=still_to_undo(records, dataset),
    )
    content = dataset.content if _stays(records, dataset, dataset.attempt) else None
    status = DatasetStatus.VALIDATING if content else DatasetStatus.FAILED
    changed = dataset.evolve(status=status, run=None, content=content, staged=None, failure=failure)
    records.put_dataset(changed)
    tell(
        records,
        about(
            EventKind.PROVISION_FAILED,
            changed,
            now,
            attempt=failure.attempt,
            step=failure.step,
            code=failure.code,
            message=failure.message,
            to_undo=list(failure.to_undo),
        ),
    )


def evaluated(dataset: Dataset, now: datetime) -> Event:
    """The event that a quality report was made."""
    report = dataset.quality
    assert report is not None  # noqa: S101 - told only of a dataset that was just evaluated
    ready = report.readiness and told(report.readiness, questions=False)
    return about(
        EventKind.QUALITY_EVALUATED,
        dataset,
        now,
        score=report.score,
        passed=quality.passes(report),
        issues=quality.issues(report),
        **({"readiness": ready} if ready else {}),
    )


def provisioned(dataset: Dataset, now: datetime) -> Event:
    """The event that a dataset is ready for use."""
    return about(
        EventKind.PROVISIONED,
        dataset,
        now,
        attempt=dataset.attempt,
        record_count=dataset.record_count,
        size_bytes=dataset.size_bytes,
        score=dataset.quality.score if dataset.quality else None,
        connector_id=dataset.connector_id,
    )


async def _journey_goes_on(job: Job, dataset: Dataset) -> None:
    while True:
        journey = await job.outside.store.read(
            lambda records: records.journey(dataset.client_id, dataset.journey_id)
        )
        if isinstance(journey, Journey):
            now, restored = job.outside.clock.now(), dataset.restored_from is not None
            safety.may_continue(journey.at(now), dataset.stage, restored=restored)
            return
        job.report("wait", message="Its journey cannot be read; waiting until it can.")
        await job.outside.clock.sleep(_UNREADABLE_LOOK_S)
        await job.proceed()


async def _settled(job: Job, stumble: Stumble) -> Json:
    """Not captured as the steps are: a store that cannot take this leaves the run in place, to be started anew."""
    await job.change(partial(fail, stumble, job.outside.clock.now()))
    job.outside.store.report(job.dataset_id, None)
    return {}


def _stays(records: Records, dataset: Dataset, attempt: int) -> bool:
    """Whether the content outlives a failed attempt: it is an earlier one's, or has replaced one in its connector.

    What the attempt made alone does not, even where it could not be removed yet.
    """
    content, connector = dataset.content, records.connector(dataset.connector_id or "")
    return content is not None and (
        content.attempt != attempt or (connector is not None and connector.made_by_attempt != attempt)
    )


async def _send(job: Job, handle: str, mark: Mark, content: Content) -> None:
    def sent(done: int) -> None:
        job.report("push", done, content.record_count)

    pages = job.outside.staging.pages(job.dataset_id, job.attempt, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES)
    await job.outside.platform.push(handle, mark, run_name(job), pages, sent)


def _staged(dataset: Dataset) -> Content:
    content = dataset.staged
    assert content is not None  # noqa: S101 - the step `populate` has staged it
    return content
