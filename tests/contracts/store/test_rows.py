"""What a store keeps, and how it gives it back."""

from __future__ import annotations

import random
import string
from dataclasses import fields, replace
from datetime import timedelta, timezone
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from domain.errors import InvalidArgumentError, Recovery, StoreFailedError
from domain.model.content import CheckResult, Content, QualityReport
from domain.model.dataset import Confirmation, OrphanMark, Recheck, Teardown
from domain.model.enums import (
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    JourneyState,
    Stage,
    TeardownReason,
    Waiver,
)
from domain.model.event import EventKind
from domain.model.journey import UnreadableRow
from domain.model.run import Failure, PendingCompensation, Run
from domain.model.sanitization import DroppedField, ReplacedCount, SanitizationReport, Suspect
from domain.ports import DatasetQuery, Setting
from tests.support.entities import DATASET, NOW, client, connector, dataset, journey, sample_event
from tests.support.stores.store_adapters import replace_document

if TYPE_CHECKING:
    from domain.model.dataset import Dataset
    from domain.model.event import Event
    from domain.ports import Store, UnitOfWork
    from tests.support.stores.store_adapters import StoreLocation

LATER = NOW + timedelta(microseconds=1)
REPORT = QualityReport(
    score=99.5,
    checks=(CheckResult(check="schema", weight=25, of=7, failed=1, examples=("position 3",)),),
    gates=(CheckResult(check="indexed", weight=0, of=7, failed=0),),
    checksum="aa",
    evaluated_at=LATER,
)
CONTENT = Content(
    attempt=2,
    record_count=7,
    size_bytes=70,
    checksum="aa",
    containers=("ENG", "Ä"),
    report=REPORT,
    warnings=("w",),
    sanitization=SanitizationReport(
        records=7,
        people=2,
        replaced=(ReplacedCount("body", "email", 3),),
        dropped=(DroppedField("severity", 7),),
        suspects=(Suspect(4, "body", 12, "name_like"),),
        suspect_count=1,
    ),
)
FAILURE = Failure(
    step="push",
    code="platform_unavailable",
    message="Glean did not answer.",
    recovery="wait",
    suggested_action="Wait.",
    at=NOW,
    attempt=2,
    to_undo=("staging",),
)
FULL = dataset(
    status=DatasetStatus.TEARDOWN,
    requested_count=7,
    attempt=2,
    generation=5,
    content=CONTENT,
    staged=replace(CONTENT, attempt=3),
    quality=REPORT,
    connector_id="k1",
    archived_at=LATER,
    protected_until=NOW,
    failure=FAILURE,
    run=Run(saga_id="s1", started_at=NOW, cancel_requested=True),
    teardown=Teardown(
        reason=TeardownReason.MANUAL,
        requester="agent:kim",
        former_status=DatasetStatus.READY,
        started_at=NOW,
        run=2,
        confirmation=Confirmation(
            how="approval",
            by="person:kim",
            at=NOW,
            dataset_id="d1",
            generation=4,
            reason=TeardownReason.MANUAL,
            requester="agent:kim",
        ),
        conceded=(
            Confirmation(
                how="approval",
                by="person:lee",
                at=LATER,
                dataset_id="d1",
                generation=5,
                reason=TeardownReason.MANUAL,
                requester="agent:kim",
                approval_id="ap-1",
                concession=Waiver.INCOMPLETE_ARCHIVE,
            ),
        ),
        archived_path="acme/sandbox",
        archive_incomplete=True,
        abandon_connector=True,
        restorable_until=LATER,
        disconnecting=True,
        connector_outcome=ConnectorOutcome.EMPTIED,
        manual_step="Delete it in the console.",
        staging_deleted=True,
        failure=FAILURE,
    ),
    orphan=OrphanMark(orphaned_at=LATER, reason="journey_completed", served=12.5),
    recheck=Recheck(requested_at=NOW, deadline=LATER),
    rechecked_by="recheck:cn-acme-sandbox-confluence-7f3k2m-1:2026-03-01T12:00:00",
    restored_from="acme-sandbox-confluence-aaaaaa",
)


