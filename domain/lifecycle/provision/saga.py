"""Provision saga: its steps, each with its compensation.

A retry or a refresh is a new attempt beside the old content, which stays staged and served until the new content is
fully synced (the step `index`). After that it cannot be reversed: a failure leaves the new content served, with status
VALIDATING.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.audit import publish_events
from domain.connectors import (
    build_datasource_spec,
    claim_home_platform,
    find_connector_facts,
    require_same_platform,
)
from domain.content import (
    Population,
    is_fit_for_use,
    measure_readiness,
    with_indexed_gate,
    with_sanitization,
    withhold_values,
)
from domain.errors import (
    ExportInvalidError,
    MockDataMissingError,
    PlatformError,
    Recovery,
    require_present,
)
from domain.lifecycle.archives import protection_end, stage_archived_documents
from domain.lifecycle.events import (
    provision_failed_event,
    provisioned_event,
    quality_evaluated_event,
    restored_event,
)
from domain.lifecycle.provision.compensation import (
    delete_replaced_staging,
    discard_pushed_run,
    pending_compensation_steps,
    record_pending_compensation,
    revert_connector,
    run_pending_compensation,
    sort_compensations,
    stop_sync,
    unstage_documents,
)
from domain.lifecycle.sagas import (
    PAGE_BYTES,
    PAGE_COUNT,
    SagaContext,
    SagaDefinition,
    Step,
    StepFailure,
    attempt_connector_id,
    client_settings,
    client_sites,
    compensation_step_name,
    constant_backoff,
    poll,
    push_run_name,
    push_with_retry,
    require_connector,
    sync_and_wait,
)
from domain.model import (
    Connector,
    ConnectorStatus,
    Content,
    Dataset,
    DatasetStatus,
    DataSource,
    Failure,
    Journey,
    PendingCompensation,
    Run,
)
from domain.policy import (
    is_population_due,
    require_continue_allowed,
    require_moving_source,
    require_source_allowed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.model import OwnerTag, SanitizationReport, Template
    from domain.ports import DeadLetter, UnitOfWork

_UNREADABLE_POLL_S: Final = 1.0


async def clear_leftovers(context: SagaContext) -> None:
    """Run the pending compensations of earlier attempts."""
    await context.checkpoint()
    context.report("clear")
    for pending in await context.deps.store.read(
        lambda uow: sort_compensations(uow.compensations.find(context.dataset_id))
    ):
        await run_pending_compensation(context, pending)


async def populate_staging(context: SagaContext) -> None:
    """Stage neutral documents: from the template's records, which are checked, or from an archive."""
    dataset = await context.checkpoint()
    if dataset.restored_from is not None:
        await stage_archived_documents(context, dataset.restored_from)
        return
    templates = {each.template_id: each for each in await context.deps.templates.list()}
    template = templates.get(dataset.template.template_id)
    now = context.deps.clock.now()
    if dataset.run and dataset.run.is_refresh:
        # Both held when it was begun, which may be long ago: another process may have taken it up.
        require_moving_source(dataset, template)
        is_population_due(dataset, now)
    if template is None:
        msg = f"The template {dataset.template.template_id!r} is no longer in the repository."
        raise MockDataMissingError(msg)
    if dataset.data_source is DataSource.SANITIZED_PRODUCTION:
        await _stage_sanitized(context, dataset, template.as_sanitized(), now)
        return
    if template.is_generated(dataset.data_source):
        if template.generator is None:
            msg = f"The template {template.template_id!r} no longer has a generator."
            raise MockDataMissingError(msg)
        count = dataset.requested_count or template.generator.count
        opened = context.deps.templates.generate_records(template, count, now.date())
        template = template.as_generated(count)
    else:
        opened = context.deps.templates.open_records(template)
    population = _begin_population(context, dataset, template, now)

    def produce() -> Iterator[bytes]:
        with opened as stream:
            yield from population.stream_documents(stream)

    staged = await context.deps.staging.write(context.dataset_id, context.attempt, produce)
    await context.update_dataset(staged=population.build_content(context.attempt, staged))


def _begin_population(
    context: SagaContext, dataset: Dataset, template: Template, now: datetime
) -> Population:
    return Population(
        template,
        dataset_type=dataset.dataset_type,
        wanted=dataset.requested_count,
        sites=client_sites(context.deps.connectors, dataset),
        now=now,
        progress=partial(context.report, "populate"),
        limit=context.deps.settings.records_per_dataset,
        connector=find_connector_facts(
            client_settings(context.deps.connectors, dataset), dataset.dataset_type
        ),
    )


