"""Restore service: admits a new dataset with the documents of an archived one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from domain.connectors import claim_home_platform, identify_platform, require_home_platform
from domain.errors import (
    ArchiveFailedError,
    DatasetConflictError,
    NotRestorableError,
    Recovery,
)
from domain.lifecycle.archives import require_restorable
from domain.lifecycle.drain import require_not_draining
from domain.lifecycle.provision.service import ProvisionResult, admit_dataset, generate_dataset_id
from domain.model import Dataset, DatasetStatus, require_identifier
from domain.policy import (
    ProvisionLimits,
    find_dataset,
    find_journey,
    require_restore_allowed,
    require_within_limits,
    teardown_in_progress_error,
)

if TYPE_CHECKING:
    from datetime import datetime

    from domain.lifecycle.archives import Archive
    from domain.lifecycle.sagas import SagaRunner
    from domain.model import Content, Fingerprint, Principal
    from domain.ports import Archives, Clock, Ids, ReadOnlyPlatform, Store, UnitOfWork


class RestoreService:
    """Restore service: admits a restored dataset, or attaches to the one that exists already."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        archives: Archives,
        platform: ReadOnlyPlatform,
        sagas: SagaRunner,
        limits: ProvisionLimits | None = None,
    ) -> None:
        """Work with these ports, under these limits. `platform` answers in a limited time."""
        self._store = store
        self._platform = platform
        self._clock = clock
        self._ids = ids
        self._archives = archives
        self._sagas = sagas
        self._limits = limits or ProvisionLimits()

    async def start_or_attach(
        self, dataset_id: str, journey_id: str, principal: Principal
    ) -> ProvisionResult:
        """Verify the archive, admit its dataset anew for that journey and start its saga.

        While a dataset restored from this archive for this journey is live, the call attaches to it. Raises the
        refusal that applies; then nothing was changed.
        """
        require_identifier(journey_id, "journey_id")
        return await self._sagas.call_past_abandoned_runs(
            partial(self._start_or_attach, dataset_id, journey_id, principal)
        )

    async def _start_or_attach(
        self, dataset_id: str, journey_id: str, principal: Principal
    ) -> ProvisionResult:

        def attach(
            now: datetime, here: Fingerprint, uow: UnitOfWork
        ) -> ProvisionResult | tuple[Archive, Content]:
            source = find_dataset(uow, dataset_id, principal)
            journey = find_journey(uow, source.client_id, journey_id, principal, stage=source.stage).as_of(
                now
            )
            require_home_platform(uow, here)
            live = uow.datasets.get_live(source.client_id, source.stage, source.dataset_type)
            if live is not None:
                return _attach_live(live, source, journey_id)
            require_not_draining(uow)
            held = require_restorable(source, uow.archives.get(dataset_id))
            require_restore_allowed(journey, source.stage)
            return held

        answer = await self._store.transact(partial(attach, self._clock.now(), self._platform.location))
        if not isinstance(answer, ProvisionResult):
            await self._verify_archive(dataset_id, *answer)
            here = await identify_platform(self._platform)
            now = self._clock.now()  # a large archive takes its time, and a lease may have lapsed meanwhile

            def admit(uow: UnitOfWork) -> ProvisionResult:
                found = attach(now, here, uow)
                if isinstance(found, ProvisionResult):
                    return found
                claim_home_platform(uow, here, principal)
                source = find_dataset(uow, dataset_id, principal)
                return self._admit(uow, source, journey_id, principal, now)

            answer = await self._store.transact(admit)
        await self._sagas.ensure_running(answer.dataset)
        return answer

    async def _verify_archive(self, dataset_id: str, archive: Archive, content: Content) -> None:
        """Verify the whole archive. Raises NotRestorableError when it is absent, damaged, or of other content."""
        action = f"Check it with `dataset-lifecycle archives verify {dataset_id}`; a backup may hold an intact copy."
        try:
            manifest = await self._archives.verify(archive.place)
        except ArchiveFailedError as error:
            raise NotRestorableError(
                f"{archive.name} ({dataset_id}) cannot be restored: {error.message}",
                field="dataset_id",
                recovery=Recovery.NEEDS_HUMAN,
                suggested_action=action,
            ) from error
        held = (manifest["full_data"], manifest["record_count"], manifest.get("checksum"))
        if held != (True, content.record_count, content.checksum):
            msg = f"{archive.name} ({dataset_id}) cannot be restored: its archive holds other documents than it had."
            raise NotRestorableError(
                msg, field="dataset_id", recovery=Recovery.NEEDS_HUMAN, suggested_action=action
            )

    def _admit(
        self, uow: UnitOfWork, source: Dataset, journey_id: str, principal: Principal, now: datetime
    ) -> ProvisionResult:
        live = uow.datasets.count_live(source.client_id)
        require_within_limits(self._limits, live=live, wanted=source.record_count)
        dataset = Dataset(
            dataset_id=generate_dataset_id(uow, source.name, self._ids),
            name=source.name,
            client_id=source.client_id,
            journey_id=journey_id,
            stage=source.stage,
            dataset_type=source.dataset_type,
            template=source.template,
            data_source=source.data_source,
            status=DatasetStatus.PROVISIONING,
            created_at=now,
            last_used_at=now,
            requested_count=source.requested_count,
            restored_from=source.dataset_id,
        )
        return admit_dataset(uow, dataset, principal, now)


def _attach_live(live: Dataset, source: Dataset, journey_id: str) -> ProvisionResult:
    """Attach to the live dataset when it was restored from this archive for this journey.

    Raises TeardownInProgressError or DatasetConflictError otherwise.
    """
    if live.status is DatasetStatus.TEARDOWN:
        raise teardown_in_progress_error(live)
    if (live.restored_from, live.journey_id) == (source.dataset_id, journey_id):
        return ProvisionResult(dataset=live, created=False)
    whose = (
        "is not archived"
        if live.dataset_id == source.dataset_id
        else f"is live already, for the journey {live.journey_id!r}"
    )
    msg = f"{live.name} ({live.dataset_id}) {whose}; a client has one live dataset of a stage and type."
    raise DatasetConflictError(msg, dataset_id=live.dataset_id)