async def put(store: Store, *datasets: Dataset) -> None:
    def work(uow: UnitOfWork) -> None:
        for each in datasets:
            uow.datasets.put(each)

    await store.transact(work)


def append(event: Event, uow: UnitOfWork) -> None:
    uow.events.append(event)


async def test_a_dataset_comes_back_exactly_as_it_was_put(store: Store) -> None:
    await put(store, FULL)

    found = await store.read(lambda uow: uow.datasets.get(FULL.dataset_id))

    assert [name.name for name in fields(FULL) if getattr(FULL, name.name) is None] == []
    assert found == FULL
    assert found is not None
    assert found.created_at.utcoffset() == timedelta(0)
    assert type(found.status) is DatasetStatus


async def test_instants_that_are_not_in_utc_are_not_let_in(store: Store) -> None:
    for naive in (NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=1)))):
        with pytest.raises((TypeError, ValueError)):
            await put(store, dataset(last_used_at=naive))
        told = sample_event(EventKind.PROVISIONED, DATASET, NOW, since=[naive])
        with pytest.raises(ValueError, match="not a time in UTC"):
            await store.transact(partial(append, told))

    assert await store.read(lambda uow: uow.datasets.find(DatasetQuery())) == []


async def test_an_unknown_row_is_none(store: Store) -> None:
    found = await store.read(
        lambda uow: (
            uow.clients.get("x"),
            uow.clients.get_spelt_like("x"),
            uow.journeys.get("x", "y"),
            uow.journeys.get_spelt_like("x", "y"),
            uow.datasets.get("x"),
            uow.datasets.get_live("x", Stage.PILOT, DatasetType.JIRA_ISSUES),
            uow.connectors.get("x"),
            uow.datasets.get_progress("x"),
            uow.settings.get(Setting("x", object)),
            uow.archives.get("x"),
        )
    )

    assert set(found) == {None}


async def test_a_client_is_found_as_given_and_as_spelt_alike(store: Store) -> None:
    await store.transact(lambda uow: uow.clients.put(client("ACME")))
    await store.transact(lambda uow: uow.clients.put(client("ACME", name="New")))

    assert await store.read(lambda uow: uow.clients.get("acme")) is None
    assert await store.read(lambda uow: uow.clients.get("ACME")) == client("ACME", name="New")
    assert await store.read(lambda uow: uow.clients.get_spelt_like("acme")) == client("ACME", name="New")
    assert await store.read(lambda uow: uow.clients.all()) == [client("ACME", name="New")]


async def test_a_client_that_differs_only_in_case_is_refused_naming_the_existing_one(store: Store) -> None:
    await store.transact(lambda uow: uow.clients.put(client("ACME")))

    with pytest.raises(
        InvalidArgumentError, match="'acme' differs only in case from the existing 'ACME'"
    ) as refused:
        await store.transact(lambda uow: uow.clients.put(client("acme")))

    assert (refused.value.field, refused.value.candidates) == ("client_id", ("ACME",))


async def test_journeys_are_unique_within_their_client_without_regard_to_case(store: Store) -> None:
    kept = [
        journey("J1", client_id="acme", lease_expires_at=LATER),
        journey("J1", client_id="beta", stage=Stage.PILOT, state=JourneyState.PAUSED),
        journey("J2", client_id="acme"),
    ]

    def work(uow: UnitOfWork) -> None:
        for each in kept:
            uow.journeys.put(each)

    await store.transact(work)
    with pytest.raises(InvalidArgumentError, match="'J1'") as refused:
        await store.transact(lambda uow: uow.journeys.put(journey("j1", client_id="acme")))
    with pytest.raises(InvalidArgumentError, match="'acme'") as other_client:
        await store.transact(lambda uow: uow.journeys.put(journey("J1", client_id="ACME")))

    assert (refused.value.field, refused.value.candidates) == ("journey_id", ("J1",))
    assert other_client.value.field == "client_id"
    assert await store.read(lambda uow: uow.journeys.get("acme", "J1")) == kept[0]
    assert await store.read(lambda uow: uow.journeys.get("acme", "j1")) is None
    assert await store.read(lambda uow: uow.journeys.get_spelt_like("ACME", "j1")) == kept[0]
    assert await store.read(lambda uow: uow.journeys.find()) == [kept[0], kept[2], kept[1]]
    assert await store.read(lambda uow: uow.journeys.find(client_id="acme")) == [kept[0], kept[2]]
    assert await store.read(lambda uow: uow.journeys.find(journey_id="J1")) == kept[:2]


