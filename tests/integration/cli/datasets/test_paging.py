"""More rows than one page holds: a command shows a page and says how to go on, or all of them as they are read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.lifecycle.archives.archive import Archive
from domain.model.approval import ApprovalState
from domain.model.cursors import encode_cursor
from domain.model.delivery import Delivery, DeliveryState
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.event import EventKind
from server.adapters.store.sqlite.store import SqliteStore
from server.cli.exit_codes import ExitCode
from tests.support.entities import NOW, approval, client, connector, dataset, journey, sample_event

if TYPE_CHECKING:
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.servers.command_line import CommandLine

CLIENTS = tuple(f"client-{number}" for number in range(5))
COUNT = len(CLIENTS) * len(Stage) * len(DatasetType)
IDS = [f"d{number:02}" for number in range(COUNT)]


def _sixty(uow: UnitOfWork) -> None:
    for client_id in CLIENTS:
        uow.clients.put(client(client_id))
        uow.journeys.put(journey(client_id=client_id, state=JourneyState.CANCELLED, stage=Stage.PRODUCTION))
    for number, (client_id, stage, dataset_type) in enumerate(product(CLIENTS, Stage, DatasetType)):
        held = dataset(
            f"d{number:02}",
            client_id=client_id,
            stage=stage,
            dataset_type=dataset_type,
            status=DatasetStatus.FAILED,
            connector_id=f"k{number:02}",
        )
        uow.datasets.put(held)
        uow.connectors.put(
            connector(f"k{number:02}", dataset_id=held.dataset_id, client_id=client_id, name=f"C{number}")
        )
        _relate(uow, held, number)


def _relate(uow: UnitOfWork, held: Dataset, number: int) -> None:
    """Give a dataset an archive, a request that waits, and an event that is parked; every tenth request is used."""
    archive = Archive(
        name=held.name,
        dataset_id=held.dataset_id,
        client_id=held.client_id,
        journey_id=held.journey_id,
        stage=held.stage.value,
        dataset_type=held.dataset_type.value,
        place=held.dataset_id,
        path=held.dataset_id,
        archived_at=NOW,
        restorable_until=NOW,
        record_count=1,
        size_bytes=1,
        stored_bytes=1,
        full_data=True,
    )
    uow.archives.put(held.dataset_id, archive.as_dict())
    uow.approvals.put(
        approval(
            held,
            # The ids are in another order than the instants.
            approval_id=f"ap-{COUNT - number:02}",
            filed_at=NOW + timedelta(seconds=number),
            expires_at=None,
            state=ApprovalState.OPEN if number % 10 else ApprovalState.USED,
        )
    )
    uow.events.append(sample_event(EventKind.PROVISIONED, held, NOW))
    uow.deliveries.put(
        Delivery(
            webhook="w", seq=number + 1, dataset_id=held.dataset_id, due_at=NOW, state=DeliveryState.PARKED
        )
    )


def _seed(commands: CommandLine) -> None:
    async def seed() -> None:
        async with SqliteStore(commands.folder / "store.db") as store:
            await store.transact(_sixty)

    commands.folder.mkdir()
    anyio.run(seed)


def test_health_shows_every_page(command_line: CommandLine) -> None:
    _seed(command_line)
    shown = command_line.run_json("health")

    assert [each["dataset_id"] for each in shown["items"]] == IDS
    assert (shown["count"], shown.get("next_cursor")) == (COUNT, None)


@pytest.mark.parametrize(
    ("args", "key", "wanted"),
    [
        (("datasets", "list"), "dataset_id", IDS),
        (("datasets", "list", "--client-id", "client-1", "--stage", "pilot"), "dataset_id", IDS[16:20]),
        (("datasets", "list", "--status", "archived"), "dataset_id", []),
        (("archives", "list"), "dataset_id", IDS),
        (("archives", "list", "--client-id", "client-4"), "dataset_id", IDS[48:]),
        (("orphans",), "dataset_id", IDS),
        (("orphans", "--stage", "sandbox", "--client-id", "client-0"), "dataset_id", IDS[:4]),
        (("clients", "list"), "client_id", list(CLIENTS)),
        (("journeys", "list"), "client_id", list(CLIENTS)),
        (("approvals", "list"), "dataset_id", [each for at, each in enumerate(IDS) if at % 10]),
        (("events", "list", "--parked"), "dataset_id", IDS),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_every_page_leads_to_the_next_and_all_of_them_are_one_document(
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    key: str,
    wanted: list[str],
) -> None:
    monkeypatch.setattr("server.cli.listing._CHUNK", 7)
    _seed(command_line)
    pages = [command_line.run_json(*args, "--limit", "20")]
    while cursor := pages[-1].get("next_cursor"):
        pages.append(command_line.run_json(*args, "--limit", "20", "--cursor", cursor))
    everything = command_line.run_json(*args, "--all")

    assert [[each[key] for each in page["items"]] for page in pages] == [
        wanted[at : at + 20] for at in range(0, max(len(wanted), 1), 20)
    ]
    assert [page["count"] for page in pages] == [len(page["items"]) for page in pages]
    if args != ("approvals", "list"):
        assert [each[key] for each in everything["items"]] == wanted
        assert (everything["count"], "next_cursor" in everything) == (len(wanted), False)


def test_all_requests_include_those_that_were_answered(command_line: CommandLine) -> None:
    _seed(command_line)
    everything = command_line.run_json("approvals", "list", "--all")
    assert [each["dataset_id"] for each in everything["items"]] == IDS


def test_events_go_back_page_by_page_and_all_of_them_come_in_order(command_line: CommandLine) -> None:
    _seed(command_line)
    latest = command_line.run_json("events", "list", "--limit", "2")
    before = command_line.run_json("events", "list", "--limit", "2", "--cursor", latest["next_cursor"])
    everything = command_line.run_json("events", "list", "--all")

    shown = [each["dataset_id"] for each in (*before["items"], *latest["items"])]
    assert shown == IDS[-4:]
    assert [each["dataset_id"] for each in everything["items"]] == IDS


def test_the_audit_log_goes_back_page_by_page(command_line: CommandLine) -> None:
    for number in range(5):
        command_line.run_ok(
            "clients", "add", f"c{number}", "--name", "C", "--industry", "i", "--use-case", "u"
        )
    latest = command_line.run_json("audit", "list", "--limit", "1")
    before = command_line.run_json("audit", "list", "--limit", "3", "--cursor", latest["next_cursor"])
    everything = command_line.run_json("audit", "list", "--all")

    numbers = [each["seq"] for each in everything["items"]]
    assert numbers == sorted(numbers, reverse=True)
    first = latest["items"][0]["seq"]
    assert [each["seq"] for each in before["items"]] == [first - 1, first - 2, first - 3]


def test_a_terminal_says_how_to_go_on(command_line: CommandLine) -> None:
    _seed(command_line)
    page = command_line.run_ok("datasets", "list")
    cursor = command_line.run_json("datasets", "list")["next_cursor"]

    assert f"There are more. The next page: --cursor {cursor}. Everything: --all." in page
    assert "d49" in page
    assert "d50" not in page
    assert all(each in command_line.run_ok("datasets", "list", "--all") for each in IDS)
    assert "There are more" not in command_line.run_ok("datasets", "list", "--limit", "60")


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("datasets", "list", "--all", "--limit", "3"), "--all excludes --limit and --cursor"),
        (("orphans", "--sweep", "--apply", "--limit", "3"), "--limit is for the list"),
        (("orphans", "--scan", "--all"), "Use only one of"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(
    command_line: CommandLine, args: tuple[str, ...], why: str
) -> None:
    done = command_line.run(*args)
    assert done.exit_code == ExitCode.USAGE
    assert why in done.stderr


@pytest.mark.parametrize("args", [("events", "list"), ("audit", "list"), ("clients", "list")])
def test_a_cursor_of_another_list_is_refused(command_line: CommandLine, args: tuple[str, ...]) -> None:
    _seed(command_line)
    foreign = command_line.run_json("datasets", "list")["next_cursor"]
    refused = command_line.run_json(*args, "--cursor", foreign, code=3)
    assert (refused["error"]["code"], refused["error"]["field"]) == ("invalid_argument", "cursor")


@pytest.mark.parametrize("key", ["x", "", "9" * 19, "٣"])
def test_a_cursor_whose_number_is_none_is_refused(command_line: CommandLine, key: str) -> None:
    _seed(command_line)
    refused = command_line.run_json("events", "list", "--cursor", encode_cursor("events", key), code=3)
    assert refused["error"]["code"] == "invalid_argument"


def test_datasets_of_a_client_that_is_unknown_are_refused_with_the_nearest(command_line: CommandLine) -> None:
    _seed(command_line)
    refused = command_line.run_json("datasets", "list", "--client-id", "client-11", code=3)
    assert refused["error"]["code"] == "unknown_client"


def test_a_dry_sweep_counts_and_shows_a_page(command_line: CommandLine) -> None:
    _seed(command_line)
    command_line.run_ok("orphans", "--scan")
    with closing(sqlite3.connect(command_line.folder / "store.db")) as store, store:
        store.execute(
            "update datasets set document = json_set(document, '$.orphan.served', 1e6) where marked = 1"
        )
    shown = command_line.run_json("orphans", "--sweep", "--limit", "3")

    assert [each["dataset_id"] for each in shown["eligible"]] == IDS[:3]
    assert [each["dataset_id"] for each in shown["skipped"]] == IDS[4:7]
    assert (shown["eligible_count"], shown["skipped_count"]) == (20, 40)
    people = command_line.run_ok("orphans", "--sweep", "--limit", "3")
    assert "17 more are due, 20 in all." in people
    assert "37 more are left to a person, 40 in all." in people


def test_a_journey_that_cannot_be_read_is_named(command_line: CommandLine) -> None:
    _seed(command_line)
    with closing(sqlite3.connect(command_line.folder / "store.db")) as store, store:
        store.execute("update journeys set state = 'gone' where client_id = 'client-3'")
    listed = command_line.run_json("journeys", "list")
    orphans = command_line.run_json("orphans", "--client-id", "client-3")

    assert listed["count"] == len(CLIENTS) - 1
    assert len(listed["unreadable"]) == 1
    assert "cannot be read" in command_line.run_ok("journeys", "list")
    assert (orphans["items"], len(orphans["unknown"])) == ([], COUNT // len(CLIENTS))
    assert "Their journey cannot be read" in command_line.run_ok("orphans", "--client-id", "client-3")