async def _stage_sanitized(context: SagaContext, dataset: Dataset, template: Template, now: datetime) -> None:
    """Stage documents of sanitized records. A leak ends it, with nothing staged.

    Raises ExportInvalidError and LeakFoundError, which repeat nothing of the export.
    """
    require_source_allowed(dataset.data_source, dataset.stage)
    export = context.deps.export
    if export is None:
        raise ExportInvalidError(
            "There is no export of production records any more: sanitization.export_path is not set.",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action="Have sanitization.export_path and sanitization.key set again.",
        )
    await export.require_usable()
    population = _begin_population(context, dataset, template, now)
    context.report("populate", message="reading whom the export names")
    reports: list[SanitizationReport] = []

    def produce() -> Iterator[bytes]:
        with export.open_records(dataset.dataset_type) as stream, withhold_values(stream.file):
            yield from population.stream_documents(stream)
            reports.append(stream.build_report())

    staged = await context.deps.staging.write(context.dataset_id, context.attempt, produce)
    content = population.build_content(context.attempt, staged)
    await context.update_dataset(staged=with_sanitization(content, reports[-1]))


def _connector_credential(context: SagaContext, dataset: Dataset) -> str | None:
    """The credential of the connector; None on a platform whose connectors need none."""
    if not context.deps.platform.capabilities.authorise:
        return None
    return context.deps.secrets.credential(
        dataset.dataset_id, dataset.dataset_type, dataset.stage, dataset.client_id
    )


async def create_connector(context: SagaContext) -> None:
    """Create the connector, or find the earlier one; configure and authorise it."""
    dataset = await context.checkpoint()
    await _require_continuable_journey(context, dataset)
    context.report("connect")
    mark = await context.load_owner_tag()
    source = build_datasource_spec(
        dataset,
        _require_staged(dataset).containers,
        context.deps.connectors.settings(dataset.dataset_type, dataset.stage, dataset.client_id),
        installation=mark.installation,
        site=client_sites(context.deps.connectors, dataset)[dataset.dataset_type],
    )
    secret = _connector_credential(context, dataset)
    fingerprint = await context.deps.platform.fetch_fingerprint()
    now = context.deps.clock.now()

    def record_connector(uow: UnitOfWork, held: Dataset) -> Connector:
        # Glean may not have named its tenant when the dataset was admitted.
        claim_home_platform(uow, fingerprint)
        found = uow.connectors.get(held.connector_id) if held.connector_id else None
        if found is None:
            found = Connector(
                connector_id=attempt_connector_id(held, context.attempt),
                dataset_id=held.dataset_id,
                client_id=held.client_id,
                name=held.name,
                kind=held.dataset_type.connector_kind,
                status=ConnectorStatus.CREATING,
                created_at=now,
                fingerprint=fingerprint,
                made_by_attempt=context.attempt,
            )
            uow.connectors.put(found)
            uow.datasets.put(held.evolve(connector_id=found.connector_id))
        return found

    await require_same_platform(context.deps.platform, await context.transact(record_connector))
    handle = await context.deps.platform.ensure(source)
    await context.update_connector(handle=handle)
    if secret is not None:
        await context.deps.platform.authorise(handle, mark, secret)


async def push_documents(context: SagaContext) -> None:
    """Send the staged documents as one run, invisible until it is synced."""
    dataset = await context.checkpoint()
    handle, mark, _ = await context.load_verified_connector()
    await push_with_retry(
        partial(_push_staged, context, handle, mark, _require_staged(dataset)), context.checkpoint
    )