async def test_a_journey_of_an_unknown_state_is_unreadable_wherever_it_is_met(
    store: Store, location: StoreLocation
) -> None:
    await store.transact(lambda uow: uow.journeys.put(journey()))
    await put(store, DATASET)
    location.execute_sql("update journeys set state = 'zombie'")

    unreadable = UnreadableRow(
        what="journey 'j1' of client 'acme'", why="'zombie' is not a valid JourneyState"
    )
    assert await store.read(lambda uow: uow.journeys.get("acme", "j1")) == unreadable
    assert await store.read(lambda uow: uow.journeys.get_spelt_like("ACME", "j1")) == unreadable
    assert await store.read(lambda uow: uow.journeys.find()) == [unreadable]
    with_it = [(DATASET, unreadable)]
    assert await store.read(lambda uow: uow.datasets.list_unprotected(DatasetQuery(), NOW)) == with_it
    assert await store.read(lambda uow: uow.datasets.list_with_journeys([DATASET.dataset_id])) == with_it
    assert await store.read(lambda uow: list(uow.datasets.stream_for_scan((DATASET.status,), NOW))) == with_it


@pytest.mark.parametrize("document", ["{", '{"dataset_id": "d2"}', '{"status": "zombie"}', '"text"'])
async def test_a_broken_dataset_refuses_by_name_and_never_hides_the_others(
    store: Store, location: StoreLocation, document: str
) -> None:
    rows = [
        dataset(f"d{number}", dataset_type=kind, run=Run(saga_id="s", started_at=NOW))
        for number, kind in enumerate(DatasetType)
    ]
    await put(store, *rows)
    replace_document(location, "datasets", "d2", document)

    for look in (
        lambda uow: uow.datasets.get("d2"),
        lambda uow: uow.datasets.get_live("acme", Stage.SANDBOX, rows[2].dataset_type),
    ):
        with pytest.raises(StoreFailedError, match="'d2' cannot be decoded") as refused:
            await store.read(look)
        assert refused.value.recovery is Recovery.NEEDS_HUMAN
    good = [rows[0], rows[1], rows[3]]
    assert await store.read(lambda uow: uow.datasets.find(DatasetQuery(limit=3))) == good
    assert await store.read(lambda uow: uow.datasets.list_running()) == good
    alone = [(each, None) for each in good]
    assert await store.read(lambda uow: uow.datasets.list_unprotected(DatasetQuery(limit=3), NOW)) == alone
    names = [each.dataset_id for each in rows]
    assert await store.read(lambda uow: uow.datasets.list_with_journeys(names)) == alone
    assert await store.read(lambda uow: list(uow.datasets.stream_for_scan((rows[0].status,), NOW))) == alone
    assert await store.read(lambda uow: uow.datasets.count_live()) == 4


async def test_a_broken_dataset_keeps_its_place(store: Store, location: StoreLocation) -> None:
    await put(store, DATASET)
    replace_document(location, "datasets", DATASET.dataset_id, "{")

    with pytest.raises(Exception, match=DATASET.dataset_id):
        await put(store, dataset("other"))


async def test_running_datasets_are_those_with_a_run(store: Store) -> None:
    await put(
        store,
        dataset("d1"),
        dataset("d2", dataset_type=DatasetType.SLACK_MESSAGES, run=Run(saga_id="s", started_at=NOW)),
    )

    running = await store.read(lambda uow: uow.datasets.list_running())

    assert [each.dataset_id for each in running] == ["d2"]


async def test_live_datasets_are_counted_by_client(store: Store) -> None:
    await put(
        store,
        dataset("d1"),
        dataset("d2", client_id="beta"),
        dataset("d3", client_id="beta", status=DatasetStatus.ARCHIVED),
    )

    counted = await store.read(
        lambda uow: (
            uow.datasets.count_live(),
            uow.datasets.count_live("beta"),
            uow.datasets.count_live("none"),
        )
    )
    assert counted == (2, 1, 0)


