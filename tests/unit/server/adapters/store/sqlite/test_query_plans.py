"""How SQLite finds what is asked for: by an index, whatever the size of the table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.model.delivery import DeliveryState
from domain.model.enums import DatasetStatus, DatasetType, Stage
from domain.ports import AuditQuery, DatasetQuery
from server.adapters.store.sqlite.file import connect_sqlite, prepare_sqlite_file
from server.adapters.store.sqlite.store import SqliteConnection
from server.adapters.store.unit_of_work import SqlUnitOfWork
from tests.support.entities import CONNECTOR, DATASET, NOW, journey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from sqlite3 import Connection

    from server.adapters.store.repository import Cursor

LOOKED_AT: Final = (DatasetStatus.READY, DatasetStatus.VALIDATING, DatasetStatus.FAILED)
OLD: Final = DatasetQuery(statuses=LOOKED_AT, created_before=NOW - timedelta(days=7), after="d")
PROTECTION: Final = "SEARCH j USING COVERING INDEX journeys_whole (client_id=? AND journey_id=?)"
LINK: Final = "SEARCH audit_chain USING COVERING INDEX audit_chain_seq (seq=?)"
NEWEST_LINK: Final = "SEARCH audit_chain USING COVERING INDEX audit_chain_seq"
CASES: Final[dict[str, tuple[Callable[[SqlUnitOfWork], Any], list[str]]]] = {
    "orphans": (
        lambda uow: uow.datasets.list_unprotected(OLD, NOW),
        ["SEARCH d USING INDEX datasets_live (dataset_id>?)", PROTECTION],
    ),
    "orphans of a client": (
        lambda uow: uow.datasets.list_unprotected(DatasetQuery(client_id="c", statuses=LOOKED_AT), NOW),
        ["SEARCH d USING INDEX datasets_live_of_client (client_id=? AND dataset_id>?)", PROTECTION],
    ),
    "live": (
        lambda uow: uow.datasets.find(OLD),
        ["SEARCH d USING INDEX datasets_live (dataset_id>?)"],
    ),
    "all": (
        lambda uow: uow.datasets.find(DatasetQuery()),
        ["SEARCH d USING INDEX sqlite_autoindex_datasets_1 (dataset_id>?)"],
    ),
    "all of a client": (
        lambda uow: uow.datasets.find(DatasetQuery(client_id="c")),
        ["SEARCH d USING INDEX datasets_of_client (client_id=? AND dataset_id>?)"],
    ),
    "some, with their journeys": (
        lambda uow: uow.datasets.list_with_journeys(["d1", "d2"]),
        [
            "SEARCH d USING INDEX sqlite_autoindex_datasets_1 (dataset_id=?)",
            "LIST SUBQUERY",
            "SCAN json_each VIRTUAL TABLE",
            PROTECTION,
        ],
    ),
    "running": (
        lambda uow: uow.datasets.list_running(),
        ["SCAN datasets USING INDEX datasets_running"],
    ),
    "holder": (
        lambda uow: uow.datasets.get_live("c", Stage.SANDBOX, DatasetType.JIRA_ISSUES),
        ["SEARCH d USING INDEX datasets_slot (client_id=? AND stage=? AND dataset_type=?)"],
    ),
    "live ones of a client": (
        lambda uow: uow.datasets.count_live("c"),
        ["SEARCH d USING COVERING INDEX datasets_"],
    ),
    "connectors": (
        lambda uow: uow.connectors.list_connected(),
        ["SEARCH connectors USING INDEX connectors_connected (connector_id>?)"],
    ),
    "connectors of a client": (
        lambda uow: uow.connectors.list_connected(client_id="c"),
        ["SEARCH connectors USING INDEX connectors_connected_of_client (client_id=? AND connector_id>?)"],
    ),
    "spelling": (
        lambda uow: uow.clients.get_spelt_like("c"),
        ["SEARCH clients USING INDEX clients_spelling (client_id=?)"],
    ),
    "journey spelling": (
        lambda uow: uow.journeys.get_spelt_like("c", "j"),
        ["SEARCH journeys USING INDEX journeys_spelling (client_id=? AND journey_id=?)"],
    ),
    "errors": (
        lambda uow: uow.connectors.count_errors("k", NOW, NOW),
        [
            "SEARCH connector_errors USING COVERING INDEX connector_errors_of (connector_id=? AND at>? AND at<?)"
        ],
    ),
    "events of a dataset": (
        lambda uow: uow.events.find(dataset_id="d", after=3),
        ["SEARCH events USING INDEX events_of_dataset (dataset_id=? AND seq>?)"],
    ),
    "last events": (
        lambda uow: uow.events.list_latest(None, None, 3),
        ["SEARCH events USING INTEGER PRIMARY KEY (rowid<?)"],
    ),
    "last events of a dataset": (
        lambda uow: uow.events.list_latest(9, "d", 3),
        ["SEARCH events USING INDEX events_of_dataset (dataset_id=? AND seq<?)"],
    ),
    "last event": (lambda uow: uow.events.last_number(), ["SEARCH events"]),
    "deliveries of an event": (
        lambda uow: uow.deliveries.find(webhook="w", seq=3),
        ["SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (webhook=? AND seq=?)"],
    ),
    "parked deliveries": (
        lambda uow: uow.deliveries.find(states=(DeliveryState.PARKED,), after=3),
        ["SEARCH deliveries USING INDEX deliveries_parked ((seq,webhook)>(?,?))"],
    ),
    "waiting deliveries": (
        lambda uow: uow.deliveries.count_waiting("w"),
        ["SEARCH deliveries USING INDEX deliveries_waiting (webhook=?)"],
    ),
    "heads": (
        lambda uow: uow.deliveries.list_due("w", due_until=NOW, due_from=NOW, limit=3),
        [
            "MATERIALIZE first",
            "SEARCH deliveries USING INDEX deliveries_waiting (webhook=?)",
            "SCAN first",
            "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (webhook=? AND seq=?)",
            "USE TEMP B-TREE FOR ORDER BY",
        ],
    ),
    "clients": (
        lambda uow: uow.clients.find(after="c"),
        ["SEARCH clients USING INDEX sqlite_autoindex_clients_1 (client_id>?)"],
    ),
    "journeys": (
        lambda uow: uow.journeys.list_keyed(after=("c", "j")),
        ["SEARCH journeys USING COVERING INDEX journeys_whole ((client_id,journey_id)>(?,?))"],
    ),
    "journeys of a client": (
        lambda uow: uow.journeys.list_keyed(client_id="c", after=("c", "j")),
        ["SEARCH journeys USING COVERING INDEX journeys_whole (client_id=? AND journey_id>?)"],
    ),
    "oldest approvals": (
        lambda uow: uow.approvals.list_oldest(),
        ["SEARCH approvals USING INDEX approvals_filed ((filed_at,approval_id)>(?,?))"],
    ),
    "newest entries": (
        lambda uow: uow.audit.find(AuditQuery(before=3)),
        ["SEARCH audit USING INTEGER PRIMARY KEY (rowid<?)", LINK],
    ),
    "entries of a dataset": (
        lambda uow: uow.audit.find(AuditQuery(dataset_id="d", before=3)),
        ["SEARCH audit USING INDEX audit_of_dataset (dataset_id=? AND seq<?)", LINK],
    ),
    "entries of a client": (
        lambda uow: uow.audit.find(AuditQuery(client_id="c")),
        ["SEARCH audit USING INDEX audit_of_client (client_id=?)", LINK],
    ),
    "entries of a principal": (
        lambda uow: uow.audit.find(AuditQuery(principal="p")),
        ["SEARCH audit USING INDEX audit_of_principal (principal=?)", LINK],
    ),
    "unsealed": (
        lambda uow: uow.audit.list_unsealed(1),
        ["SEARCH audit USING INTEGER PRIMARY KEY (rowid>?)", "SCALAR SUBQUERY 1", NEWEST_LINK],
    ),
    "chain": (
        lambda uow: uow.audit.list_sealed(after=3, limit=2),
        [
            "SEARCH audit_chain USING INTEGER PRIMARY KEY (rowid>?)",
            "SEARCH audit USING INTEGER PRIMARY KEY (rowid=?)",
        ],
    ),
    "head of the chain": (lambda uow: uow.audit.chain_head(), ["SCAN audit_chain"]),
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Connection]:
    path = tmp_path / "store.sqlite"
    prepare_sqlite_file(path, 1)
    db = connect_sqlite(path, 1)
    yield db
    db.close()


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_found_by_looking_through_a_table(db: Connection, case: str) -> None:
    look, plan = CASES[case]
    [steps] = plans(db, look)

    assert [step[: len(expected)] for step, expected in zip(steps, plan, strict=True)] == plan


def test_a_scan_looks_through_one_index_and_then_at_what_is_marked(db: Connection) -> None:
    found = plans(db, lambda uow: list(uow.datasets.stream_for_scan(LOOKED_AT, NOW)))

    assert found == [
        ["SEARCH d USING INDEX datasets_live (dataset_id>?)", f"{PROTECTION} LEFT-JOIN"],
        ["SEARCH d USING INDEX datasets_marked (dataset_id>?)", f"{PROTECTION} LEFT-JOIN"],
    ]


def plans(db: Connection, look: Callable[[SqlUnitOfWork], Any]) -> list[list[str]]:
    """How SQLite would go about each statement that is asked."""
    asked: list[tuple[str, Any]] = []

    class Traced(SqliteConnection):
        def execute(self, sql: str, values: dict[str, Any], /) -> Cursor:
            asked.append((sql, values))
            return super().execute(sql, values)

        def stream(self, sql: str, values: dict[str, Any], /) -> Iterator[Any]:
            asked.append((sql, values))
            return super().stream(sql, values)

    records = SqlUnitOfWork(Traced(db), "")
    records.journeys.put(journey())
    records.datasets.put(DATASET)
    records.connectors.put(CONNECTOR)
    asked.clear()
    look(records)
    return [
        [row[3] for row in db.execute(f"explain query plan {sql}", values).fetchall()]
        for sql, values in asked
    ]
