"""The whole world after everything has ended, taken from outside: raw rows as JSON, files as bytes, what was heard.

Nothing here asks the product anything; `World` is plain data, so that a test can break it in any way.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.resilience.chaos.installation import Installation

    Row = dict[str, Any]
    Database = Any  # what DB-API has in common: nobody has written that down as a type

STORE: Final = (
    "installation",
    "journeys",
    "datasets",
    "connectors",
    "undos",
    "archives",
    "events",
    "posts",
    "deliveries",
    "audit",
    "audit_chain",
)
GLEAN: Final = ("datasource", "upload", "document", "served", "job", "ledger")
_JSON: Final = frozenset({"document", "config", "detail"})
"""Columns that hold JSON."""
_ALL: Final = "select * from {}"
_QUESTIONS: Final = {
    "audit": "select seq, document, document as sealed from audit order by seq",  # the chain is made of the text
    "audit_chain": "select * from audit_chain order by position",
    "events": "select * from events order by seq",
}
_SAGAS: Final = "select workflow_uuid as saga_id, name as kind, status from workflow_status"


@dataclass
class SystemState:
    """Everything, as it stands.

    `store` and `glean` are rows by table, with what is JSON in them read; `sagas` are the engine's. `staged` and
    `archived` are files by their path below their folder, `areas` the folders in staging, `beside` the files of the
    data folders and the locks that are held. `heard` are the messages that the webhook accepted, in the order in which
    they came.
    """

    store: dict[str, list[Row]]
    sagas: list[Row]
    glean: dict[str, list[Row]]
    staged: dict[str, bytes]
    archived: dict[str, bytes]
    areas: list[str]
    beside: list[str]
    webhook_messages: list[Row]


def collect_state(place: Installation, heard: list[Row]) -> SystemState:
    """Look at everything."""
    store, engine, glean = _database_paths(place)
    with closing(store), closing(engine), closing(glean):
        return SystemState(
            store={name: query_rows(store, _QUESTIONS.get(name, _ALL.format(name))) for name in STORE},
            sagas=query_rows(engine, _SAGAS),
            glean={name: query_rows(glean, _ALL.format(name)) for name in GLEAN},
            staged=read_files(place.staging),
            archived=read_files(place.archives),
            areas=sorted(each.name for each in place.staging.iterdir() if each.is_dir()),
            beside=[name for folder in place.data_folders for name in read_files(folder)]
            + _held_locks(place),
            webhook_messages=list(heard),
        )


def pending_work(place: Installation) -> dict[str, int]:
    """How much is still to be done, by what it is; nothing once everything has come to rest."""
    counts = {
        "running": "select count(*) from datasets where running = 1",
        "to undo": "select count(*) from undos",
        "to deliver": "select count(*) from deliveries where state = 'waiting'",
        "to take in": "select count(*) from events where seq > (select min(cursor) from posts)",
        "to seal": "select count(*) from audit where seq > (select coalesce(max(seq), 0) from audit_chain)",
    }
    unended = "select count(*) from workflow_status where status in ('PENDING', 'ENQUEUED')"
    store, engine, glean = _database_paths(place)
    with closing(store), closing(engine), closing(glean):
        asked = [(name, store, question) for name, question in counts.items()]
        asked += [("sagas", engine, unended)]
        found = {
            name: int(next(iter(query_rows(where, question)[0].values()))) for name, where, question in asked
        }
    return {name: number for name, number in found.items() if number}


def is_webhook_registered(place: Installation) -> bool:
    """Whether the webhook has its row, so that it is told what happens from now on."""
    try:
        with closing(_store(place)) as store:
            return bool(query_rows(store, "select * from posts"))
    except (sqlite3.Error, psycopg.Error):  # nobody has made the tables yet
        return False


def _held_locks(place: Installation) -> list[str]:
    """The advisory locks that are held in the database of replicas."""
    if not place.database:
        return []
    held = """
    select classid, objid from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
    """
    with closing(_store(place)) as store:
        return [f"advisory lock {each['classid']}, {each['objid']}" for each in query_rows(store, held)]


def query_rows(database: Database, question: str) -> list[Row]:
    """What a question finds, each row by its columns; a document is read as the JSON that it is."""
    cursor = database.execute(question)
    names = [each[0] for each in cursor.description or ()]
    return [
        {name: _decode_column(name, value) for name, value in zip(names, row, strict=True)}
        for row in cursor.fetchall()
    ]


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.read_bytes() for each in found}


def _decode_column(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    return json.loads(value) if name in _JSON and isinstance(value, str) else value


def _database_paths(place: Installation) -> tuple[Database, Database, Database]:
    """Store, engine and sandbox."""
    engine = _replicas(place, "dbos") if place.database else _file(place.data_folder(0) / "engine.sqlite")
    return _store(place), engine, _file(place.glean)


def _store(place: Installation) -> Database:
    return (
        _replicas(place, "dataset_lifecycle") if place.database else _file(place.data_folder(0) / "store.db")
    )


def _replicas(place: Installation, schema: str) -> Database:
    return psycopg.connect(place.database, options=f"-csearch_path={schema}")


def _file(path: Path) -> sqlite3.Connection:
    """A file that somebody else has made."""
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)