async def test_connectors_are_listed_until_they_are_disconnected(
    store: Store, location: StoreLocation
) -> None:
    kept = [
        connector("k1", config=MappingProxyType({"spaces": ["ENG"]})),
        connector("k2", client_id="beta"),
        connector("k3", status=ConnectorStatus.DISCONNECTED),
        connector("k4", last_health_check=LATER, message="m"),
        connector("k5"),
    ]

    def work(uow: UnitOfWork) -> None:
        for each in kept:
            uow.connectors.put(each)

    await store.transact(work)

    assert await store.read(lambda uow: uow.connectors.get("k1")) == connector(
        "k1", config={"spaces": ["ENG"]}
    )
    assert await store.read(lambda uow: uow.connectors.get("k3")) == kept[2]
    listed = [
        await store.read(lambda uow: uow.connectors.list_connected()),
        await store.read(lambda uow: uow.connectors.list_connected(client_id="acme")),
        await store.read(lambda uow: uow.connectors.list_connected(after="k1", limit=2)),
    ]
    assert [[each.connector_id for each in page] for page in listed] == [
        ["k1", "k2", "k4", "k5"],
        ["k1", "k4", "k5"],
        ["k2", "k4"],
    ]

    replace_document(location, "connectors", "k1", "{")
    assert [
        each.connector_id for each in await store.read(lambda uow: uow.connectors.list_connected(limit=2))
    ] == [
        "k2",
        "k4",
    ]
    with pytest.raises(StoreFailedError, match="k1"):
        await store.read(lambda uow: uow.connectors.get("k1"))


async def test_events_keep_their_order_and_never_change_their_number(store: Store) -> None:
    told = [
        sample_event(EventKind.PROVISIONING_STARTED, dataset("d1"), NOW),
        sample_event(EventKind.PROVISIONED, dataset("d2"), LATER, score=99.5),
        sample_event(EventKind.TORN_DOWN, dataset("d1"), NOW),
    ]
    for event in told:
        await store.transact(partial(append, event))

    assert await store.read(lambda uow: uow.events.find()) == list(enumerate(told, 1))
    assert await store.read(lambda uow: uow.events.find(after=1, limit=1)) == [(2, told[1])]
    assert await store.read(lambda uow: uow.events.find(dataset_id="d1")) == [(1, told[0]), (3, told[2])]


async def test_errors_are_counted_from_an_instant_on_and_forgotten_after_two_days(store: Store) -> None:
    def work(uow: UnitOfWork) -> None:
        for hours in (60, 30, 1, 0):
            uow.connectors.record_error("k1", NOW - timedelta(hours=hours), "platform_unavailable")
        uow.connectors.record_error("k2", NOW, "platform_denied")

    await store.transact(work)

    counted = await store.read(
        lambda uow: (
            uow.connectors.count_errors("k1", NOW - timedelta(hours=24), NOW),
            uow.connectors.count_errors("k1", NOW, NOW),
            uow.connectors.count_errors("k1", NOW - timedelta(days=9), NOW),
            uow.connectors.count_errors("none", NOW - timedelta(days=9), NOW),
            uow.connectors.count_errors("k1", NOW - timedelta(days=9), NOW - timedelta(minutes=1)),
        )
    )
    assert counted == (2, 1, 3, 0, 2)


async def test_an_undo_is_kept_until_it_is_dropped(store: Store) -> None:
    kept = [
        PendingCompensation(dataset_id="d1", attempt=1, what="connect", cause="c", since=NOW),
        PendingCompensation(dataset_id="d1", attempt=1, what="populate", cause="c", since=NOW),
        PendingCompensation(dataset_id="d2", attempt=3, what="populate", cause="c", since=NOW),
    ]

    def work(uow: UnitOfWork) -> None:
        for each in kept:
            uow.compensations.put(each)
        uow.compensations.put(replace(kept[0], tries=2))

    await store.transact(work)
    assert await store.read(lambda uow: uow.compensations.find()) == [replace(kept[0], tries=2), *kept[1:]]

    await store.transact(lambda uow: uow.compensations.delete(kept[1]))
    assert await store.read(lambda uow: uow.compensations.find("d1")) == [replace(kept[0], tries=2)]


