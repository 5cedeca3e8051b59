"""Data that an earlier release wrote in the middle of work: this one opens it, and what was begun goes on to its end.

`earlier_release/` holds a data folder (SQLite, with its embedded sandbox) and a dump of a PostgreSQL database with its
shared folders and its Glean. Both were written by the code at commit 5879402, the last one before the code was laid out
anew, by a process that was killed: a sync of a provision ran (step `index`), and a teardown had written its archive and
was about to disconnect. `earlier_release/README.md` says how to make such a pair.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.lifecycle.teardown.saga import TEARDOWN_STEPS
from domain.model.enums import ConnectorOutcome, ConnectorStatus, DatasetStatus, DatasetType
from domain.model.event import EventKind
from domain.ports import DatasetQuery
from server.composition.process import open_services
from server.composition.stores import build_store, has_pending_work
from server.settings import load_settings
from tests.resilience.processes.conftest import RECORDS
from tests.support.polling import wait_for
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.data_folder import KIM, REPOSITORY
from tests.support.state_snapshot import visible_effects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from domain.ports import UnitOfWork
    from server.settings import Settings
    from tests.support.stores.postgres_server import PostgresServer

    Query = Callable[[str], list[tuple[Any, ...]]]

PACKED: Final = Path(__file__).with_name("earlier_release")
KEY: Final = "their-key"
ADDRESS: Final = "@GLEAN@"
"""Stands in the dump where the address of its Glean was."""
SETTLED: Final = "acme-sandbox-slack"
"""How the id of the dataset begins that nothing works on."""
END_SYNCS: Final = "UPDATE job SET duration = 0, started_at = min(started_at, strftime('%s', 'now') + 0.0)"
"""Syncs are over, whatever the time is now."""
EFFECTS: Final = Counter(
    {
        "datasources.create": 3,
        "documents stored": 3 * RECORDS,
        "sync jobs": 3,
        "datasources.delete": 1,
    }
)

MOVED = "uses"
"""A table whose rows are in another one by now; they name no dataset."""


@dataclass(frozen=True)
class EarlierInstallation:
    """What the earlier release left, ready to be opened.

    `rows` are those of every table of the store, as they were found. `query_store` and `query_engine` ask the tables as
    they are by now.
    """

    settings: Settings
    glean: Sandbox
    rows: Mapping[str, list[tuple[Any, ...]]]
    query_store: Query
    query_engine: Query

    def settled_rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows about the dataset that nothing works on, by now."""
        now = {table: [] if table == MOVED else self.query_store(_every_row(table)) for table in self.rows}
        return _rows_mentioning(SETTLED, now)


def _every_row(table: str) -> str:
    return f"select * from {table}"  # noqa: S608 - the names are those of our own tables


def _rows_mentioning(
    text: str, rows: Mapping[str, list[tuple[Any, ...]]]
) -> dict[str, list[tuple[Any, ...]]]:
    return {table: [row for row in found if text in str(row)] for table, found in rows.items()}


