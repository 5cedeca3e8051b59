"""The archives that there are: shown to those who may see them, verified, and purged when their time is over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from domain.archives import Archive, archive_from, restorable_until_of
from domain.audit import note, tell
from domain.errors import (
    ArchiveFailedError,
    LifecycleError,
    QuotaExceededError,
    Recovery,
    UnknownDatasetError,
    instant,
)
from domain.events import EventKind, about
from domain.identifiers import nearest
from domain.orphan_facts import SweepCaps
from domain.vocabulary import DatasetStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.callers import Caller
    from domain.model import Dataset
    from domain.ports import Archives, Clock, Json
    from domain.records import Records, Store

_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgePlan:
    """What a purge found past its time, and what it did: `purged` and `failed` stay empty in a dry run.

    `refused` is why a purge would be refused: it is more than a sweep may take.
    """

    applied: bool
    due: tuple[Archive, ...]
    refused: str | None = None
    purged: tuple[str, ...] = ()
    failed: tuple[tuple[str, LifecycleError], ...] = ()


def purgeable(archive: Archive, dataset: Dataset | None, now: datetime) -> bool:
    """Whether an archive may be purged, or its purging was begun and is to be finished.

    That of a dataset which is not ARCHIVED is kept, however old: a teardown may begin at any time, writes its archive
    in the same place, and then nothing else stands between that dataset and its loss. ARCHIVED is for good.
    """
    if archive.purged_at is not None or dataset is None or dataset.status is not DatasetStatus.ARCHIVED:
        return False
    return archive.purging_since is not None or archive.restorable_until < now


class ArchiveKeeper:
    """Lists, shows, verifies and purges archives."""

    def __init__(self, store: Store, archives: Archives, clock: Clock, caps: SweepCaps | None = None) -> None:
        """Know archives by that store, and reach them by that port."""
        self._caps = caps or SweepCaps()
        self._store = store
        self._archives = archives
        self._clock = clock

    async def page(
        self, caller: Caller, *, client_id: str | None = None, after: str | None = None, limit: int = 50
    ) -> list[Archive]:
        """The archives that the caller may see, purged ones too, in order of dataset id, after that one."""

        def look(records: Records) -> list[Archive]:
            found: list[Archive] = []
            for each in _visible(records, caller, after):
                if client_id in (None, each.client_id):
                    found.append(each)
                if len(found) == limit:
                    break
            return found

        return await self._store.read(look)

    async def show(self, caller: Caller, dataset_id: str) -> tuple[Archive, Json | None]:
        """An archive and its manifest as it stands; None when the archive is not there.

        Raises UnknownDatasetError and ArchiveFailedError.
        """
        archive = await self._store.read(partial(_known, dataset_id, caller))
        return archive, await self._archives.manifest(archive.place)

    async def verify(self, caller: Caller, dataset_id: str) -> Json:
        """Read an archive back, every byte, and give its manifest.

        Raises UnknownDatasetError and ArchiveFailedError.
        """
        archive = await self._store.read(partial(_known, dataset_id, caller))
        if archive.purged_at is not None:
            message = f"The archive of {dataset_id} was purged at {instant(archive.purged_at)}."
            raise ArchiveFailedError(message, recovery=Recovery.NEVER, dataset_id=dataset_id)
        return await self._archives.verify(archive.place)

    async def purge(self, caller: Caller, *, apply: bool) -> PurgePlan:
        """Find every archive past its time and, only when told to apply, delete them.

        One that fails is named and does not hold up the others; one that was begun is finished by the next purge.
        Raises QuotaExceededError for more than the caps allow at once; then nothing was deleted.
        """
        due, held = await self._store.read(partial(_due, self._clock.now()))
        refused = self._caps.refuse_purge(sum(each.purging_since is None for each in due), held)
        if not apply:
            return PurgePlan(applied=False, due=due, refused=refused)
        if refused:
            raise QuotaExceededError(
                f"Nothing was purged. {refused}",
                suggested_action=(
                    "Ask the operator: a person looks at what is due (`dataset-lifecycle archives purge`) and, when "
                    "all of it may go, raises orphans.sweep_count and orphans.sweep_share for this once."
                ),
            )
        return await self._purged(due, caller)

    async def purge_daily(self, caller: Caller) -> PurgePlan:
        """Delete the archives that a run of this day and one of another day found past their time.

        A day is one of the clock, not the one that a turn which is made up for is named by. So no single wrong look at
        the clock deletes anything; and nothing at all is deleted beyond the caps. One that is no longer past its time
        is as if it had never been found.
        """
        due, held = await self._store.transact(partial(_found_again, self._clock.now()))
        refused = self._caps.refuse_purge(sum(each.purging_since is None for each in due), held)
        if refused:
            return PurgePlan(applied=False, due=due, refused=refused)
        return await self._purged(due, caller)

    async def _purged(self, due: tuple[Archive, ...], caller: Caller) -> PurgePlan:
        purged: list[str] = []
        failed: list[tuple[str, LifecycleError]] = []
        for archive in due:
            try:
                if await self._purge(archive, caller):
                    purged.append(archive.dataset_id)
            except LifecycleError as error:
                failed.append((archive.dataset_id, error))
        return PurgePlan(applied=True, due=due, purged=tuple(purged), failed=tuple(failed))

    async def _purge(self, archive: Archive, caller: Caller) -> bool:
        manifest = await self._archives.manifest(archive.place)
        if manifest and restorable_until_of(manifest) >= self._clock.now():
            message = f"The manifest says that it can be restored until {manifest['restorable_until']}."
            raise ArchiveFailedError(message, dataset_id=archive.dataset_id)
        begun = await self._store.transact(partial(_begin, archive.dataset_id, caller, self._clock.now()))
        if begun is None:
            return False
        marked, dataset = begun
        await self._archives.purge(marked.place)
        await self._store.transact(partial(_finish, marked, dataset, self._clock.now()))
        return True


def _every(records: Records, after: str | None = None) -> Iterator[Archive]:
    while rows := records.archives(after=after, limit=_PAGE):
        after = rows[-1][0]
        yield from (archive_from(facts) for _, facts in rows)


def _visible(records: Records, caller: Caller, after: str | None = None) -> Iterator[Archive]:
    return (each for each in _every(records, after) if caller.may_touch(each.client_id))


def _known(dataset_id: str, caller: Caller, records: Records) -> Archive:
    facts = records.archive(dataset_id)
    archive = archive_from(facts) if facts is not None else None
    if archive is None or not caller.may_touch(archive.client_id):
        seen = [each.dataset_id for each in _visible(records, caller)]
        message = f"There is no archive of {dataset_id!r}."
        raise UnknownDatasetError(message, field="dataset_id", candidates=nearest(dataset_id, seen))
    return archive


def _due(now: datetime, records: Records) -> tuple[tuple[Archive, ...], int]:
    """What may be purged, and of how many that there still are."""
    held = [each for each in _every(records) if each.purged_at is None]
    return tuple(each for each in held if purgeable(each, records.dataset(each.dataset_id), now)), len(held)


def _found_again(now: datetime, records: Records) -> tuple[tuple[Archive, ...], int]:
    """What is past its time and was so on another day, too, and of how many; what is so for the first time is kept."""
    due: list[Archive] = []
    day = now.date().isoformat()
    held = [each for each in _every(records) if each.purged_at is None]
    for each in held:
        past = purgeable(each, records.dataset(each.dataset_id), now)
        if past and each.found_past not in {None, day}:
            due.append(each)
            continue
        found = (each.found_past or day) if past else None
        if found != each.found_past:
            records.put_archive(each.dataset_id, msgspec.structs.replace(each, found_past=found).facts())
    return tuple(due), len(held)


def _begin(
    dataset_id: str, caller: Caller, now: datetime, records: Records
) -> tuple[Archive, Dataset] | None:
    """Mark the intent, unless the archive is not to be purged any more: None."""
    facts, dataset = records.archive(dataset_id), records.dataset(dataset_id)
    if facts is None or dataset is None or not purgeable(archive := archive_from(facts), dataset, now):
        return None
    if any(each.restored_from == dataset_id for each in records.running()):
        return None  # it is being read
    marked = msgspec.structs.replace(archive, purging_since=archive.purging_since or now)
    records.put_archive(dataset_id, marked.facts())
    note(records, caller, "purge begun", dataset=dataset, path=marked.path)
    return marked, dataset


def _finish(marked: Archive, dataset: Dataset, now: datetime, records: Records) -> None:
    """Say that nothing is left of it, unless another purge of it has said so."""
    facts = records.archive(marked.dataset_id)
    if facts is None or archive_from(facts).purged_at is not None:
        return
    records.put_archive(marked.dataset_id, msgspec.structs.replace(marked, purged_at=now).facts())
    until = instant(marked.restorable_until)
    tell(records, about(EventKind.ARCHIVE_PURGED, dataset, now, path=marked.path, restorable_until=until))
