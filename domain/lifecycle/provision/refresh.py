"""Refresh service: populates served datasets anew, as of today, as an attempt beside what they serve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from domain.audit import publish_events, record_audit_entry
from domain.connectors import identify_platform, require_home_platform
from domain.errors import TeardownInProgressError
from domain.lifecycle.drain import require_not_draining
from domain.lifecycle.events import provisioning_started_event
from domain.lifecycle.provision.saga import PROVISION_SAGA, with_provision_run
from domain.lifecycle.provision.service import REFRESHING, provision_failed_error
from domain.lifecycle.uses import used_dataset
from domain.model import DatasetStatus
from domain.policy import (
    find_dataset_for_update,
    find_journey,
    is_population_due,
    read_clock,
    require_moving_source,
    require_refresh_allowed,
    require_refreshable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.lifecycle.sagas import ProgressListener, SagaRunner
    from domain.model import Dataset, Principal, Progress, Template
    from domain.ports import Clock, ReadOnlyPlatform, Store, Templates, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult:
    """Refresh result: the dataset after the call.

    `begun` is whether this call began the attempt. `current` is whether there was nothing to do, because the dataset
    was populated on the same day; otherwise the call attached to a refresh that was running.
    """

    dataset: Dataset
    begun: bool = False
    current: bool = False
    progress: Progress | None = None


class RefreshService:
    """Refresh service: begins refreshes, or attaches to running ones."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        templates: Templates,
        platform: ReadOnlyPlatform,
        sagas: SagaRunner,
    ) -> None:
        """Work with these ports. `platform` answers in a limited time."""
        self._store = store
        self._clock = clock
        self._templates = templates
        self._platform = platform
        self._sagas = sagas

    async def start_or_attach(
        self, dataset_id: str, principal: Principal, *, as_use: bool = True
    ) -> RefreshResult:
        """Begin a refresh of the dataset and start its saga, or attach to the one that is running.

        It counts as a use of the dataset unless `as_use` is False: what a schedule does says nothing of whether anybody
        needs the dataset. Raises the refusal that applies; then nothing was changed.
        """
        return await self._sagas.call_past_abandoned_runs(
            partial(self._start_or_attach, dataset_id, principal, as_use=as_use)
        )

    async def _start_or_attach(self, dataset_id: str, principal: Principal, *, as_use: bool) -> RefreshResult:
        await self._sagas.fail_dead_letters()
        # What the store alone refuses is refused before the repository is read and Glean is asked.
        found = await self._store.read(partial(self._attach, dataset_id, principal))
        if found is None:
            templates = {each.template_id: each for each in await self._templates.list()}
            here = await identify_platform(self._platform)

            def begin(uow: UnitOfWork) -> RefreshResult:
                attached = self._attach(dataset_id, principal, uow)
                if attached is not None:
                    return attached
                require_home_platform(uow, here)
                return self._begin(dataset_id, principal, templates, uow, as_use=as_use)

            found = await self._store.transact(begin)
        await self._sagas.ensure_running(found.dataset)
        return found

    async def wait(
        self, begun: RefreshResult, seconds: float | None, listener: ProgressListener | None = None
    ) -> RefreshResult:
        """Wait for the end of a refresh, at most that many seconds, and return its state then.

        Raises ProvisionFailedError when it failed, and TeardownInProgressError when a teardown claimed the dataset
        meanwhile.
        """
        if begun.current:
            return begun
        dataset, progress = await self._sagas.wait(begun.dataset.dataset_id, seconds, listener)
        if dataset.status in {DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED}:
            msg = f"{dataset.name} was taken down meanwhile; it is {dataset.status}."
            raise TeardownInProgressError(msg, retry_after_s=5, dataset_id=dataset.dataset_id)
        if dataset.run is None and dataset.failure is not None:
            raise provision_failed_error(dataset, REFRESHING)
        return RefreshResult(dataset=dataset, begun=begun.begun, progress=progress)

    def _attach(self, dataset_id: str, principal: Principal, uow: UnitOfWork) -> RefreshResult | None:
        """Attach to a running refresh; None when one can be begun, as far as its source lets it."""
        dataset = find_dataset_for_update(uow, dataset_id, principal)
        self._sagas.require_dataset_here(uow, dataset)
        if dataset.run and dataset.run.kind == PROVISION_SAGA.kind and dataset.run.is_refresh:
            return RefreshResult(dataset=dataset)
        reading = read_clock(self._clock)
        require_refreshable(dataset, reading)
        journey = find_journey(uow, dataset.client_id, dataset.journey_id, principal)
        require_refresh_allowed(journey.as_of(reading.at), dataset)
        require_not_draining(uow)
        return None

    def _begin(
        self,
        dataset_id: str,
        principal: Principal,
        templates: Mapping[str, Template],
        uow: UnitOfWork,
        *,
        as_use: bool,
    ) -> RefreshResult:
        dataset, now = find_dataset_for_update(uow, dataset_id, principal), self._clock.now()
        require_moving_source(dataset, templates.get(dataset.template.template_id))
        if not is_population_due(dataset, now):
            return RefreshResult(dataset=dataset, current=True)
        used = used_dataset(uow, dataset, now) if as_use else dataset
        refreshed = with_provision_run(
            used.evolve(
                status=DatasetStatus.VALIDATING, attempt=dataset.attempt + 1, failure=None, recheck=None
            ),
            now,
            former_status=dataset.status,
        )
        uow.datasets.put(refreshed)
        publish_events(uow, provisioning_started_event(refreshed, now))
        record_audit_entry(uow, principal, "refresh begun", dataset=refreshed, attempt=refreshed.attempt)
        return RefreshResult(dataset=refreshed, begun=True)
