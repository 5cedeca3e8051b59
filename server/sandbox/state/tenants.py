"""Whose Glean this is: an id minted once a file, and a second tenant to stand behind the same URL."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

TENANT_NAME = "Dataset lifecycle sandbox"


def current_tenant_id(connection: sqlite3.Connection) -> str:
    """The id of the tenant that answers."""
    row = connection.execute("SELECT id FROM tenant WHERE current = 1").fetchone()
    return str(row["id"])


def ensure_tenant(connection: sqlite3.Connection) -> None:
    """Mint the first tenant, unless there is one."""
    if connection.execute("SELECT 1 FROM tenant").fetchone() is None:
        _make_current(connection, _new_tenant_id())


def replace_tenant(connection: sqlite3.Connection, *, keep_content: bool) -> str:
    """Put another tenant in the place of the present one, empty or (a copy) with its content; answers its id."""
    before, after = current_tenant_id(connection), _new_tenant_id()
    _make_current(connection, after)
    if keep_content:
        connection.execute("UPDATE datasource SET tenant_id = ? WHERE tenant_id = ?", (after, before))
    return after


def switch_tenant(connection: sqlite3.Connection, tenant_id: str) -> None:
    """Let a tenant that was replaced answer again.

    Raises:
        LookupError: no tenant has had that id.
    """
    if connection.execute("SELECT 1 FROM tenant WHERE id = ?", (tenant_id,)).fetchone() is None:
        raise LookupError(f"no tenant {tenant_id!r}")
    _make_current(connection, tenant_id)


def _new_tenant_id() -> str:
    return f"sandbox-{secrets.token_hex(3)}"


def _make_current(connection: sqlite3.Connection, tenant_id: str) -> None:
    connection.execute("UPDATE tenant SET current = 0")
    connection.execute(
        "INSERT INTO tenant (id, name, current) VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET current = 1",
        (tenant_id, TENANT_NAME),
    )
