"""Leases and protection: who may lengthen, who may shorten, and what a shorter one exposes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    ForbiddenError,
    InvalidArgumentError,
    JourneyNotActiveError,
    LifecycleError,
    PreconditionUnknownError,
    TeardownInProgressError,
    UnknownClientError,
    UnknownDatasetError,
    UnknownJourneyError,
)
from domain.governance.leases import MAX_LEASE, LeaseRenewal, LeaseService, ProtectionResult
from domain.model.dataset import OrphanMark
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.journey import Journey
from domain.model.principal import Principal, RequestContext
from domain.ports import AuditQuery
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock, client, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from domain.model.dataset import Dataset

KIM = Principal(subject="person:kim")
BOT = Principal(subject="agent:bot")
GLOBEX = Principal(subject="agent:g", clients=frozenset({"globex"}))
BOUND = Principal(subject="agent:b", journey_id="j2")
NO_APPROVER = Principal(subject="person:lee", scopes=frozenset({"datasets:provision"}))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MARK = OrphanMark(orphaned_at=NOW - DAY, reason="journey_completed", served=60.0)
ID = dataset().dataset_id


@dataclass
class LeaseSetup:
    """What is kept, over a real store, by a clock that is set."""

    path: Path
    store: SqliteStore
    clock: ManualClock
    keeping: LeaseService

    async def hold(self, row: Journey) -> None:
        await self.store.transact(lambda uow: uow.journeys.put(row))

    async def have(self, *rows: Dataset) -> None:
        for row in rows:
            await self.store.transact(lambda uow, row=row: uow.datasets.put(row))  # type: ignore[misc]

    async def load_dataset(self, dataset_id: str = ID) -> Dataset:
        found = await self.store.read(lambda uow: uow.datasets.get(dataset_id))
        assert found is not None
        return found

    async def lease(self) -> datetime | None:
        found = await self.store.read(lambda uow: uow.journeys.get("acme", "j1"))
        assert isinstance(found, Journey)
        return found.lease_expires_at

    async def load_events(self) -> list[tuple[str, object, object]]:
        """Every event, by kind, reason, and since when that was so."""
        events = await self.store.read(lambda uow: uow.events.find())
        return [(str(each.kind), each.data["reason"], each.data["orphaned_at"]) for _, each in events]

    async def load_audit_entries(self) -> list[tuple[str, str | None, str, dict[str, object]]]:
        """What was put on record, oldest first: what became of it, about which dataset and client, and the data."""
        rows = await self.store.read(lambda uow: uow.audit.find(AuditQuery()))
        entries = [msgspec.json.decode(each.document) for each in reversed(rows)]
        return [
            (each["outcome"], each.get("dataset_id"), each["client_id"], each["data"]) for each in entries
        ]


@pytest.fixture
async def lease_setup(tmp_path: Path) -> AsyncIterator[LeaseSetup]:
    """The client ACME, whose journey j1 is active at sandbox without a lease, and one READY dataset."""
    path = tmp_path / "store.sqlite"
    async with SqliteStore(path) as store:
        clock = ManualClock()
        found = LeaseSetup(path=path, store=store, clock=clock, keeping=LeaseService(store, clock))
        await store.transact(lambda uow: uow.clients.put(client()))
        await store.transact(lambda uow: uow.clients.put(client("globex")))
        await found.hold(journey())
        await found.have(dataset())
        yield found


# --- leases ------------------------------------------------------------------------------------------------------


async def test_a_renewed_lease_is_longer_and_a_use_of_the_stages_datasets(lease_setup: LeaseSetup) -> None:
    await lease_setup.hold(journey(lease_expires_at=NOW + HOUR))
    await lease_setup.have(
        dataset("d2", stage=Stage.PILOT), dataset("d3", journey_id="j2", dataset_type=DatasetType.JIRA_ISSUES)
    )

    renewed = await lease_setup.keeping.renew_lease("j1", 12 * HOUR, BOT, person=False)

    assert renewed == LeaseRenewal(journey=journey(lease_expires_at=NOW + 12 * HOUR), exposed=())
    assert await lease_setup.load_dataset() == dataset(last_used_at=NOW)
    for other in ("d2", "d3"):
        assert (await lease_setup.load_dataset(other)).last_used_at < NOW
    assert await lease_setup.load_events() == []


async def test_the_same_lease_again_is_no_shorter_one(lease_setup: LeaseSetup) -> None:
    await lease_setup.hold(journey(lease_expires_at=NOW + HOUR))
    assert (await lease_setup.keeping.renew_lease("j1", HOUR, BOT, person=False)).exposed == ()


@pytest.mark.parametrize("held", [None, NOW + 2 * HOUR])
async def test_only_a_person_shortens_and_is_told_what_that_exposes(
    lease_setup: LeaseSetup, held: datetime | None
) -> None:
    await lease_setup.hold(journey(lease_expires_at=held))
    await lease_setup.have(dataset("d2", status=DatasetStatus.FAILED, dataset_type=DatasetType.JIRA_ISSUES))
    with pytest.raises(ForbiddenError) as refusal:
        await lease_setup.keeping.renew_lease("j1", HOUR, BOT, person=False)
    assert (refusal.value.field, refusal.value.recovery) == ("duration", "needs_human")
    assert (await lease_setup.lease(), await lease_setup.load_dataset()) == (held, dataset())
    with pytest.raises(ForbiddenError, match="datasets:approve"):
        await lease_setup.keeping.renew_lease("j1", HOUR, NO_APPROVER, person=True)
    assert await lease_setup.lease() == held

    renewed = await lease_setup.keeping.renew_lease("j1", HOUR, KIM, person=True)

    assert renewed == LeaseRenewal(
        journey=journey(lease_expires_at=NOW + HOUR), exposed=(dataset(last_used_at=NOW),)
    )


async def test_whoever_is_no_approver_lengthens_all_the_same(lease_setup: LeaseSetup) -> None:
    await lease_setup.hold(journey(lease_expires_at=NOW + HOUR))
    await lease_setup.keeping.renew_lease("j1", 2 * HOUR, NO_APPROVER, person=True)
    assert await lease_setup.lease() == NOW + 2 * HOUR


@pytest.mark.parametrize("duration", [timedelta(0), -HOUR, MAX_LEASE + timedelta(seconds=1), timedelta.max])
@pytest.mark.parametrize("person", [True, False])
async def test_a_lease_is_at_least_something_and_at_most_thirty_days(
    lease_setup: LeaseSetup, duration: timedelta, person: bool
) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        await lease_setup.keeping.renew_lease("j1", duration, KIM, person=person)
    assert refusal.value.field == "duration"
    assert (
        await lease_setup.keeping.renew_lease("j1", MAX_LEASE, KIM, person=True)
    ).journey.lease_expires_at == NOW + MAX_LEASE


PERSONS = "Ask the operator: a person decides this on a terminal."


async def await_refusal(call: Awaitable[object]) -> dict[str, object]:
    with pytest.raises(LifecycleError) as refusal:
        await call
    return refusal.value.as_dict()


@pytest.mark.parametrize(
    ("held", "how"),
    [
        (None, "has no lease, so it protects its datasets without end; only a person may give it one"),
        (NOW + 2 * HOUR, "has a lease until 2026-03-01T14:00:00Z; only a person may shorten that"),
    ],
)
async def test_a_shorter_lease_is_refused_with_what_the_journey_has_and_the_human_step(
    lease_setup: LeaseSetup, held: datetime | None, how: str
) -> None:
    await lease_setup.hold(journey(lease_expires_at=held))
    assert await await_refusal(lease_setup.keeping.renew_lease("j1", HOUR, BOT, person=False)) == {
        "code": "forbidden",
        "message": f"The journey 'j1' {how}.",
        "recovery": "needs_human",
        "field": "duration",
        "suggested_action": PERSONS,
    }


async def test_a_lease_that_cannot_be_renewed_says_why(lease_setup: LeaseSetup) -> None:
    assert await await_refusal(lease_setup.keeping.renew_lease("j1", timedelta(0), KIM, person=True)) == {
        "code": "invalid_argument",
        "message": "A lease must end after now, and at most 30 days from now.",
        "recovery": "fix_input",
        "field": "duration",
        "suggested_action": InvalidArgumentError.action,
    }
    await lease_setup.hold(journey(lease_expires_at=NOW))
    assert await await_refusal(lease_setup.keeping.renew_lease("j1", HOUR, KIM, person=True)) == {
        "code": "journey_not_active",
        "message": "The journey 'j1' is expired; only the lease of an active journey can be renewed.",
        "recovery": "needs_human",
        "field": "journey_id",
        "suggested_action": JourneyNotActiveError.action,
    }


@pytest.mark.parametrize(
    "held",
    [
        *(journey(state=each) for each in JourneyState if each is not JourneyState.ACTIVE),
        journey(lease_expires_at=NOW),
    ],
)
async def test_only_an_active_journeys_lease_is_renewed(lease_setup: LeaseSetup, held: Journey) -> None:
    await lease_setup.hold(held)
    with pytest.raises(JourneyNotActiveError) as refusal:
        await lease_setup.keeping.renew_lease("j1", HOUR, KIM, person=True)
    assert (refusal.value.field, refusal.value.recovery) == ("journey_id", "needs_human")
    assert (await lease_setup.lease(), await lease_setup.load_dataset()) == (held.lease_expires_at, dataset())


async def test_a_journey_that_is_not_there_not_theirs_or_not_readable_is_not_renewed(
    lease_setup: LeaseSetup,
) -> None:
    keeping = lease_setup.keeping
    for call, error in (
        (keeping.renew_lease("j9", HOUR, KIM, person=True), UnknownJourneyError),
        (keeping.renew_lease("j1", HOUR, GLOBEX, person=True), UnknownJourneyError),
        (keeping.renew_lease("j1", HOUR, BOUND, "acme", person=True), UnknownJourneyError),
        (keeping.renew_lease("j1", HOUR, GLOBEX, "acme", person=True), UnknownClientError),
    ):
        with pytest.raises(error):
            await call
    await lease_setup.hold(journey(client_id="globex"))
    with pytest.raises(InvalidArgumentError) as refusal:
        await keeping.renew_lease("j1", HOUR, KIM, person=True)
    assert (refusal.value.field, refusal.value.candidates) == ("client_id", ("acme", "globex"))
    with closing(sqlite3.connect(lease_setup.path)) as connection, connection:
        connection.execute("update journeys set state = 'zombie' where client_id = 'acme'")
    with pytest.raises(PreconditionUnknownError):
        await keeping.renew_lease("j1", HOUR, KIM, "acme", person=True)


async def test_a_lease_goes_on_record_with_what_it_was_and_what_it_exposes(lease_setup: LeaseSetup) -> None:
    called = replace(KIM, call=RequestContext(audit_id="au-kim", at=NOW, verb="journeys renew", via="cli"))
    await lease_setup.keeping.renew_lease("j1", 2 * HOUR, called, person=True)
    await lease_setup.keeping.renew_lease("j1", 3 * HOUR, called, person=True)
    usual = {"journey_id": "j1", "until": "2026-03-01T14:00:00Z", "before": None, "exposed": [ID]}
    longer = {"until": "2026-03-01T15:00:00Z", "before": "2026-03-01T14:00:00Z", "exposed": []}
    assert await lease_setup.load_audit_entries() == [
        ("lease renewed", None, "acme", usual),
        ("lease renewed", None, "acme", usual | longer),
    ]


async def test_a_protection_goes_on_record_with_what_it_was(lease_setup: LeaseSetup) -> None:
    called = replace(KIM, call=RequestContext(audit_id="au-kim", at=NOW, verb="datasets protect", via="cli"))
    await lease_setup.keeping.protect_dataset(ID, NOW + HOUR, called, person=True)
    await lease_setup.keeping.protect_dataset(ID, NOW + 2 * HOUR, called, person=True)
    await lease_setup.keeping.unprotect_dataset(ID, called, person=True)
    await lease_setup.keeping.unprotect_dataset(ID, called, person=True)
    first, second = "2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z"
    assert await lease_setup.load_audit_entries() == [
        ("protected", ID, "acme", {"before": None, "until": first}),
        ("protected", ID, "acme", {"before": first, "until": second}),
        ("unprotected", ID, "acme", {"before": second}),
    ]


# --- protection --------------------------------------------------------------------------------------------------


async def test_a_protected_dataset_is_used_no_orphan_and_another_generation(lease_setup: LeaseSetup) -> None:
    await lease_setup.have(dataset(orphan=MARK))

    kept = await lease_setup.keeping.protect_dataset(ID, NOW + DAY, BOT, person=False)

    assert kept == ProtectionResult(
        dataset=dataset(protected_until=NOW + DAY, last_used_at=NOW, generation=2), exposed=False
    )
    assert await lease_setup.load_dataset() == kept.dataset
    assert await lease_setup.load_events() == [
        ("dataset:orphan_cleared", "journey_completed", "2026-02-28T12:00:00Z")
    ]


async def test_the_same_protection_again_voids_nothing(lease_setup: LeaseSetup) -> None:
    first = await lease_setup.keeping.protect_dataset(ID, NOW + DAY, BOT, person=False)
    lease_setup.clock.instant += HOUR
    again = await lease_setup.keeping.protect_dataset(ID, NOW + DAY, BOT, person=False)
    assert again == ProtectionResult(dataset=replace(first.dataset, last_used_at=NOW + HOUR), exposed=False)
    assert await lease_setup.load_events() == []


@pytest.mark.parametrize("person", [True, False])
@pytest.mark.parametrize("until", [NOW, NOW - DAY, datetime(2026, 4, 1), datetime.min.replace(tzinfo=UTC)])  # noqa: DTZ001 - on purpose
async def test_an_instant_that_is_past_or_without_a_zone_protects_nothing(
    lease_setup: LeaseSetup, until: datetime, person: bool
) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        await lease_setup.keeping.protect_dataset(ID, until, KIM, person=person)
    assert refusal.value.field == "until"
    assert await lease_setup.load_dataset() == dataset()


async def test_beyond_thirty_days_only_a_person_protects(lease_setup: LeaseSetup) -> None:
    far = NOW + MAX_LEASE + timedelta(seconds=1)
    with pytest.raises(InvalidArgumentError, match="30 days") as refusal:
        await lease_setup.keeping.protect_dataset(ID, far, BOT, person=False)
    assert refusal.value.field == "until"
    assert (
        await lease_setup.keeping.protect_dataset(ID, NOW + MAX_LEASE, BOT, person=False)
    ).exposed is False
    assert (
        await lease_setup.keeping.protect_dataset(ID, far, KIM, person=True)
    ).dataset.protected_until == far


@pytest.mark.parametrize(
    ("state", "status", "exposed"),
    [
        (JourneyState.ACTIVE, DatasetStatus.READY, False),
        (JourneyState.ACTIVE, DatasetStatus.FAILED, True),
        (JourneyState.COMPLETED, DatasetStatus.READY, True),
        (None, DatasetStatus.READY, True),
    ],
)
async def test_only_a_person_shortens_a_protection_or_ends_it_and_is_told_what_that_exposes(
    lease_setup: LeaseSetup, state: JourneyState | None, status: DatasetStatus, exposed: bool
) -> None:
    if state:
        await lease_setup.hold(journey(state=state))
    held = dataset(
        status=status, protected_until=NOW + 2 * DAY, generation=5, journey_id="j1" if state else "gone"
    )
    await lease_setup.have(held)
    for forbidden in (
        lease_setup.keeping.protect_dataset(ID, NOW + DAY, BOT, person=False),
        lease_setup.keeping.protect_dataset(ID, NOW + DAY, NO_APPROVER, person=True),
        lease_setup.keeping.unprotect_dataset(ID, BOT, person=False),
    ):
        with pytest.raises(ForbiddenError) as refusal:
            await forbidden
        assert refusal.value.recovery == "needs_human"
    assert await lease_setup.load_dataset() == held

    shorter = await lease_setup.keeping.protect_dataset(ID, NOW + DAY, KIM, person=True)
    ended = await lease_setup.keeping.unprotect_dataset(ID, KIM, person=True)

    used = replace(held, last_used_at=NOW)
    assert shorter == ProtectionResult(
        dataset=replace(used, protected_until=NOW + DAY, generation=6), exposed=exposed
    )
    assert ended == ProtectionResult(
        dataset=replace(used, protected_until=None, generation=7), exposed=exposed
    )
    assert await lease_setup.load_dataset() == ended.dataset


async def test_a_protection_that_cannot_be_given_or_taken_says_why(lease_setup: LeaseSetup) -> None:
    assert await await_refusal(lease_setup.keeping.protect_dataset(ID, NOW, KIM, person=True)) == {
        "code": "invalid_argument",
        "message": (
            "until must be in the future; 2026-03-01T12:00:00Z is past, as it is 2026-03-01T12:00:00Z."
        ),
        "recovery": "fix_input",
        "field": "until",
        "suggested_action": InvalidArgumentError.action,
    }
    far = NOW + MAX_LEASE + HOUR
    assert await await_refusal(lease_setup.keeping.protect_dataset(ID, far, BOT, person=False)) == {
        "code": "invalid_argument",
        "message": ("until is 2026-03-31T13:00:00Z; only a person may protect for more than 30 days."),
        "recovery": "fix_input",
        "field": "until",
        "suggested_action": InvalidArgumentError.action,
    }
    await lease_setup.have(dataset(protected_until=NOW + 2 * HOUR))
    forbidden = {"code": "forbidden", "recovery": "needs_human", "suggested_action": PERSONS}
    name = dataset().name
    assert await await_refusal(
        lease_setup.keeping.protect_dataset(ID, NOW + HOUR, BOT, person=False)
    ) == forbidden | {
        "message": f"{name} is protected until 2026-03-01T14:00:00Z; only a person may shorten that.",
        "field": "until",
    }
    assert await await_refusal(lease_setup.keeping.unprotect_dataset(ID, BOT, person=False)) == forbidden | {
        "message": f"Only a person may end the protection of {name}.",
        "field": "dataset_id",
    }


async def test_what_is_going_or_gone_says_so(lease_setup: LeaseSetup) -> None:
    name = dataset().name
    await lease_setup.have(dataset(status=DatasetStatus.TEARDOWN))
    assert await await_refusal(lease_setup.keeping.protect_dataset(ID, NOW + DAY, KIM, person=True)) == {
        "code": "teardown_in_progress",
        "message": f"{name} is being taken down.",
        "recovery": "wait",
        "dataset_id": ID,
        "suggested_action": TeardownInProgressError.action,
    }
    await lease_setup.have(dataset(status=DatasetStatus.ARCHIVED))
    assert await await_refusal(lease_setup.keeping.protect_dataset(ID, NOW + DAY, KIM, person=True)) == {
        "code": "invalid_argument",
        "message": f"{name} was taken down, so there is nothing to protect.",
        "recovery": "choose_other",
        "field": "dataset_id",
        "suggested_action": InvalidArgumentError.action,
    }


async def test_what_a_leased_journey_makes_up_for_is_not_exposed_until_its_lease_has_lapsed(
    lease_setup: LeaseSetup,
) -> None:
    await lease_setup.hold(journey(lease_expires_at=NOW + HOUR))
    await lease_setup.have(dataset(protected_until=NOW + 2 * DAY))
    assert (await lease_setup.keeping.protect_dataset(ID, NOW + DAY, KIM, person=True)).exposed is False
    lease_setup.clock.instant += 2 * HOUR
    assert (await lease_setup.keeping.protect_dataset(ID, NOW + DAY / 2, KIM, person=True)).exposed is True
    assert (await lease_setup.keeping.unprotect_dataset(ID, KIM, person=True)).exposed is True


async def test_what_is_not_kept_any_more_is_lengthened_by_anybody_and_cannot_be_ended(
    lease_setup: LeaseSetup,
) -> None:
    lapsed = dataset(protected_until=NOW)
    await lease_setup.have(lapsed)
    assert await lease_setup.keeping.unprotect_dataset(ID, KIM, person=True) == ProtectionResult(
        dataset=lapsed, exposed=False
    )
    assert (await lease_setup.keeping.protect_dataset(ID, NOW + HOUR, BOT, person=False)).exposed is False


async def test_a_journey_that_cannot_be_read_keeps_its_datasets(lease_setup: LeaseSetup) -> None:
    await lease_setup.have(dataset(protected_until=NOW + DAY))
    with closing(sqlite3.connect(lease_setup.path)) as connection, connection:
        connection.execute("update journeys set state = 'zombie'")
    assert (await lease_setup.keeping.unprotect_dataset(ID, KIM, person=True)).exposed is False


@pytest.mark.parametrize(
    ("status", "error", "recovery"),
    [
        (DatasetStatus.TEARDOWN, TeardownInProgressError, "wait"),
        (DatasetStatus.ARCHIVED, InvalidArgumentError, "choose_other"),
    ],
)
async def test_what_is_going_or_gone_is_not_protected(
    lease_setup: LeaseSetup, status: DatasetStatus, error: type[LifecycleError], recovery: str
) -> None:
    held = dataset(status=status)
    await lease_setup.have(held)
    for call in (
        lease_setup.keeping.protect_dataset(ID, NOW + DAY, KIM, person=True),
        lease_setup.keeping.unprotect_dataset(ID, KIM, person=True),
    ):
        with pytest.raises(error) as refusal:
            await call
        assert refusal.value.recovery == recovery
    assert await lease_setup.load_dataset() == held


async def test_another_clients_or_journeys_dataset_is_not_theirs_to_keep(lease_setup: LeaseSetup) -> None:
    for principal, error in ((GLOBEX, UnknownDatasetError), (BOUND, ForbiddenError)):
        with pytest.raises(error):
            await lease_setup.keeping.protect_dataset(ID, NOW + DAY, principal, person=True)
        with pytest.raises(error):
            await lease_setup.keeping.unprotect_dataset(ID, principal, person=True)
    assert await lease_setup.load_dataset() == dataset()


@given(
    st.lists(
        st.tuples(st.booleans(), st.timedeltas(min_value=-DAY, max_value=40 * DAY), st.timedeltas(HOUR, DAY)),
        max_size=8,
    )
)
async def test_no_agent_ever_shortens_or_reaches_beyond_thirty_days(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[bool, timedelta, timedelta]]
) -> None:
    clock = ManualClock()
    async with SqliteStore(tmp_path_factory.mktemp("store") / "store.sqlite") as store:
        keeping = LeaseService(store, clock)
        await store.transact(lambda uow: uow.clients.put(client()))
        await store.transact(lambda uow: uow.journeys.put(journey(lease_expires_at=NOW + HOUR)))
        await store.transact(lambda uow: uow.datasets.put(dataset(protected_until=NOW + HOUR)))
        ends = [NOW + HOUR, NOW + HOUR]
        for leases, span, passing in calls:
            try:
                if leases:
                    await keeping.renew_lease("j1", span, BOT, person=False)
                else:
                    await keeping.protect_dataset(ID, clock.now() + span, BOT, person=False)
            except LifecycleError:
                pass
            found = await store.read(lambda uow: (uow.journeys.get("acme", "j1"), uow.datasets.get(ID)))
            assert isinstance(found[0], Journey)
            assert found[1] is not None
            after = [found[0].lease_expires_at, found[1].protected_until]
            for before, now in zip(ends, after, strict=True):
                assert now is not None
                assert before <= now <= max(before, clock.now() + MAX_LEASE)
            ends = [each for each in after if each]
            clock.instant += passing
