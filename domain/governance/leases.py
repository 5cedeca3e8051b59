"""Leases of journeys, and protection of single datasets until an instant.

Both are signs of use. Without a person they can only be extended, to at most 30 days from now. So an agent that
crashes, or is tricked, can neither protect a dataset for ever nor expose one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.errors import (
    ForbiddenError,
    InvalidArgumentError,
    JourneyNotActiveError,
    Recovery,
    TeardownInProgressError,
    format_timestamp,
)
from domain.governance.registry import load_stage_datasets
from domain.lifecycle import used_dataset
from domain.model import DatasetStatus, Journey, JourneyState, UnreadableRow, to_utc
from domain.policy import (
    find_dataset_for_update,
    find_journey_by_id,
    protected_until,
    record_lapse,
    require_scope,
)

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Dataset, Principal
    from domain.ports import Clock, Store, UnitOfWork

MAX_LEASE: Final = timedelta(days=30)
"""How far ahead a lease may reach, and a protection that is not given by a person."""

_ASK_OPERATOR: Final = "Ask the operator: a person decides this on a terminal."


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRenewal:
    """Lease renewal: the journey, and the datasets that it now protects for less time than before."""

    journey: Journey
    exposed: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionResult:
    """Protection result: the dataset with its protection.

    `exposed` is whether the call shortened the protection while the journey does not protect the dataset: nothing
    protects it after the end of its protection, or at once when none is left.
    """

    dataset: Dataset
    exposed: bool


class LeaseService:
    """Lease service: renews leases, protects datasets, and ends their protection."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Work on that store, by that clock."""
        self._store = store
        self._clock = clock

    async def renew_lease(
        self,
        journey_id: str,
        duration: timedelta,
        principal: Principal,
        client_id: str | None = None,
        *,
        person: bool,
    ) -> LeaseRenewal:
        """Renew the lease of an active journey for a duration from now; its datasets count as used.

        A journey without a lease protects its datasets without end, so a first lease shortens the protection, as an
        earlier end does. Only a person may do that, and the result names the exposed datasets. Raises
        UnknownJourneyError, JourneyNotActiveError (also after the lease has lapsed), ForbiddenError, or
        InvalidArgumentError for a duration of more than 30 days or less than nothing.
        """
        now = self._clock.now()
        if not timedelta(0) < duration <= MAX_LEASE:
            msg = f"A lease must end after now, and at most {MAX_LEASE.days} days from now."
            raise InvalidArgumentError(msg, field="duration")

        def save_lease(uow: UnitOfWork) -> LeaseRenewal:
            before = find_journey_by_id(uow, journey_id, principal, client_id)
            _require_active_journey(before.as_of(now))
            until, held = now + duration, before.lease_expires_at
            shorter = held is None or until < held
            if shorter and not person:
                raise ForbiddenError(
                    _shortening_message(before), field="duration", suggested_action=_ASK_OPERATOR
                )
            if shorter:
                require_scope(principal, "leases shorten")
            record_lapse(uow, before.client_id, before.journey_id, now)
            after = replace(before, lease_expires_at=until, lapsed=False)
            uow.journeys.put(after)
            used = [used_dataset(uow, each, now) for each in load_stage_datasets(uow, after, after.stage)]
            for each in used:
                uow.datasets.put(each)
            in_use = tuple(each for each in used if each.status is not DatasetStatus.FAILED)
            exposed = in_use if shorter else ()
            record_audit_entry(
                uow,
                principal,
                "lease renewed",
                client_id=after.client_id,
                journey_id=after.journey_id,
                before=format_timestamp(held),
                until=format_timestamp(until),
                exposed=[each.dataset_id for each in exposed],
            )
            return LeaseRenewal(journey=after, exposed=exposed)

        return await self._store.transact(save_lease)

    async def protect_dataset(
        self, dataset_id: str, until: datetime, principal: Principal, *, person: bool
    ) -> ProtectionResult:
        """Protect a dataset until an instant, whatever its journey's state; it counts as used and is no orphan.

        Raises UnknownDatasetError, TeardownInProgressError, ForbiddenError when a protection is shortened without a
        person, or InvalidArgumentError: an instant that is past, without a zone or too far ahead, or a dataset that was
        taken down.
        """
        now = self._clock.now()
        until = to_utc(until, "until")
        if until <= now:
            msg = f"until must be in the future; {format_timestamp(until)} is past, as it is {format_timestamp(now)}."
            raise InvalidArgumentError(msg, field="until")
        if not person and until > now + MAX_LEASE:
            days = MAX_LEASE.days
            msg = f"until is {format_timestamp(until)}; only a person may protect for more than {days} days."
            raise InvalidArgumentError(msg, field="until")

        def save_protection(uow: UnitOfWork) -> ProtectionResult:
            dataset = _require_live_dataset(uow, dataset_id, principal)
            held = protected_until(dataset, now)
            shorter = held is not None and held > until
            if shorter and not person:
                msg = f"{dataset.name} is protected until {format_timestamp(held)}; only a person may shorten that."
                raise ForbiddenError(msg, field="until", suggested_action=_ASK_OPERATOR)
            if shorter:
                require_scope(principal, "leases shorten")
            changed = used_dataset(uow, dataset, now, protected_until=until)
            uow.datasets.put(changed)
            before = format_timestamp(dataset.protected_until)
            record_audit_entry(
                uow, principal, "protected", dataset=changed, before=before, until=format_timestamp(until)
            )
            return ProtectionResult(dataset=changed, exposed=shorter and _is_unprotected(uow, changed, now))

        return await self._store.transact(save_protection)

    async def unprotect_dataset(
        self, dataset_id: str, principal: Principal, *, person: bool
    ) -> ProtectionResult:
        """End a dataset's protection, which only a person may; without protection nothing changes.

        Raises UnknownDatasetError, ForbiddenError, TeardownInProgressError, or InvalidArgumentError for a dataset that
        was taken down.
        """
        now = self._clock.now()

        def end_protection(uow: UnitOfWork) -> ProtectionResult:
            dataset = _require_live_dataset(uow, dataset_id, principal)
            if not person:
                msg = f"Only a person may end the protection of {dataset.name}."
                raise ForbiddenError(msg, field="dataset_id", suggested_action=_ASK_OPERATOR)
            if protected_until(dataset, now) is None:
                return ProtectionResult(dataset=dataset, exposed=False)
            changed = dataset.evolve(protected_until=None)
            uow.datasets.put(changed)
            record_audit_entry(
                uow,
                principal,
                "unprotected",
                dataset=changed,
                before=format_timestamp(dataset.protected_until),
            )
            return ProtectionResult(dataset=changed, exposed=_is_unprotected(uow, changed, now))

        return await self._store.transact(end_protection)


