"""Dataset service: lists and shows datasets, and re-checks the quality of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from domain.audit import publish_events, record_audit_entry
from domain.connectors import load_dataset_platform, require_dataset_here, require_same_platform
from domain.content import is_fit_for_use, measure_readiness, recheck_quality, with_indexed_gate
from domain.errors import (
    InvalidArgumentError,
    QualityChecksPendingError,
    UnknownConnectorError,
    format_timestamp,
)
from domain.lifecycle.events import provisioned_event, quality_evaluated_event
from domain.lifecycle.sagas import PAGE_BYTES, PAGE_COUNT, client_sites
from domain.model import DatasetStatus, Journey, Recheck
from domain.policy import (
    accessible_client_ids,
    closest_client_ids,
    closest_dataset_ids,
    closest_journey_ids,
    current_progress,
    find_client,
    find_dataset,
    find_dataset_for_update,
    is_recheck_pending,
    read_clock,
    require_no_running_work,
)
from domain.ports import paginate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.model import (
        Connector,
        Content,
        Dataset,
        Event,
        Fingerprint,
        LifecycleSettings,
        PendingCompensation,
        Principal,
        Progress,
        QualityReport,
        UnreadableRow,
    )
    from domain.ports import (
        Clock,
        ConnectorTemplates,
        DatasetQuery,
        Json,
        Platform,
        Staging,
        Store,
        Templates,
        UnitOfWork,
    )

_RECHECK_TIMEOUT: Final = timedelta(minutes=15)
_EVALUATED_STATUSES: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})
_EVENT_LIMIT: Final = 50
_SUGGESTED: Final = frozenset({"client_id", "dataset_id", "journey_id"})
"""The arguments for which ids are suggested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDetails:
    """Details of one dataset, with all related records. `platform` is the one that it belongs to."""

    dataset: Dataset
    platform: Fingerprint | None
    journey: Journey | UnreadableRow | None
    connector: Connector | None
    archive: Json | None
    progress: Progress | None
    undos: Sequence[PendingCompensation]
    events: Sequence[tuple[int, Event]]