async def sync_documents(context: SagaContext) -> None:
    """Sync the run, wait for the end, and make the staged content the dataset's content."""
    dataset = await context.checkpoint()
    await _require_continuable_journey(context, dataset)
    handle, mark, connector = await context.load_verified_connector()
    if dataset.staged is not None:
        if (
            connector.status is ConnectorStatus.CREATING
        ):  # an earlier connector keeps its status, as it serves already
            await context.update_connector(status=ConnectorStatus.SYNCING)
        push_again = partial(_push_staged, context, handle, mark, dataset.staged)
        await sync_and_wait(
            context,
            handle,
            mark,
            push_run_name(context),
            push=push_again,
            before_each_poll=context.checkpoint,
        )
        now = context.deps.clock.now()
        settings = context.deps.connectors.settings(dataset.dataset_type, dataset.stage, dataset.client_id)
        source = build_datasource_spec(
            dataset, dataset.staged.containers, settings, installation=mark.installation
        )

        def switch_content(uow: UnitOfWork, held: Dataset) -> None:
            if held.staged is None:
                return  # switched before, by a commit whose answer was lost
            uow.connectors.put(
                replace(
                    require_connector(uow, held),
                    status=ConnectorStatus.HEALTHY,
                    config=source.config,
                    run=push_run_name(context),
                    last_successful_sync=now,
                )
            )
            uow.datasets.put(
                held.evolve(content=held.staged, staged=None, quality=None, status=DatasetStatus.VALIDATING)
            )

        await context.transact(switch_content)
    await delete_replaced_staging(context)


async def validate_content(context: SagaContext) -> None:
    """Evaluate the quality: the checks of the population, and the gate that everything pushed is indexed.

    Readiness is measured too; it never keeps a dataset from being READY.
    """
    dataset = await context.checkpoint()
    context.report("validate")
    handle, _, connector = await context.load_verified_connector()
    observation = await context.deps.platform.observe(handle)
    content = require_present(dataset.content, "the step `index` has made the content the dataset's")
    report = with_indexed_gate(content.report, indexed=observation.indexed, pushed=content.record_count)
    deps = context.deps
    ready = await measure_readiness(
        deps.templates,
        deps.platform,
        dataset,
        connector.name,
        timeout_s=deps.settings.questions_deadline.total_seconds(),
    )
    now = context.deps.clock.now()

    def record_quality(uow: UnitOfWork, held: Dataset) -> None:
        if held.quality and replace(held.quality, evaluated_at=report.evaluated_at, readiness=None) == report:
            return  # published by a process that died before this step was recorded
        judged = replace(report, evaluated_at=now, readiness=ready)
        changed = held.evolve(quality=judged)
        uow.datasets.put(changed)
        publish_events(uow, quality_evaluated_event(changed, judged, now))

    await context.transact(record_quality)


async def finish_provision(context: SagaContext) -> None:
    """End the provision: READY when the quality is sufficient, otherwise VALIDATING."""
    dataset = await context.checkpoint()
    await _require_continuable_journey(context, dataset)
    now = context.deps.clock.now()

    def finish(uow: UnitOfWork, held: Dataset) -> None:
        passed = held.quality is not None and is_fit_for_use(held.quality)
        status = DatasetStatus.READY if passed else DatasetStatus.VALIDATING
        changed = held.evolve(
            status=status, run=None, failure=None, protected_until=protection_end(held, now)
        )
        uow.datasets.put(changed)
        if changed.restored_from is not None:
            publish_events(uow, restored_event(changed, now))
        if passed:
            publish_events(uow, provisioned_event(changed, now))

    await context.transact(finish)
    context.deps.store.report(context.dataset_id, None)


PROVISION_STEPS: Final[tuple[Step, ...]] = (
    Step(name="clear", action=clear_leftovers),
    Step(name="populate", action=populate_staging, compensation=unstage_documents),
    Step(name="connect", action=create_connector, compensation=revert_connector),
    Step(name="push", action=push_documents, compensation=discard_pushed_run),
    Step(name="index", action=sync_documents, compensation=stop_sync),
    Step(name="validate", action=validate_content),
    Step(name="announce", action=finish_provision),
)


def with_provision_run(
    dataset: Dataset, now: datetime, *, former_status: DatasetStatus | None = None
) -> Dataset:
    """The dataset with the provision saga of its attempt as its run; a refresh has a former status."""
    run = Run.start(PROVISION_SAGA.kind, dataset.dataset_id, dataset.attempt, now)
    return replace(dataset, run=replace(run, former_status=former_status))