def _require_active_journey(journey: Journey) -> None:
    if journey.state is JourneyState.ACTIVE:
        return
    msg = f"The journey {journey.journey_id!r} is {journey.state}; only the lease of an active journey can be renewed."
    raise JourneyNotActiveError(msg, field="journey_id")


def _shortening_message(journey: Journey) -> str:
    held = journey.lease_expires_at
    if held is None:
        how = "has no lease, so it protects its datasets without end; only a person may give it one"
    else:
        how = f"has a lease until {format_timestamp(held)}; only a person may shorten that"
    return f"The journey {journey.journey_id!r} {how}."


def _require_live_dataset(uow: UnitOfWork, dataset_id: str, principal: Principal) -> Dataset:
    """The dataset, when it is live and not in teardown."""
    dataset = find_dataset_for_update(uow, dataset_id, principal)
    if dataset.status is DatasetStatus.TEARDOWN:
        raise TeardownInProgressError(f"{dataset.name} is being taken down.", dataset_id=dataset_id)
    if not dataset.live:
        raise InvalidArgumentError(
            f"{dataset.name} was taken down, so there is nothing to protect.",
            field="dataset_id",
            recovery=Recovery.CHOOSE_OTHER,
        )
    return dataset


def _is_unprotected(uow: UnitOfWork, dataset: Dataset, now: datetime) -> bool:
    """Whether the journey does not protect the dataset. An unreadable journey protects: its teardown is refused."""
    journey = uow.journeys.get(dataset.client_id, dataset.journey_id)
    if journey is None or dataset.status is DatasetStatus.FAILED:
        return True
    return not isinstance(journey, UnreadableRow) and not journey.as_of(now).protects(dataset.stage)
