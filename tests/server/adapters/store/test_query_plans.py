"""How SQLite finds what is asked for: by an index, whatever the size of the table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.audit_chain import AuditQuery
from domain.deliveries import DeliveryState
from domain.records import DatasetQuery
from domain.vocabulary import DatasetStatus, DatasetType, Stage
from server.adapters.store.records import StoredRecords
from server.adapters.store.sqlite import SqliteConnection
from server.adapters.store.sqlite_file import connect_sqlite, prepare_sqlite_file
from tests.entities import CONNECTOR, DATASET, NOW, journey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlite_utils import Database

LOOKED_AT: Final = (DatasetStatus.READY, DatasetStatus.VALIDATING, DatasetStatus.FAILED)
OLD: Final = DatasetQuery(statuses=LOOKED_AT, created_before=NOW - timedelta(days=7), after="d")
PROTECTION: Final = "SEARCH j USING COVERING INDEX journeys_whole (client_id=? AND journey_id=?)"
LINK: Final = "SEARCH audit_chain USING COVERING INDEX audit_chain_seq (seq=?)"
NEWEST_LINK: Final = "SEARCH audit_chain USING COVERING INDEX audit_chain_seq"
CASES: Final[dict[str, tuple[Callable[[StoredRecords], Any], list[str]]]] = {
    "orphans": (
        lambda records: records.unprotected(OLD, NOW),
        ["SEARCH d USING INDEX datasets_live (dataset_id>?)", PROTECTION],
    ),
    "orphans of a client": (
        lambda records: records.unprotected(DatasetQuery(client_id="c", statuses=LOOKED_AT), NOW),
        ["SEARCH d USING INDEX datasets_live_of_client (client_id=? AND dataset_id>?)", PROTECTION],
    ),
    "live": (
        lambda records: records.datasets(OLD),
        ["SEARCH d USING INDEX datasets_live (dataset_id>?)"],
    ),
    "all": (
        lambda records: records.datasets(DatasetQuery()),
        ["SEARCH d USING INDEX sqlite_autoindex_datasets_1 (dataset_id>?)"],
    ),
    "all of a client": (
        lambda records: records.datasets(DatasetQuery(client_id="c")),
        ["SEARCH d USING INDEX datasets_of_client (client_id=? AND dataset_id>?)"],
    ),
    "some, with their journeys": (
        lambda records: records.with_journeys(["d1", "d2"]),
        [
            "SEARCH d USING INDEX sqlite_autoindex_datasets_1 (dataset_id=?)",
            "LIST SUBQUERY",
            "SCAN json_each VIRTUAL TABLE",
            PROTECTION,
        ],
    ),
    "running": (
        lambda records: records.running(),
        ["SCAN datasets USING INDEX datasets_running"],
    ),
    "holder": (
        lambda records: records.live_dataset("c", Stage.SANDBOX, DatasetType.JIRA_ISSUES),
        ["SEARCH d USING INDEX datasets_slot (client_id=? AND stage=? AND dataset_type=?)"],
    ),
    "live ones of a client": (
        lambda records: records.count_live("c"),
        ["SEARCH d USING COVERING INDEX datasets_"],
    ),
    "connectors": (
        lambda records: records.connectors(),
        ["SEARCH connectors USING INDEX connectors_connected (connector_id>?)"],
    ),
    "connectors of a client": (
        lambda records: records.connectors(client_id="c"),
        ["SEARCH connectors USING INDEX connectors_connected_of_client (client_id=? AND connector_id>?)"],
    ),
    "spelling": (
        lambda records: records.client_spelt_like("c"),
        ["SEARCH clients USING INDEX clients_spelling (client_id=?)"],
    ),
    "journey spelling": (
        lambda records: records.journey_spelt_like("c", "j"),
        ["SEARCH journeys USING INDEX journeys_spelling (client_id=? AND journey_id=?)"],
    ),
    "errors": (
        lambda records: records.errors_since("k", NOW, NOW),
        [
            "SEARCH connector_errors USING COVERING INDEX connector_errors_of (connector_id=? AND at>? AND at<?)"
        ],
    ),
    "events of a dataset": (
        lambda records: records.events(dataset_id="d", after=3),
        ["SEARCH events USING INDEX events_of_dataset (dataset_id=? AND seq>?)"],
    ),
    "last events": (
        lambda records: records.last_events(None, None, 3),
        ["SEARCH events USING INTEGER PRIMARY KEY (rowid<?)"],
    ),
    "last events of a dataset": (
        lambda records: records.last_events(9, "d", 3),
        ["SEARCH events USING INDEX events_of_dataset (dataset_id=? AND seq<?)"],
    ),
    "last event": (lambda records: records.last_event(), ["SEARCH events"]),
    "deliveries of an event": (
        lambda records: records.deliveries(webhook="w", seq=3),
        ["SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (webhook=? AND seq=?)"],
    ),
    "parked deliveries": (
        lambda records: records.deliveries(states=(DeliveryState.PARKED,), after=3),
        ["SEARCH deliveries USING INDEX deliveries_parked ((seq,webhook)>(?,?))"],
    ),
    "waiting deliveries": (
        lambda records: records.count_waiting("w"),
        ["SEARCH deliveries USING INDEX deliveries_waiting (webhook=?)"],
    ),
    "heads": (
        lambda records: records.heads("w", due_until=NOW, due_from=NOW, limit=3),
        [
            "MATERIALIZE first",
            "SEARCH deliveries USING INDEX deliveries_waiting (webhook=?)",
            "SCAN first",
            "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (webhook=? AND seq=?)",
            "USE TEMP B-TREE FOR ORDER BY",
        ],
    ),
    "newest entries": (
        lambda records: records.entries(AuditQuery(before=3)),
        ["SEARCH audit USING INTEGER PRIMARY KEY (rowid<?)", LINK],
    ),
    "entries of a dataset": (
        lambda records: records.entries(AuditQuery(dataset_id="d", before=3)),
        ["SEARCH audit USING INDEX audit_of_dataset (dataset_id=? AND seq<?)", LINK],
    ),
    "entries of a client": (
        lambda records: records.entries(AuditQuery(client_id="c")),
        ["SEARCH audit USING INDEX audit_of_client (client_id=?)", LINK],
    ),
    "entries of a principal": (
        lambda records: records.entries(AuditQuery(principal="p")),
        ["SEARCH audit USING INDEX audit_of_principal (principal=?)", LINK],
    ),
    "unsealed": (
        lambda records: records.unsealed(1),
        ["SEARCH audit USING INTEGER PRIMARY KEY (rowid>?)", "SCALAR SUBQUERY 1", NEWEST_LINK],
    ),
    "chain": (
        lambda records: records.chain(after=3, limit=2),
        [
            "SEARCH audit_chain USING INTEGER PRIMARY KEY (rowid>?)",
            "SEARCH audit USING INTEGER PRIMARY KEY (rowid=?)",
        ],
    ),
    "head of the chain": (lambda records: records.chain_head(), ["SCAN audit_chain"]),
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "store.sqlite"
    prepare_sqlite_file(path, 1)
    db = connect_sqlite(path, 1)
    yield db
    db.close()


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_found_by_looking_through_a_table(db: Database, case: str) -> None:
    look, plan = CASES[case]
    [steps] = plans(db, look)

    assert [step[: len(expected)] for step, expected in zip(steps, plan, strict=True)] == plan


def test_a_scan_looks_through_one_index_and_then_at_what_is_marked(db: Database) -> None:
    found = plans(db, lambda records: list(records.to_scan(LOOKED_AT, NOW)))

    assert found == [
        ["SEARCH d USING INDEX datasets_live (dataset_id>?)", f"{PROTECTION} LEFT-JOIN"],
        ["SEARCH d USING INDEX datasets_marked (dataset_id>?)", f"{PROTECTION} LEFT-JOIN"],
    ]


def plans(db: Database, look: Callable[[StoredRecords], Any]) -> list[list[str]]:
    """How SQLite would go about each statement that is asked."""
    asked: list[tuple[str, Any]] = []
    records = StoredRecords(SqliteConnection(db), "")
    records.put_journey(journey())
    records.put_dataset(DATASET)
    records.put_connector(CONNECTOR)
    with db.tracer(lambda sql, values: asked.append((sql, values))):
        look(records)
    return [
        [row[3] for row in db.execute(f"explain query plan {sql}", values).fetchall()]
        for sql, values in asked
    ]