def fail_provision(step_failure: StepFailure, now: datetime, uow: UnitOfWork, dataset: Dataset) -> None:
    """End a failed provision: release the dataset, and record the step and the error."""
    if step_failure.is_a(PlatformError) and dataset.connector_id:
        uow.connectors.record_error(dataset.connector_id, now, step_failure.code)
    failure = Failure(
        step=step_failure.step,
        code=step_failure.code,
        message=step_failure.error["message"],
        recovery=step_failure.error["recovery"],
        suggested_action=step_failure.error.get("suggested_action", ""),
        at=now,
        attempt=dataset.attempt,
        to_undo=pending_compensation_steps(uow, dataset),
        field=step_failure.error.get("field"),
    )
    content = dataset.content if _should_keep_content(uow, dataset, dataset.attempt) else None
    status = _status_after_failure(dataset, content, failure)
    changed = dataset.evolve(status=status, run=None, content=content, staged=None, failure=failure)
    uow.datasets.put(changed)
    publish_events(
        uow,
        provision_failed_event(changed, failure, now),
    )


async def _require_continuable_journey(context: SagaContext, dataset: Dataset) -> None:
    """Wait for a journey that can be read, and stop the provision when it has ended or left the stage."""
    store, clock = context.deps.store, context.deps.clock

    async def load_journey() -> Journey | None:
        journey = await store.read(lambda uow: uow.journeys.get(dataset.client_id, dataset.journey_id))
        return journey if isinstance(journey, Journey) else None

    async def report_wait() -> None:
        context.report("wait", message="Its journey cannot be read; waiting until it can.")

    journey = await poll(
        load_journey,
        clock,
        constant_backoff(_UNREADABLE_POLL_S),
        before_pause=report_wait,
        after_pause=context.checkpoint,
    )
    restored = dataset.restored_from is not None
    require_continue_allowed(journey.as_of(clock.now()), dataset.stage, restored=restored)


def _status_after_failure(dataset: Dataset, content: Content | None, failure: Failure) -> DatasetStatus:
    """The status after a failed attempt, with the content that survives it.

    A refresh that is wholly reversed leaves the dataset as it was. While its sync is still to be reversed, Glean may
    serve what was pushed, so the dataset is not said to be READY.
    """
    if content is None:
        return DatasetStatus.FAILED
    reversed_wholly = content.attempt != dataset.attempt and "index" not in failure.to_undo
    former = dataset.run.former_status if dataset.run else None
    return former if former and reversed_wholly else DatasetStatus.VALIDATING


def _should_keep_content(uow: UnitOfWork, dataset: Dataset, attempt: int) -> bool:
    """Whether the content survives a failed attempt: it is of an earlier attempt, or has replaced an earlier content.

    Content that only the failed attempt has made does not, even when it could not be removed yet.
    """
    content, connector = dataset.content, uow.connectors.get(dataset.connector_id or "")
    return content is not None and (
        content.attempt != attempt or (connector is not None and connector.made_by_attempt != attempt)
    )


async def _push_staged(context: SagaContext, handle: str, mark: OwnerTag, content: Content) -> None:
    def report_sent(done: int) -> None:
        context.report("push", done, content.record_count)

    pages = context.deps.staging.iterate_pages(
        context.dataset_id, context.attempt, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES
    )
    await context.deps.platform.push(handle, mark, push_run_name(context), pages, report_sent)


def _require_staged(dataset: Dataset) -> Content:
    return require_present(dataset.staged, "the step `populate` has staged the content")


def _fail_dead_provision(
    dead_letter: DeadLetter, failure: StepFailure, now: datetime, uow: UnitOfWork, dataset: Dataset
) -> None:
    """Record compensations for all that the attempt may have made, and end it like any failed provision.

    Compensations that failed in the saga itself are recorded already.
    """
    known = {
        each.what for each in uow.compensations.find(dataset.dataset_id) if each.attempt == dataset.attempt
    }
    begun = {*dead_letter.done, dead_letter.step}
    for step in PROVISION_STEPS:
        may_have_begun = step.name in begun or not dead_letter.step
        compensated = step.compensation is None or compensation_step_name(step) in dead_letter.done
        if may_have_begun and not compensated and step.name not in known:
            uow.compensations.put(
                PendingCompensation(
                    dataset_id=dataset.dataset_id,
                    attempt=dataset.attempt,
                    what=step.name,
                    cause=str(failure.error["message"]),
                    since=now,
                )
            )
    fail_provision(failure, now, uow, dataset)


PROVISION_SAGA: Final = SagaDefinition(
    kind="provision",
    steps=PROVISION_STEPS,
    on_failure=fail_provision,
    record_failed_compensation=record_pending_compensation,
    on_dead_letter=_fail_dead_provision,
    cancellable=True,
)
"""Makes a dataset. After a failure it compensates the attempt, and records the compensations that fail."""