class DatasetService:
    """Dataset service: lists, shows and re-checks datasets."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        templates: Templates,
        staging: Staging,
        platform: Platform,
        connectors: ConnectorTemplates,
        settings: LifecycleSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._staging = staging
        self._platform = platform
        self._connectors = connectors
        self._settings = settings

    async def list(self, query: DatasetQuery, principal: Principal) -> list[Dataset]:
        """A page of datasets, in the order of their ids, of the clients that the caller may access.

        Raises UnknownClientError when the query names a client that does not exist or that the caller may not access.
        """

        def load_page(uow: UnitOfWork) -> list[Dataset]:
            if query.client_id is not None:
                find_client(uow, query.client_id, principal)
            found = paginate(
                lambda after: uow.datasets.find(replace(query, after=after)),
                lambda last: last.dataset_id,
                query.after,
            )
            visible = (each for each in found if principal.can_access_client(each.client_id))
            return list(islice(visible, query.limit))

        return await self._store.read(load_page)

    async def suggest_ids(
        self, field: str | None, value: str, principal: Principal, client_id: object = None
    ) -> tuple[str, ...]:
        """The ids that a caller may access and that a text may mean, which has not even the form of an id.

        `field` says whose ids; none for anything but clients, datasets and the journeys of `client_id`.
        """

        def find_ids(uow: UnitOfWork) -> tuple[str, ...]:
            if field == "client_id":
                return closest_client_ids(uow, value, principal)
            if field == "dataset_id":
                return closest_dataset_ids(uow, value, principal)
            clients = [each for each in accessible_client_ids(uow, principal) if client_id in {None, each}]
            return closest_journey_ids(uow, clients, value, principal)

        return await self._store.read(find_ids) if field in _SUGGESTED else ()

    async def show(self, dataset_id: str, principal: Principal) -> DatasetDetails:
        """A dataset with its journey, connector and archive, and its last fifty events in order.

        Raises UnknownDatasetError.
        """
        now = self._clock.now()

        def load_details(uow: UnitOfWork) -> DatasetDetails:
            dataset = find_dataset(uow, dataset_id, principal)
            journey = uow.journeys.get(dataset.client_id, dataset.journey_id)
            return DatasetDetails(
                dataset=dataset,
                journey=journey.as_of(now) if isinstance(journey, Journey) else journey,
                connector=uow.connectors.get(dataset.connector_id) if dataset.connector_id else None,
                platform=load_dataset_platform(uow, dataset),
                archive=uow.archives.get(dataset_id),
                progress=current_progress(uow, dataset),
                undos=uow.compensations.find(dataset_id),
                events=uow.events.list_latest(None, dataset_id, _EVENT_LIMIT)[::-1],
            )

        return await self._store.read(load_details)

    async def recheck(self, dataset_id: str, principal: Principal, saga_id: str | None = None) -> Dataset:
        """Re-check the quality: read the staged content and observe the connector again.

        A saga passes its id, so that it continues a re-check that it began in a process which died, or finds it done.
        Raises InvalidArgumentError for a dataset that is neither READY nor VALIDATING, ProvisionRunningError or
        TeardownInProgressError while a saga works on it, QualityChecksPendingError while another re-check runs, and
        what the platform or the staging area raises.
        """
        reading = read_clock(self._clock)
        recheck = Recheck(
            requested_at=reading.at,
            deadline=reading.at + _RECHECK_TIMEOUT,
            saga_id=saga_id,
            uptime=reading.uptime,
        )

        def claim(uow: UnitOfWork) -> tuple[Dataset, Content | None]:
            dataset = find_dataset_for_update(uow, dataset_id, principal)
            if saga_id is not None and dataset.rechecked_by == saga_id:
                return dataset, None
            require_dataset_here(uow, self._platform.location, dataset)
            _require_recheck_allowed(dataset)
            if dataset.recheck is not None and _is_pending(dataset.recheck, recheck):
                until = format_timestamp(dataset.recheck.deadline)
                msg = f"A re-check of {dataset.name} is running; after {until} it no longer counts."
                raise QualityChecksPendingError(msg, retry_after_s=5)
            uow.datasets.put(dataset.evolve(recheck=recheck))
            record_audit_entry(uow, principal, "re-check begun", dataset=dataset)
            return dataset, dataset.content

        dataset, content = await self._store.transact(claim)
        if content is None:
            return dataset
        try:
            report = await self._evaluate_quality(dataset, content)
        except BaseException:
            await self._finalize_recheck(dataset, recheck, None)
            raise
        return await self._finalize_recheck(dataset, recheck, report)

    async def _evaluate_quality(self, dataset: Dataset, content: Content) -> QualityReport:
        work = partial(
            recheck_quality,
            content=content,
            dataset_type=dataset.dataset_type,
            sites=client_sites(self._connectors, dataset),
            now=self._clock.now(),
        )
        report = await self._staging.examine(
            dataset.dataset_id, content.attempt, work, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES
        )
        connector = await self._store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
        if connector is None or connector.handle is None:
            raise UnknownConnectorError(f"{dataset.name} has no connector to observe.", field="dataset_id")
        await require_same_platform(self._platform, connector)
        observation = await self._platform.observe(connector.handle)
        gated = with_indexed_gate(report, indexed=observation.indexed, pushed=content.record_count)
        return replace(
            gated,
            readiness=await measure_readiness(
                self._templates,
                self._platform,
                dataset,
                connector.name,
                timeout_s=self._settings.questions_deadline.total_seconds(),
            ),
        )

    async def _finalize_recheck(
        self, dataset: Dataset, recheck: Recheck, report: QualityReport | None
    ) -> Dataset:
        now = self._clock.now()

        def apply_verdict(uow: UnitOfWork) -> Dataset:
            stored = uow.datasets.get(dataset.dataset_id) or dataset
            if stored.recheck != recheck:
                return stored
            changed = stored.evolve(recheck=None)
            if (
                report is not None
                and stored.content == dataset.content
                and stored.status in _EVALUATED_STATUSES
            ):
                passed = is_fit_for_use(report)
                judged = replace(report, evaluated_at=now)
                changed = changed.evolve(
                    quality=judged,
                    rechecked_by=recheck.saga_id,
                    status=DatasetStatus.READY if passed else DatasetStatus.VALIDATING,
                    failure=None if passed else stored.failure,
                )
                publish_events(uow, quality_evaluated_event(changed, judged, now))
                if changed.status is DatasetStatus.READY and stored.status is not DatasetStatus.READY:
                    publish_events(uow, provisioned_event(changed, now))
            uow.datasets.put(changed)
            return changed

        # Even when the caller has left: a pending re-check would block a teardown until its deadline.
        return await self._store.transact(apply_verdict, regardless=True)


def _require_recheck_allowed(dataset: Dataset) -> None:
    require_no_running_work(dataset, "a re-check")
    if dataset.status not in _EVALUATED_STATUSES or dataset.content is None:
        msg = f"{dataset.name} is {dataset.status}; a re-check needs a served dataset."
        raise InvalidArgumentError(msg, field="dataset_id")


def _is_pending(stored: Recheck | None, requested: Recheck) -> bool:
    if stored is None or not is_recheck_pending(stored, requested.requested):
        return False
    return stored.saga_id is None or stored.saga_id != requested.saga_id