def _query_file(path: Path) -> Query:
    def query(sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as file:
            return file.execute(sql).fetchall()

    return query


def _end_syncs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(END_SYNCS)


@asynccontextmanager
async def open_data_folder(folder: Path, repository: Path) -> AsyncIterator[EarlierInstallation]:
    """The data folder. Its rows are read from a copy, for reading them tidies a file up that a killed process left."""
    for name in ("found", "data"):
        shutil.unpack_archive(PACKED / "sqlite.tar.xz", folder / name, filter="data")
    found, store = _query_file(folder / "found" / "store.db"), folder / "data" / "store.db"
    tables = [name for (name,) in found("select name from sqlite_master where type = 'table'")]
    rows = {table: found(_every_row(table)) for table in tables if not table.startswith("sqlite_")}
    assert (folder / "data" / "store.db-wal").exists()
    _end_syncs(folder / "data" / "glean-sandbox.sqlite")
    settings = load_settings({REPOSITORY: str(repository)}, data_dir=folder / "data")
    with Sandbox.open(folder / "data" / "glean-sandbox.sqlite") as glean:
        yield EarlierInstallation(
            settings, glean, rows, _query_file(store), _query_file(folder / "data" / "engine.sqlite")
        )


@asynccontextmanager
async def open_dump(
    folder: Path, repository: Path, postgres: PostgresServer
) -> AsyncIterator[EarlierInstallation]:
    """The dump, in a database of its own, with the Glean that it knows."""
    shutil.unpack_archive(PACKED / "postgres.tar.xz", folder, filter="data")
    _end_syncs(folder / "glean.sqlite")
    config = folder / "config.yaml"
    config.write_text(
        f"dataops: {{staging: {{url: {folder}/shared/staging}}, archival: {{storage_path: {folder}/shared/archives}}}}"
    )
    url = postgres.create_database()
    async with EmbeddedSandbox(folder / "glean.sqlite", token=KEY) as theirs:
        postgres.execute((folder / "dump.sql").read_text().replace(ADDRESS, theirs.base_url), url)

        def query_in(schema: str) -> Query:
            return lambda sql: postgres.execute(sql.replace(" from ", f" from {schema}."), url)

        query = query_in("dataset_lifecycle")
        tables = postgres.execute(
            "select tablename from pg_tables where schemaname = 'dataset_lifecycle'", url
        )
        environ = {
            "GLEAN_API_KEY": KEY,
            "GLEAN_BASE_URL": theirs.base_url,
            "DATABASE_URL": url,
            REPOSITORY: str(repository),
        }
        yield EarlierInstallation(
            load_settings(environ, config, folder / "data"),
            theirs.sandbox,
            {table: query(_every_row(table)) for (table,) in tables},
            query,
            query_in("dbos"),
        )
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
async def earlier(
    request: pytest.FixtureRequest, tmp_path: Path, repository: Path
) -> AsyncIterator[EarlierInstallation]:
    """Either of them."""
    if request.param == "sqlite":
        opening = open_data_folder(tmp_path, repository)
    else:
        opening = open_dump(tmp_path, repository, request.getfixturevalue("postgres"))
    async with opening as found:
        yield found


def _sagas(query: Query) -> dict[str, tuple[str, list[str]]]:
    """Each saga that the engine knows, with how it stands and the steps that are recorded of it, in order."""
    steps = query("select workflow_uuid, function_name from operation_outputs order by function_id")
    return {
        _without_random(saga_id): (status, [step for owner, step in steps if owner == saga_id])
        for saga_id, status in query("select workflow_uuid, status from workflow_status")
    }


def _without_random(saga_id: str) -> str:
    """`provision:acme-sandbox-jira-zu7wkn:1` without the characters that were drawn."""
    kind, dataset_id, number = saga_id.split(":")
    return f"{kind}:{dataset_id.rpartition('-')[0]}:{number}"


def _load_event_kinds(uow: UnitOfWork) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for _, event in uow.events.find(limit=1000):
        kinds.setdefault((event.dataset_id or "").rpartition("-")[0], []).append(str(event.kind))
    return kinds


async def test_both_sagas_that_an_earlier_release_began_go_on_to_their_end(
    earlier: EarlierInstallation,
) -> None:
    provisioned, torn_down = [each.name for each in PROVISION_STEPS], [each.name for each in TEARDOWN_STEPS]
    assert _sagas(earlier.query_engine) == {
        "provision:acme-sandbox-confluence:1": ("SUCCESS", provisioned),
        "provision:acme-sandbox-slack:1": ("SUCCESS", provisioned),
        "provision:acme-sandbox-jira:1": ("PENDING", provisioned[: provisioned.index("index")]),
        "teardown:acme-sandbox-confluence:1": ("PENDING", ["archive"]),
    }
    settled = _rows_mentioning(SETTLED, earlier.rows)
    assert {table for table, rows in settled.items() if rows} >= {"datasets", "connectors", "events", "audit"}
    served = earlier.glean.documents("ACME-Sandbox-Slack")
    assert len(served) == RECORDS

    async with open_services(earlier.settings, sagas=True) as services:
        await wait_for(lambda: not has_pending_work(earlier.settings), 60)
        found = {each.dataset_type: each for each in await services.datasets.list(DatasetQuery(), KIM)}
        torn = found[DatasetType.CONFLUENCE_PAGES]
        await services.archives.verify_archive(KIM, torn.dataset_id)

    assert {kind: each.status for kind, each in found.items()} == {
        DatasetType.CONFLUENCE_PAGES: DatasetStatus.ARCHIVED,
        DatasetType.JIRA_ISSUES: DatasetStatus.READY,
        DatasetType.SLACK_MESSAGES: DatasetStatus.READY,
    }
    assert torn.teardown is not None
    assert (torn.teardown.connector_outcome, torn.teardown.failure) == (ConnectorOutcome.DELETED, None)
    assert torn.teardown.staging_deleted
    async with build_store(earlier.settings) as store:
        connector = await store.read(lambda uow: uow.connectors.get(torn.connector_id or ""))
        events = await store.read(_load_event_kinds)
    assert connector is not None
    assert connector.status is ConnectorStatus.DISCONNECTED
    assert {each["name"] for each in earlier.glean.datasources()} == {
        "ACME-Sandbox-Jira",
        "ACME-Sandbox-Slack",
    }
    assert len(earlier.glean.documents("ACME-Sandbox-Jira")) == RECORDS
    assert earlier.glean.documents("ACME-Sandbox-Slack") == served
    assert earlier.settled_rows() == settled

    made = [EventKind.PROVISIONING_STARTED, EventKind.QUALITY_EVALUATED, EventKind.PROVISIONED]
    assert events == {
        "acme-sandbox-confluence": [*made, EventKind.TORN_DOWN],
        "acme-sandbox-slack": made,
        "acme-sandbox-jira": made,
    }
    assert visible_effects(earlier.glean) == EFFECTS
    assert _sagas(earlier.query_engine) == {
        "provision:acme-sandbox-confluence:1": ("SUCCESS", provisioned),
        "provision:acme-sandbox-slack:1": ("SUCCESS", provisioned),
        "provision:acme-sandbox-jira:1": ("SUCCESS", provisioned),
        "teardown:acme-sandbox-confluence:1": ("SUCCESS", torn_down),
    }
