"""Keeping what is in use: the lease of a journey, and the protection of one dataset until an instant.

Both are signs of use. Whoever is no person can only lengthen them, 30 days from now at most: so an agent that crashes,
or is talked into something, neither holds a dataset for ever nor lays one open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.audit import note, tell
from domain.errors import (
    ForbiddenError,
    InvalidArgumentError,
    JourneyNotActiveError,
    Recovery,
    TeardownInProgressError,
    instant,
)
from domain.events import EventKind, about
from domain.model import Journey, Unreadable
from domain.moments import universal
from domain.orphans import kept
from domain.registry import datasets_at, one_journey
from domain.running import changeable_dataset
from domain.scopes import demand
from domain.vocabulary import DatasetStatus, JourneyState

if TYPE_CHECKING:
    from datetime import datetime

    from domain.callers import Caller
    from domain.model import Dataset
    from domain.ports import Clock
    from domain.records import Records, Store

LONGEST: Final = timedelta(days=30)
"""How far ahead a lease may reach, and a protection that no person gives."""

_PERSONS: Final = "Ask the operator: a person decides this on a terminal."


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A journey with its lease, and the datasets that it protects for less long than before the call."""

    journey: Journey
    exposed: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A dataset with its protection.

    `exposed`: the call took protection away, and the dataset's journey does not make up for it; so nothing keeps the
    dataset from the end of its protection on, or at once when there is none left.
    """

    dataset: Dataset
    exposed: bool


class Keeping:
    """Renews leases, protects datasets, and ends a protection."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Work on that store, by that clock."""
        self._store = store
        self._clock = clock

    async def renew(
        self,
        journey_id: str,
        duration: timedelta,
        caller: Caller,
        client_id: str | None = None,
        *,
        person: bool,
    ) -> Renewed:
        """Let an active journey's lease run for so long from now; its datasets count as used.

        A journey without a lease protects without an end, so giving it one takes something away, like a shorter lease:
        only a person does that, and is told what it exposes. Raises UnknownJourneyError, JourneyNotActiveError (also
        for a lease that has lapsed), ForbiddenError, or InvalidArgumentError for a duration that is not up to 30 days.
        """
        now = self._clock.now()
        if not timedelta(0) < duration <= LONGEST:
            msg = f"A lease runs for at most {LONGEST.days} days from now, and ends after now."
            raise InvalidArgumentError(msg, field="duration")

        def renew(records: Records) -> Renewed:
            before = one_journey(records, journey_id, caller, client_id)
            _active(before.at(now))
            until, held = now + duration, before.lease_expires_at
            shorter = held is None or until < held
            if shorter and not person:
                raise ForbiddenError(_not_shorter(before), field="duration", suggested_action=_PERSONS)
            if shorter:
                demand(caller, "leases shorten")
            after = replace(before, lease_expires_at=until)
            records.put_journey(after)
            used = [each.evolve(last_used_at=now) for each in datasets_at(records, after, after.stage)]
            for each in used:
                records.put_dataset(each)
            in_use = tuple(each for each in used if each.status is not DatasetStatus.FAILED)
            exposed = in_use if shorter else ()
            note(
                records,
                caller,
                "lease renewed",
                client_id=after.client_id,
                journey_id=after.journey_id,
                before=instant(held),
                until=instant(until),
                exposed=[each.dataset_id for each in exposed],
            )
            return Renewed(journey=after, exposed=exposed)

        return await self._store.transact(renew)

    async def protect(self, dataset_id: str, until: datetime, caller: Caller, *, person: bool) -> Kept:
        """Keep a dataset until an instant, whatever becomes of its journey; it counts as used and is no orphan.

        Raises UnknownDatasetError, TeardownInProgressError, ForbiddenError for a shorter protection that no person
        asked for, or InvalidArgumentError: an instant that is past, without a zone or too far ahead, a dataset that
        was taken down.
        """
        now = self._clock.now()
        until = universal(until, "until")
        if until <= now:
            msg = f"until must be an instant to come; {instant(until)} is past, for it is {instant(now)}."
            raise InvalidArgumentError(msg, field="until")
        if not person and until > now + LONGEST:
            msg = f"until is {instant(until)}; without a person a protection reaches {LONGEST.days} days ahead at most."
            raise InvalidArgumentError(msg, field="until")

        def protect(records: Records) -> Kept:
            dataset = _standing(records, dataset_id, caller)
            shorter = kept(dataset, now) is not None and _until(dataset) > until
            if shorter and not person:
                msg = f"{dataset.name} is kept until {instant(_until(dataset))}; only a person shortens that."
                raise ForbiddenError(msg, field="until", suggested_action=_PERSONS)
            if shorter:
                demand(caller, "leases shorten")
            changed = dataset.evolve(protected_until=until, last_used_at=now, orphan=None)
            records.put_dataset(changed)
            if mark := dataset.orphan:
                cleared = about(
                    EventKind.ORPHAN_CLEARED,
                    changed,
                    now,
                    reason=mark.reason,
                    orphaned_at=instant(mark.orphaned_at),
                )
                tell(records, cleared)
            before = instant(dataset.protected_until)
            note(records, caller, "protected", dataset=changed, before=before, until=instant(until))
            return Kept(dataset=changed, exposed=shorter and _open(records, changed, now))

        return await self._store.transact(protect)

    async def unprotect(self, dataset_id: str, caller: Caller, *, person: bool) -> Kept:
        """End a dataset's protection, which only a person may; without one nothing changes.

        Raises UnknownDatasetError, ForbiddenError, TeardownInProgressError, or InvalidArgumentError for a dataset that
        was taken down.
        """
        now = self._clock.now()

        def end(records: Records) -> Kept:
            dataset = _standing(records, dataset_id, caller)
            if not person:
                msg = f"Only a person ends the protection of {dataset.name}."
                raise ForbiddenError(msg, field="dataset_id", suggested_action=_PERSONS)
            if kept(dataset, now) is None:
                return Kept(dataset=dataset, exposed=False)
            changed = dataset.evolve(protected_until=None)
            records.put_dataset(changed)
            note(records, caller, "unprotected", dataset=changed, before=instant(dataset.protected_until))
            return Kept(dataset=changed, exposed=_open(records, changed, now))

        return await self._store.transact(end)


