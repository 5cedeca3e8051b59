"""Datasources of every dialect: creates, lists, changes and deletes them."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from server.sandbox.state.clock import format_instant
from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.tenants import current_tenant_id

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState


def load_datasource(connection: sqlite3.Connection, datasource_id: str) -> sqlite3.Row:
    """Load the datasource of this id.

    Raises:
        RefusedError: `not_found` when the current tenant has none of this id.
    """
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM datasource WHERE id = ? AND tenant_id = ?",
        (datasource_id, current_tenant_id(connection)),
    ).fetchone()
    if found is None:
        raise RefusedError("not_found", "there is no datasource of this id")
    return found


def find_datasource_by_name(connection: sqlite3.Connection, name: str) -> sqlite3.Row | None:
    """Find the datasource of this name, compared without case; None when there is none."""
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM datasource WHERE name_key = ? AND tenant_id = ?",
        (name.casefold(), current_tenant_id(connection)),
    ).fetchone()
    return found


def load_datasource_page(connection: sqlite3.Connection, after: int, limit: int) -> list[sqlite3.Row]:
    """Load up to `limit` datasources after row number `after`, in the order in which they were created."""
    return connection.execute(
        "SELECT * FROM datasource WHERE tenant_id = ? AND row > ? ORDER BY row LIMIT ?",
        (current_tenant_id(connection), after, limit),
    ).fetchall()


def insert_datasource(
    world: SandboxState,
    connection: sqlite3.Connection,
    name: str,
    connector: str,
    config: str,
    operation: str,
) -> sqlite3.Row:
    """Create a datasource; `config` is JSON, and `operation` is the name for the ledger.

    Raises:
        RefusedError: `already_exists` when the name is taken.
    """
    if find_datasource_by_name(connection, name) is not None:
        raise RefusedError(
            "already_exists", "there is a datasource of this name (names are compared without case)"
        )
    datasource_id = f"ds_{secrets.token_hex(8)}"
    connection.execute(
        "INSERT INTO datasource (id, tenant_id, name, name_key, connector, config, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            datasource_id,
            current_tenant_id(connection),
            name,
            name.casefold(),
            connector,
            config,
            world.now(),
        ),
    )
    world.record_effect(connection, operation, datasource=name, detail={"connector": connector})
    return load_datasource(connection, datasource_id)


def update_config(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, config: str
) -> sqlite3.Row:
    """Replace the configuration (JSON), and return the changed datasource."""
    connection.execute("UPDATE datasource SET config = ? WHERE row = ?", (config, datasource["row"]))
    world.record_effect(connection, "datasources.update", datasource=datasource["name"])
    return load_datasource(connection, datasource["id"])


def store_auth(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, auth_type: str, token: str
) -> None:
    """Store the SHA-256 of the connector's token; the token itself is never stored."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    connection.execute(
        "UPDATE datasource SET auth_type = ?, auth_sha256 = ? WHERE row = ?",
        (auth_type, digest, datasource["row"]),
    )
    world.record_effect(connection, "auth.set", datasource=datasource["name"], detail={"type": auth_type})


def delete_datasource_rows(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, operation: str
) -> None:
    """Delete a datasource with its runs and jobs; `operation` is the name for the ledger.

    No search finds its documents any more; they themselves are deleted soon (`content.deletions`).
    """
    row = (datasource["row"],)
    for statement in (
        (
            "INSERT OR IGNORE INTO garbage (upload_row, datasource_row, next_row, last_row)"
            " SELECT row, datasource_row, first_row, last_row FROM upload WHERE datasource_row = ? AND held > 0"
        ),
        "DELETE FROM job WHERE datasource_row = ?",
        "DELETE FROM upload WHERE datasource_row = ?",
        "DELETE FROM bulk WHERE datasource_row = ?",
        "DELETE FROM stale WHERE datasource_row = ?",
        "DELETE FROM identity WHERE datasource_row = ?",
        "DELETE FROM tally WHERE datasource_row = ?",
        "DELETE FROM datasource WHERE row = ?",
    ):
        connection.execute(statement, row)
    detail = {"documents": datasource["document_count"]}
    world.record_effect(connection, operation, datasource=datasource["name"], detail=detail)


def datasource_status(connection: sqlite3.Connection, datasource: sqlite3.Row) -> str:
    """PENDING, SYNCING, HEALTHY or UNHEALTHY. Call `advance_due_work` first, or a job that is over still counts."""
    last = connection.execute(
        "SELECT status FROM job WHERE datasource_row = ? AND status != 'STOPPED' ORDER BY row DESC LIMIT 1",
        (datasource["row"],),
    ).fetchone()
    if last is not None and last["status"] != "SUCCEEDED":
        return "SYNCING" if last["status"] == "RUNNING" else "UNHEALTHY"
    return "PENDING" if datasource["last_success_at"] is None else "HEALTHY"


def datasource_payload(connection: sqlite3.Connection, datasource: sqlite3.Row) -> dict[str, Any]:
    """A datasource, as the Admin dialect answers it."""
    return {
        "id": datasource["id"],
        "name": datasource["name"],
        "connector": datasource["connector"],
        "status": datasource_status(connection, datasource),
        "config": json.loads(datasource["config"]),
        "documentCount": datasource["document_count"],
        "createdAt": format_instant(datasource["created_at"]),
    }