async def test_facts_and_archives_are_plain_values_under_a_name(store: Store) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.settings.put(Setting("f", object), {"at": 1})
        uow.settings.put(Setting("f", object), [1, "Ä", None, {"x": 2.5}])
        for name in ("d1", "d2", "d3"):
            uow.archives.put(name, {"path": name})
        uow.archives.put("d2", {"path": "d2", "purged_at": "2026-01-01T00:00:00Z"})

    await store.transact(work)

    assert await store.read(lambda uow: uow.settings.get(Setting("f", object))) == [1, "Ä", None, {"x": 2.5}]
    assert await store.read(lambda uow: uow.archives.get("d1")) == {"path": "d1"}
    assert await store.read(lambda uow: uow.archives.find(after="d1", limit=1)) == [
        ("d2", {"path": "d2", "purged_at": "2026-01-01T00:00:00Z"})
    ]


async def test_the_character_nul_is_kept_in_documents_and_refused_in_names(store: Store) -> None:
    """No text of PostgreSQL can hold it; what is JSON writes it as an escape."""
    await put(store, dataset(name="a\0b"))
    await store.transact(lambda uow: uow.settings.put(Setting("f", object), {"x\0": "\0"}))
    await store.transact(lambda uow: uow.audit.append('{"audit_id":"c1","principal":"x\\u0000y"}'))

    with pytest.raises(InvalidArgumentError, match="NUL"):
        await store.transact(lambda uow: uow.clients.put(client(name="a\0b")))
    with pytest.raises(InvalidArgumentError, match="NUL"):
        await store.read(lambda uow: uow.datasets.get("a\0b"))
    assert await store.read(lambda uow: uow.datasets.get(DATASET.dataset_id)) == dataset(name="a\0b")
    assert await store.read(lambda uow: uow.settings.get(Setting("f", object))) == {"x\0": "\0"}
    assert await store.read(lambda uow: uow.audit.has_call("c1"))


async def test_what_has_an_order_is_ordered_byte_by_byte_whatever_the_machine_speaks(store: Store) -> None:
    ids = sorted(["B", "a", "a-b", "a.b", "a_b", "ab", "A-c", "Z", "b2", "1"])

    def work(uow: UnitOfWork) -> None:
        for each in ids:
            uow.datasets.put(dataset(f"d{each}", client_id=f"{each}-client"))
            uow.clients.put(client(f"{each}-client"))
            uow.archives.put(each, {})

    await store.transact(work)

    def query_store(uow: UnitOfWork) -> tuple[list[str], list[str], list[str]]:
        return (
            [each.dataset_id for each in uow.datasets.find(DatasetQuery(after="dA-c"))],
            [each.client_id for each in uow.clients.all()],
            [name for name, _facts in uow.archives.find(after="Z")],
        )

    assert await store.read(query_store) == (
        [f"d{each}" for each in ids if each > "A-c"],
        sorted(f"{each}-client" for each in ids),
        [each for each in ids if each > "Z"],
    )


async def test_events_are_numbered_without_a_gap_whatever_was_taken_back(store: Store) -> None:
    def fail(uow: UnitOfWork) -> None:
        uow.events.append(sample_event(EventKind.PROVISIONED, DATASET, NOW))
        raise KeyError("as it is")

    for _ in range(3):
        await store.transact(partial(append, sample_event(EventKind.PROVISIONED, DATASET, NOW)))
        with pytest.raises(KeyError, match="as it is"):
            await store.transact(fail)

    assert [seq for seq, _event in await store.read(lambda uow: uow.events.find())] == [1, 2, 3]


async def test_whatever_length_a_call_was_given_it_goes_on_record(store: Store) -> None:
    given = "".join(random.Random(7).choices(string.ascii_letters, k=100_000))
    entry = f'{{"audit_id":"c1","principal":"{given}","dataset_id":"{given}"}}'
    await store.transact(lambda uow: uow.audit.append(entry))

    assert await store.read(lambda uow: uow.audit.has_call("c1"))