def _active(journey: Journey) -> None:
    if journey.state is JourneyState.ACTIVE:
        return
    msg = f"The journey {journey.journey_id!r} is {journey.state}; only an active journey's lease is renewed."
    raise JourneyNotActiveError(msg, field="journey_id")


def _not_shorter(journey: Journey) -> str:
    held = journey.lease_expires_at
    if held is None:
        how = "has no lease, so it protects without an end; only a person gives it one"
    else:
        how = f"has a lease until {instant(held)}; only a person shortens that"
    return f"The journey {journey.journey_id!r} {how}."


def _standing(records: Records, dataset_id: str, caller: Caller) -> Dataset:
    """The dataset, when there is something to keep."""
    dataset = changeable_dataset(records, dataset_id, caller)
    if dataset.status is DatasetStatus.TEARDOWN:
        raise TeardownInProgressError(f"{dataset.name} is being taken down.", dataset_id=dataset_id)
    if not dataset.live:
        raise InvalidArgumentError(
            f"{dataset.name} was taken down; there is nothing left to keep.",
            field="dataset_id",
            recovery=Recovery.CHOOSE_OTHER,
        )
    return dataset


def _until(dataset: Dataset) -> datetime:
    until = dataset.protected_until
    assert until is not None  # noqa: S101 - asked only of a dataset that is kept
    return until


def _open(records: Records, dataset: Dataset, now: datetime) -> bool:
    """Whether the dataset's journey leaves it to whoever asks; one that cannot be read protects, for it refuses."""
    journey = records.journey(dataset.client_id, dataset.journey_id)
    if journey is None or dataset.status is DatasetStatus.FAILED:
        return True
    return not isinstance(journey, Unreadable) and not journey.at(now).protects(dataset.stage)
