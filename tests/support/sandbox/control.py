"""The sandbox in a test's hands: look at its state, script its faults, act as somebody at the console."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import msgspec

from server.sandbox.indexing_api.datasources import decode_config
from server.sandbox.state.clock import Clock, utc_now
from server.sandbox.state.content.contents import CUSTOM_CONNECTOR
from server.sandbox.state.content.processing import complete_due_work
from server.sandbox.state.content.search.fulltext import search_fulltext
from server.sandbox.state.content.sync_jobs import sync_job_payload
from server.sandbox.state.datasources import (
    datasource_payload,
    datasource_status,
    delete_datasource_rows,
    find_datasource_by_name,
    insert_datasource,
    load_datasource_page,
)
from server.sandbox.state.state import SandboxState
from server.sandbox.state.tenants import current_tenant_id
from tests.support.sandbox import settings
from tests.support.sandbox.example_configs import EXAMPLE_CONFIGS
from tests.support.sandbox.faults import FaultPlan, has_unhealthy_fault
from tests.support.sandbox.request_limit import load_request_counts, set_request_limit
from tests.support.sandbox.tokens import TokenRegistry

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
    from types import TracebackType


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One effect that was received: what, when, on which datasource (by name), of which run, and particulars."""

    seq: int
    at: datetime
    operation: str
    datasource: str | None
    run: str | None
    detail: dict[str, Any]


