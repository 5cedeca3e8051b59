"""Provision service: one transaction admits, retries or attaches to a dataset; then its saga is started."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from domain.audit import publish_events, record_audit_entry
from domain.connectors import (
    claim_home_platform,
    dataset_name,
    identify_platform,
    require_home_platform,
)
from domain.content import choose_template, require_known_template
from domain.errors import (
    CancelledError,
    DatasetConflictError,
    InvalidArgumentError,
    ProvisionFailedError,
    Recovery,
    TeardownInProgressError,
    require_present,
)
from domain.lifecycle.drain import require_not_draining
from domain.lifecycle.events import provisioning_started_event
from domain.lifecycle.provision.saga import with_provision_run
from domain.lifecycle.uses import used_dataset
from domain.model import Dataset, DatasetStatus, DataSource, Journey, require_identifier
from domain.policy import (
    CHANGEABLE_CHOICES,
    ProvisionLimits,
    differing_choices,
    find_client,
    find_journey,
    may_retry,
    require_attachable,
    require_provision_allowed,
    require_records_within_limit,
    require_source_allowed,
    require_within_limits,
)

if TYPE_CHECKING:
    from datetime import datetime

    from domain.lifecycle.sagas import ProgressListener, SagaRunner
    from domain.model import (
        Client,
        DatasetType,
        Failure,
        Principal,
        Progress,
        Stage,
        Template,
        TemplateChoice,
        UnreadableRow,
    )
    from domain.ports import (
        Clock,
        Ids,
        ProductionExport,
        ReadOnlyPlatform,
        Store,
        Templates,
        UnitOfWork,
    )

_SYNC_STEP: Final = "index"
"""The step of the saga that makes Glean serve what an attempt pushed."""

REFRESHING: Final = "Refreshing"
_CALL_AGAIN: Final = re.compile(r"[,;]? (?:and|then|and then) (?:call|provision) again(?: with retry)?$")

_ALWAYS_AVAILABLE: Final = (DataSource.MOCK_TEMPLATE, DataSource.GENERATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionRequest:
    """Provision request. None: not given, so the server chooses, or a live dataset's own value applies."""

    client_id: str
    journey_id: str
    stage: Stage
    dataset_type: DatasetType
    template_id: str | None = None
    record_count: int | None = None
    data_source: DataSource | None = None
    retry: bool = False

    @property
    def named_choices(self) -> dict[str, object]:
        """The choices that the caller has named, by their arguments."""
        named = {name: getattr(self, name) for name in CHANGEABLE_CHOICES}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionResult:
    """Provision result: the dataset after the call; `created` is False when the call attached to a live one."""

    dataset: Dataset
    created: bool
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undecided:
    """A call for which a template is still to be chosen: for a new dataset, or for the retry of a `failed` one."""

    client: Client
    failed: Dataset | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The template, the source of its data and the number of records; None: all that the template has."""

    template: TemplateChoice
    source: DataSource
    count: int | None


class ProvisionService:
    """Provision service: admits datasets, or attaches to live ones."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        templates: Templates,
        platform: ReadOnlyPlatform,
        sagas: SagaRunner,
        export: ProductionExport | None = None,
        limits: ProvisionLimits | None = None,
    ) -> None:
        """Work with these ports, under these limits. `platform` answers in a limited time.

        Without an `export`, sanitized production data are not available.
        """
        self._store = store
        self._platform = platform
        self._clock = clock
        self._ids = ids
        self._templates = templates
        self._sagas = sagas
        self._export = export
        self._limits = limits or ProvisionLimits()

    async def start_or_attach(self, request: ProvisionRequest, principal: Principal) -> ProvisionResult:
        """Admit the dataset and start its saga, or attach to the live one of the same client, stage and type.

        Raises the refusal that applies; then nothing was changed.
        """
        self._validate_request(request)
        return await self._sagas.call_past_abandoned_runs(partial(self._start_or_attach, request, principal))

    async def _start_or_attach(self, request: ProvisionRequest, principal: Principal) -> ProvisionResult:
        here = self._platform.location  # only what begins something asks Glean for its tenant, too
        if request.retry:
            await self._sagas.fail_dead_letters()
            here = await identify_platform(self._platform)
        now = self._clock.now()

        def attach(uow: UnitOfWork, chosen: _Choice | None = None) -> ProvisionResult | _Undecided:
            client = find_client(
                uow, request.client_id, principal, journey_id=request.journey_id, stage=request.stage
            )
            journey = find_journey(
                uow, client.client_id, request.journey_id, principal, stage=request.stage
            ).as_of(now)
            require_home_platform(uow, here)
            live = uow.datasets.get_live(client.client_id, request.stage, request.dataset_type)
            if live is None:
                require_provision_allowed(journey, request.stage)
                require_not_draining(uow)
                return _Undecided(client=client)
            return self._attach(uow, live, client, journey, request, chosen, principal, now)

        try:
            answer = await self._store.transact(attach)
        except DatasetConflictError as conflict:
            # What differs may be no template at all, and then no teardown would help.
            if conflict.field == "template_id" and request.template_id is not None:
                known = await self._templates.list()
                require_known_template(known, request.dataset_type, request.template_id)
            raise
        if not isinstance(answer, ProvisionResult):
            chosen = await self._choose(request, answer)
            here = await identify_platform(self._platform)

            def admit(uow: UnitOfWork) -> ProvisionResult:
                found = attach(uow, chosen)
                if isinstance(found, ProvisionResult):
                    return found
                claim_home_platform(uow, here, principal)
                return self._admit(uow, request, chosen, principal, now)

            answer = await self._store.transact(admit)
        await self._sagas.ensure_running(answer.dataset)
        return answer

    def _validate_request(self, request: ProvisionRequest) -> None:
        require_identifier(request.client_id, "client_id")
        require_identifier(request.journey_id, "journey_id")
        if request.record_count is not None and request.record_count < 1:
            msg = f"record_count must be at least 1, not {request.record_count}."
            raise InvalidArgumentError(msg, field="record_count")
        if request.data_source is DataSource.SANITIZED_PRODUCTION and self._export is None:
            raise self._unavailable_error(request.data_source)
        require_source_allowed(request.data_source, request.stage)

    @staticmethod
    def _unavailable_error(source: DataSource) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"The data source {source} is not available on this server.",
            field="data_source",
            recovery=Recovery.CHOOSE_OTHER,
            candidates=_ALWAYS_AVAILABLE,
        )

    async def wait(
        self, begun: ProvisionResult, seconds: float | None, listener: ProgressListener | None = None
    ) -> ProvisionResult:
        """Wait for the end of a provision, at most that many seconds, and return its state then.

        Raises ProvisionFailedError for a provision that failed, now or earlier, and TeardownInProgressError when a
        teardown claimed the dataset meanwhile.
        """
        dataset, progress = await self._sagas.wait(begun.dataset.dataset_id, seconds, listener)
        if dataset.status in {DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED}:
            msg = f"{dataset.name} was taken down meanwhile; it is {dataset.status}."
            raise TeardownInProgressError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
        failed_now = begun.dataset.run is not None and dataset.run is None and dataset.failure is not None
        if dataset.status is DatasetStatus.FAILED or failed_now:
            raise provision_failed_error(dataset)
        return ProvisionResult(dataset=dataset, created=begun.created, progress=progress)

    async def _choose(self, request: ProvisionRequest, undecided: _Undecided) -> _Choice:
        """Choose the template and the count: for a new dataset, or for the retry of one that names another of them.

        Raises UnknownTemplateError, and InvalidArgumentError when the template has fewer records than are asked for.
        """
        failed = undecided.failed
        named = request.template_id or (failed.template.template_id if failed else None)
        templates = await self._templates.list()
        wanted = request.data_source or (failed.data_source if failed and not request.template_id else None)
        template, choice = choose_template(templates, undecided.client, request.dataset_type, named, wanted)
        source = wanted or DataSource.MOCK_TEMPLATE
        kept = failed if failed and failed.template.template_id == choice.template_id else None
        if kept is not None:
            choice = kept.template
        # The number of a failed attempt is kept for more of the same only: other data have numbers of their own.
        count = request.record_count or (
            kept.requested_count if kept and kept.data_source is source else None
        )
        if source is DataSource.SANITIZED_PRODUCTION:
            if self._export is None:  # it was configured when the attempt failed that is to be retried
                raise self._unavailable_error(source)
            await self._export.require_usable()
            return _Choice(template=choice, source=source, count=count)
        if template.generator and template.is_generated(source):
            return _Choice(template=choice, source=source, count=count or template.generator.count)
        declared = template.default_record_count
        # Only a call that asks for more than is declared has the records counted; they may be many.
        if request.record_count and declared and request.record_count > declared:
            require_records_within_limit(self._limits, request.record_count)
            held = await self._templates.count_records(template, request.record_count)
            if held < request.record_count:
                raise _too_few_records_error(template, held, request.record_count)
        return _Choice(template=choice, source=source, count=count or declared)

    def _attach(
        self,
        uow: UnitOfWork,
        live: Dataset,
        client: Client,
        journey: Journey,
        request: ProvisionRequest,
        chosen: _Choice | None,
        principal: Principal,
        now: datetime,
    ) -> ProvisionResult | _Undecided:
        named = request.named_choices
        owner = journey if live.journey_id == journey.journey_id else _load_owner(uow, live, now)
        require_attachable(live, request.journey_id, named, owner, retry=request.retry)
        if not request.retry or not may_retry(live, journey, now):
            return ProvisionResult(dataset=live, created=False)
        require_not_draining(uow)
        different = differing_choices(live, named)
        if different and chosen is None:
            return _Undecided(client=client, failed=live)
        changes: dict[str, Any] = {}
        if different and chosen:
            require_records_within_limit(self._limits, chosen.count)
            changes = {"template": chosen.template, "requested_count": chosen.count}
            changes["data_source"] = chosen.source
        retried = with_provision_run(
            used_dataset(
                uow,
                live,
                now,
                status=DatasetStatus.PROVISIONING,
                attempt=live.attempt + 1,
                failure=None,
                recheck=None,
                **changes,
            ),
            now,
        )
        uow.datasets.put(retried)
        template_id = retried.template.template_id if "template_id" in different else None
        publish_events(uow, provisioning_started_event(retried, now, template_id=template_id))
        details: dict[str, Any] = {name: named[name] for name in different}
        record_audit_entry(uow, principal, "retry begun", dataset=retried, attempt=retried.attempt, **details)
        return ProvisionResult(dataset=retried, created=False)

    def _admit(
        self,
        uow: UnitOfWork,
        request: ProvisionRequest,
        chosen: _Choice,
        principal: Principal,
        now: datetime,
    ) -> ProvisionResult:
        live = uow.datasets.count_live(request.client_id)
        require_within_limits(self._limits, live=live, wanted=chosen.count)
        name = dataset_name(request.client_id, request.stage, request.dataset_type)
        dataset = Dataset(
            dataset_id=generate_dataset_id(uow, name, self._ids),
            name=name,
            client_id=request.client_id,
            journey_id=request.journey_id,
            stage=request.stage,
            dataset_type=request.dataset_type,
            template=chosen.template,
            data_source=chosen.source,
            status=DatasetStatus.PROVISIONING,
            created_at=now,
            last_used_at=now,
            requested_count=chosen.count,
        )
        return admit_dataset(uow, dataset, principal, now)


