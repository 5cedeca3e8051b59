"""Retention service: lists, verifies and purges archives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from domain.audit import publish_events, record_audit_entry
from domain.errors import (
    ArchiveFailedError,
    LifecycleError,
    QuotaExceededError,
    Recovery,
    UnknownDatasetError,
    format_timestamp,
)
from domain.lifecycle import Archive, manifest_restorable_until, parse_archive
from domain.model import ArchivePurged, DatasetStatus, build_event, dataset_facts, same_names
from domain.policy import (
    RETENTION_CLOCK,
    SweepCaps,
    check_clock,
    clock_block,
    clock_refusal,
    load_clock_record,
    next_clock_record,
    read_clock,
)
from domain.ports import paginate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.errors import BlockingCheck
    from domain.model import ClockReading, Dataset, Event, Principal
    from domain.ports import Archives, Clock, Json, Store, UnitOfWork

_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgePlan:
    """Purge plan: the archives past their retention, and the result. `purged` and `failed` are empty in a dry run.

    `refused` is why a purge would be refused: it exceeds the caps of a sweep.
    """

    applied: bool
    due: tuple[Archive, ...]
    refused: str | None = None
    purged: tuple[str, ...] = ()
    failed: tuple[tuple[str, LifecycleError], ...] = ()


def is_purgeable(archive: Archive, dataset: Dataset | None, now: datetime) -> bool:
    """Whether an archive may be purged, or its purge was begun and has to be finished.

    The archive of a dataset that is not ARCHIVED is kept, however old: a teardown may begin at any time and writes its
    archive in the same place, which is then the only copy. ARCHIVED is final.
    """
    if archive.purged_at is not None or dataset is None or dataset.status is not DatasetStatus.ARCHIVED:
        return False
    return archive.purging_since is not None or archive.restorable_until < now


class RetentionService:
    """Retention service: lists, shows, verifies and purges archives."""

    def __init__(self, store: Store, archives: Archives, clock: Clock, caps: SweepCaps | None = None) -> None:
        """Use the records of that store, and the files of that port."""
        self._caps = caps or SweepCaps()
        self._store = store
        self._archives = archives
        self._clock = clock

    async def list_archives(
        self, principal: Principal, *, client_id: str | None = None, after: str | None = None, limit: int = 50
    ) -> list[Archive]:
        """The archives that the caller may see, purged ones too, in the order of their dataset ids, after that id."""

        def load_page(uow: UnitOfWork) -> list[Archive]:
            found: list[Archive] = []
            for each in _iterate_visible(uow, principal, after):
                if client_id in (None, each.client_id):
                    found.append(each)
                if len(found) == limit:
                    break
            return found

        return await self._store.read(load_page)

    async def load_archive(self, principal: Principal, dataset_id: str) -> tuple[Archive, Json | None]:
        """An archive and its unverified manifest; None when the files are absent.

        Raises UnknownDatasetError and ArchiveFailedError.
        """
        archive = await self._store.read(partial(_find_archive, dataset_id, principal))
        return archive, await self._archives.read_manifest(archive.place)

    async def verify_archive(self, principal: Principal, dataset_id: str) -> Json:
        """Verify an archive: read every byte back, and return its manifest.

        Raises UnknownDatasetError and ArchiveFailedError.
        """
        archive = await self._store.read(partial(_find_archive, dataset_id, principal))
        if archive.purged_at is not None:
            message = f"The archive of {dataset_id} was purged at {format_timestamp(archive.purged_at)}."
            raise ArchiveFailedError(message, recovery=Recovery.NEVER, dataset_id=dataset_id)
        return await self._archives.verify(archive.place)

    async def purge_archives(self, principal: Principal, *, apply: bool) -> PurgePlan:
        """Find every archive past its retention, and with `apply` delete them.

        An archive that fails is reported and does not stop the others; the next purge finishes a purge that was begun.
        Raises QuotaExceededError above the caps, and PreconditionUnknownError while the clock is in doubt; then nothing
        was deleted.
        """
        reading = read_clock(self._clock)
        due, held = await self._store.read(partial(_find_due, reading.at))
        doubt = await self._store.read(lambda uow: check_clock(uow, reading))
        refused = doubt.what if doubt else self._purge_refusal(due, held)
        if not apply:
            return PurgePlan(applied=False, due=due, refused=refused)
        if doubt:
            raise clock_refusal(doubt, "Nothing was purged.")
        if refused:
            raise QuotaExceededError(
                f"Nothing was purged. {refused}",
                suggested_action=(
                    "Ask the operator: a person checks what is due (`dataset-lifecycle archives purge`) and, if all "
                    "of it may be deleted, raises orphans.sweep_count and orphans.sweep_share for one run."
                ),
            )
        return await self._purge_each(due, principal)

    async def purge_daily(self, principal: Principal) -> PurgePlan:
        """Delete the archives that runs on two different days found past their retention; none above the caps.

        The day is that of the clock, not the day in the name of a late run. So one wrong reading of the clock deletes
        nothing. An archive that is no longer past its retention counts as never found. A run at which the clock is in
        doubt finds and deletes nothing, because a clock that leaps from day to day makes two days of a moment.
        """
        reading = read_clock(self._clock)
        if doubt := await self._store.transact(partial(_record_run, reading)):
            return PurgePlan(applied=False, due=(), refused=doubt.what)
        due, held = await self._store.transact(partial(_confirm_due, reading.at))
        if refused := self._purge_refusal(due, held):
            return PurgePlan(applied=False, due=due, refused=refused)
        return await self._purge_each(due, principal)

    def _purge_refusal(self, due: tuple[Archive, ...], held: int) -> str | None:
        return self._caps.purge_refusal(sum(each.purging_since is None for each in due), held)

    async def _purge_each(self, due: tuple[Archive, ...], principal: Principal) -> PurgePlan:
        purged: list[str] = []
        failed: list[tuple[str, LifecycleError]] = []
        for archive in due:
            try:
                if await self._purge_archive(archive, principal):
                    purged.append(archive.dataset_id)
            except LifecycleError as error:
                failed.append((archive.dataset_id, error))
        return PurgePlan(applied=True, due=due, purged=tuple(purged), failed=tuple(failed))

    async def _purge_archive(self, archive: Archive, principal: Principal) -> bool:
        manifest = await self._archives.read_manifest(archive.place)
        if manifest and manifest_restorable_until(manifest) >= self._clock.now():
            message = f"The manifest says that it can be restored until {manifest['restorable_until']}."
            raise ArchiveFailedError(message, dataset_id=archive.dataset_id)
        begun = await self._store.transact(
            partial(_begin_purge, archive.dataset_id, principal, self._clock.now())
        )
        if begun is None:
            return False
        marked, dataset = begun
        # The intent is stored first: a process that dies here leaves a purge that the next one finishes.
        await self._archives.purge(marked.place)
        await self._store.transact(partial(_finish_purge, marked, dataset, self._clock.now()))
        return True


def _iterate_archives(uow: UnitOfWork, after: str | None = None) -> Iterator[Archive]:
    rows = paginate(lambda behind: uow.archives.find(after=behind, limit=_PAGE), lambda last: last[0], after)
    return (parse_archive(facts) for _, facts in rows)


def _iterate_visible(uow: UnitOfWork, principal: Principal, after: str | None = None) -> Iterator[Archive]:
    return (each for each in _iterate_archives(uow, after) if principal.can_access_client(each.client_id))


def _find_archive(dataset_id: str, principal: Principal, uow: UnitOfWork) -> Archive:
    facts = uow.archives.get(dataset_id)
    archive = parse_archive(facts) if facts is not None else None
    if archive is None or not principal.can_access_client(archive.client_id):
        visible = {each.dataset_id: [each.name] for each in _iterate_visible(uow, principal)}
        message = f"There is no archive of {dataset_id!r}."
        raise UnknownDatasetError(
            message, field="dataset_id", candidates=same_names(dataset_id, visible, visible)
        )
    return archive


def _find_due(now: datetime, uow: UnitOfWork) -> tuple[tuple[Archive, ...], int]:
    """The archives that may be purged, and the number of archives that are not purged."""
    held = [each for each in _iterate_archives(uow) if each.purged_at is None]
    return tuple(each for each in held if is_purgeable(each, uow.datasets.get(each.dataset_id), now)), len(
        held
    )


def _record_run(reading: ClockReading, uow: UnitOfWork) -> BlockingCheck | None:
    """Record what a daily run has seen of the clock; the check that finds the clock in doubt, None when it is not."""
    seen = next_clock_record(load_clock_record(uow, RETENTION_CLOCK), reading)
    uow.settings.put(RETENTION_CLOCK, seen)
    return clock_block(seen.disagreement) if seen.disagreement else check_clock(uow, reading)


def _confirm_due(now: datetime, uow: UnitOfWork) -> tuple[tuple[Archive, ...], int]:
    """The archives found past their retention today and on another day, and the number of archives.

    The day of the first finding is stored.
    """
    due: list[Archive] = []
    day = now.date().isoformat()
    held = [each for each in _iterate_archives(uow) if each.purged_at is None]
    for each in held:
        past = is_purgeable(each, uow.datasets.get(each.dataset_id), now)
        if past and each.found_past not in {None, day}:
            due.append(each)
            continue
        found = (each.found_past or day) if past else None
        if found != each.found_past:
            uow.archives.put(each.dataset_id, msgspec.structs.replace(each, found_past=found).as_dict())
    return tuple(due), len(held)


def _begin_purge(
    dataset_id: str, principal: Principal, now: datetime, uow: UnitOfWork
) -> tuple[Archive, Dataset] | None:
    """Store the intent to purge; None when the archive may no longer be purged."""
    facts, dataset = uow.archives.get(dataset_id), uow.datasets.get(dataset_id)
    if facts is None or dataset is None or not is_purgeable(archive := parse_archive(facts), dataset, now):
        return None
    if any(each.restored_from == dataset_id for each in uow.datasets.list_running()):
        return None  # a restore reads it
    marked = msgspec.structs.replace(archive, purging_since=archive.purging_since or now)
    uow.archives.put(dataset_id, marked.as_dict())
    record_audit_entry(uow, principal, "purge begun", dataset=dataset, path=marked.path)
    return marked, dataset


def _finish_purge(marked: Archive, dataset: Dataset, now: datetime, uow: UnitOfWork) -> None:
    """Record and publish that an archive was purged, unless another purge has done so."""
    facts = uow.archives.get(marked.dataset_id)
    if facts is None or parse_archive(facts).purged_at is not None:
        return
    uow.archives.put(marked.dataset_id, msgspec.structs.replace(marked, purged_at=now).as_dict())
    publish_events(uow, _archive_purged_event(dataset, marked, now))


def _archive_purged_event(dataset: Dataset, archive: Archive, now: datetime) -> Event:
    return build_event(
        ArchivePurged(
            **dataset_facts(dataset),
            path=archive.path,
            restorable_until=format_timestamp(archive.restorable_until),
        ),
        now,
    )