class Sandbox(AbstractContextManager["Sandbox"]):
    """A sandbox's file, opened beside whatever serves it, in this process or another."""

    def __init__(self, world: SandboxState) -> None:
        self.world = world
        self.faults = FaultPlan(world.database)
        self.tokens = TokenRegistry(world)

    @classmethod
    def open(cls, path: Path, *, now: Clock = utc_now) -> Self:
        """Open the file, made when absent. `now` is the clock by which syncs advance for whoever asks through this."""
        return cls(SandboxState.open(path, now=now))

    def close(self) -> None:
        """Close the file."""
        self.world.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # what is there

    def tenant_id(self) -> str:
        """The id of the tenant that answers."""
        with self.world.database.read() as connection:
            return current_tenant_id(connection)

    def ledger(self) -> list[LedgerEntry]:
        """Every effect received, in its order."""
        with self.world.database.read() as connection:
            return [
                msgspec.convert({**row, "detail": json.loads(row["detail"])}, LedgerEntry, strict=False)
                for row in connection.execute("SELECT * FROM ledger ORDER BY seq")
            ]

    def request_counts(self) -> dict[tuple[str, int], int]:
        """How many requests there were by (operation, status sent); status 0 is no answer at all."""
        with self.world.database.read() as connection:
            return load_request_counts(connection)

    def datasources(self) -> list[dict[str, Any]]:
        """The datasources as the API shows them, oldest first."""
        complete_due_work(self.world)
        with self.world.database.read() as connection:
            return [
                {**datasource_payload(connection, row), "status": _status(connection, row)}
                for row in load_datasource_page(connection, 0, -1)
            ]

    def documents(self, name: str) -> list[dict[str, Any]]:
        """The documents that a datasource serves now, by their ids; none when there is no such datasource."""
        complete_due_work(self.world)
        with self.world.database.read() as connection:
            found = find_datasource_by_name(connection, name)
            return [] if found is None else _load_served_documents(connection, found)

    def sync_jobs(self, name: str) -> list[dict[str, Any]]:
        """The sync jobs of a datasource as the API shows them, oldest first."""
        complete_due_work(self.world)
        with self.world.database.read() as connection:
            found = find_datasource_by_name(connection, name)
            row = None if found is None else found["row"]
            held = connection.execute("SELECT * FROM job WHERE datasource_row = ? ORDER BY row", (row,))
            return [sync_job_payload(self.world, connection, job) for job in held]

    def search(self, query: str, *, datasource: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """What a search finds now, best first, in the API's shape."""
        complete_due_work(self.world)
        with self.world.database.read() as connection:
            found: list[dict[str, Any]] = search_fulltext(
                connection, query, datasources=None if datasource is None else [datasource], limit=limit
            )["results"]
            return found

    def attributed_datasource(self, address: str) -> str | None:
        """The datasource to which a view of that address is attributed; None when nobody claims it.

        Glean attributes what two claim in a way that it calls non-deterministic. Here that is by a hash of the address
        and of who claims it: the same address always goes to the same datasource, but neither to the oldest nor to the
        newest, and another datasource with the same claim may change it.
        """
        with self.world.database.read() as connection:
            claiming = [
                str(each["name"])
                for each in load_datasource_page(connection, 0, -1)
                if each["connector"] == CUSTOM_CONNECTOR
                and re.fullmatch(decode_config(each).url_regex or "", address)
            ]
        return min(claiming, key=lambda name: sha256(f"{name} {address}".encode()).digest(), default=None)

    def snapshot(self) -> dict[str, Any]:
        """Datasources by name with all that they serve, without ids and instants of their making.

        Two sandboxes that went through the same are equal in it.
        """
        complete_due_work(self.world)
        with self.world.database.read() as connection:
            return {
                row["name"]: {
                    "connector": row["connector"],
                    "config": json.loads(row["config"]),
                    "auth": [row["auth_type"], row["auth_sha256"]],
                    "status": _status(connection, row),
                    "documents": {
                        _document_id(each): each for each in _load_served_documents(connection, row)
                    },
                }
                for row in sorted(load_datasource_page(connection, 0, -1), key=lambda row: str(row["name"]))
            }

    # how it behaves

    def set_indexing_rate(self, documents_per_second: float, *, minimum_seconds: float = 0.05) -> None:
        """How fast jobs that start from now on index, and the least that they take."""
        with self.world.database.write() as connection:
            settings.set_indexing_rate(connection, documents_per_second, minimum_seconds)

    def finish_jobs(self) -> None:
        """Let the jobs that index now be over."""
        with self.world.database.write() as connection:
            settings.finish_jobs(connection, self.world.now())

    def limit_requests(self, per_second: float | None, *, retry_after: int | str | None = None) -> None:
        """Answer 429 beyond so many requests a second (None: never), with this `Retry-After` or none."""
        with self.world.database.write() as connection:
            set_request_limit(connection, per_second, retry_after)

    def set_switches(self, **changes: bool | float) -> None:
        """Turn switches, see `server.sandbox.state.switches.Switches`."""
        with self.world.database.write() as connection:
            settings.set_switches(connection, **changes)

    # what a person does at the console

    def create_foreign_datasource(
        self, name: str, connector: str = "confluence", config: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a datasource that is not ours; any configuration goes, and without one an ordinary one is made up."""
        stored = json.dumps(EXAMPLE_CONFIGS[connector] if config is None else config)
        with self.world.database.write() as connection:
            made = insert_datasource(self.world, connection, name, connector, stored, "console.create")
            return datasource_payload(connection, made)

    def delete_datasource(self, name: str) -> None:
        """Delete a datasource.

        Raises:
            LookupError: there is none of this name.
        """
        with self.world.database.write() as connection:
            found = find_datasource_by_name(connection, name)
            if found is None:
                raise LookupError(f"no datasource {name!r}")
            delete_datasource_rows(self.world, connection, found, "console.delete")

    def replace_tenant(self, *, keep_content: bool = False) -> str:
        """Put another tenant behind the same URL, empty or as a copy; answers its id."""
        with self.world.database.write() as connection:
            return settings.replace_tenant(connection, keep_content=keep_content)

    def switch_tenant(self, tenant_id: str) -> None:
        """Let a former tenant answer again.

        Raises:
            LookupError: there never was one of this id.
        """
        with self.world.database.write() as connection:
            settings.switch_tenant(connection, tenant_id)


def _status(connection: sqlite3.Connection, datasource: sqlite3.Row) -> str:
    if has_unhealthy_fault(connection, datasource["name"]):
        return "UNHEALTHY"
    return datasource_status(connection, datasource)


def _document_id(document: dict[str, Any]) -> str:
    return str(document.get("documentId") or document["id"])


def _load_served_documents(connection: sqlite3.Connection, datasource: sqlite3.Row) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(row["raw"])
        for row in connection.execute(
            "SELECT raw FROM served JOIN document ON row = document_row WHERE datasource_row = ? ORDER BY served.key",
            (datasource["row"],),
        )
    ]