def _load_owner(uow: UnitOfWork, dataset: Dataset, now: datetime) -> Journey | UnreadableRow | None:
    owner = uow.journeys.get(dataset.client_id, dataset.journey_id)
    return owner.as_of(now) if isinstance(owner, Journey) else owner


def provision_failed_error(dataset: Dataset, what: str = "Provisioning") -> ProvisionFailedError:
    """The error for a dataset's recorded failure. One that is READY all the same was refreshed."""
    failure = require_present(dataset.failure, "the transaction that fails a dataset records its failure")
    left = f" Still to be undone: {', '.join(failure.to_undo)}." if failure.to_undo else ""
    served = _served_sentence(dataset, failure)
    begun = REFRESHING if dataset.status is DatasetStatus.READY else what
    return ProvisionFailedError(
        f"{begun} {dataset.name} failed at the step {failure.step!r}: {failure.message}{served}{left}",
        **_way_on(dataset, failure),
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        status=dataset.status.value,
        step=failure.step,
        cause=failure.code,
        to_undo=list(failure.to_undo),
    )


def _way_on(dataset: Dataset, failure: Failure) -> dict[str, Any]:
    """How to go on: a dataset that is READY all the same is refreshed once more, any other one is retried."""
    if dataset.status is not DatasetStatus.READY:
        return {
            "recovery": _retry_recovery(failure),
            "field": _retry_field(failure),
            "suggested_action": _retry_action(dataset, failure),
        }
    recovery, again = Recovery(failure.recovery), f"`dataset-lifecycle datasets refresh {dataset.dataset_id}`"
    first = _drop_call_again(failure.suggested_action)
    is_complete = failure.code != CancelledError.code and first and recovery is not Recovery.WAIT
    return {
        "recovery": recovery,
        "field": "dataset_id" if recovery is Recovery.FIX_INPUT else None,
        "suggested_action": f"{first}. Then run {again}." if is_complete else f"To try again, run {again}.",
    }


def _retry_recovery(failure: Failure) -> Recovery:
    """What makes the call succeed: only a retry begins again, so waiting alone never does."""
    recovery = Recovery(failure.recovery)
    return Recovery.FIX_INPUT if recovery is Recovery.WAIT else recovery


def _retry_field(failure: Failure) -> str | None:
    """The argument that has to change: what the failure names of the dataset's choices, else `retry`."""
    if _retry_recovery(failure) is not Recovery.FIX_INPUT:
        return None
    return failure.field if failure.field in CHANGEABLE_CHOICES else "retry"


def _retry_action(dataset: Dataset, failure: Failure) -> str:
    """How to run it again: the same call with retry; of a restored dataset, a provision with retry."""
    again = 'call again with "retry": true'
    if dataset.restored_from is not None:
        names = ("client_id", "journey_id", "stage", "dataset_type")
        arguments = ", ".join(f'"{name}": "{getattr(dataset, name)}"' for name in names)
        again = f'call provision_dataset with {{{arguments}, "retry": true}}'
    if failure.recovery == Recovery.WAIT:
        return f"{again[0].upper()}{again[1:]}; when it fails again, ask a person to run `dataset-lifecycle doctor`."
    first = _drop_call_again(failure.suggested_action or "Correct the cause")
    return f"{first}. Then {again}: without it, this failure is answered again."


def _drop_call_again(action: str) -> str:
    """An action without its last words, when they are to call again: the next sentence says that, and how."""
    return _CALL_AGAIN.sub("", action.removesuffix("."))


def _served_sentence(dataset: Dataset, failure: Failure) -> str:
    """What Glean serves after a failed attempt, as far as it is known."""
    if dataset.content is None:
        return ""
    if dataset.content.attempt >= failure.attempt:
        return " The new content is served."
    if _SYNC_STEP in failure.to_undo:
        return (
            " Whether Glean serves the earlier content or the new one is not known until the step "
            f"{_SYNC_STEP!r} is undone."
        )
    return " The earlier content is still served."


def admit_dataset(uow: UnitOfWork, dataset: Dataset, principal: Principal, now: datetime) -> ProvisionResult:
    """Store an admitted dataset with its saga as its run; the event and the audit entry name its source.

    Raises DatasetConflictError when another live dataset has the same client, stage and type.
    """
    running = with_provision_run(dataset, now)
    uow.datasets.put(running)
    if running.restored_from is None:
        template_id = running.template.template_id
        publish_events(uow, provisioning_started_event(running, now, template_id=template_id))
        record_audit_entry(uow, principal, "admitted", dataset=running, template_id=template_id)
    else:
        source_id = running.restored_from
        publish_events(uow, provisioning_started_event(running, now, restored_from=source_id))
        record_audit_entry(uow, principal, "admitted", dataset=running, restored_from=source_id)
    return ProvisionResult(dataset=running, created=True)


def generate_dataset_id(uow: UnitOfWork, name: str, ids: Ids) -> str:
    """An id for a dataset of that name that no dataset has ever had."""
    while uow.datasets.get(dataset_id := f"{name.lower()}-{ids.token()}"):
        pass
    return dataset_id


def _too_few_records_error(template: Template, held: int, wanted: int) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"The template {template.template_id} has {held} records; the call asked for {wanted}.",
        field="record_count",
        available=held,
        suggested_action=f'Ask for {held} records or fewer, or leave out "record_count".',
    )
