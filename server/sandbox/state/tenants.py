"""Tenant of the sandbox: an id that is made once for each file."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

TENANT_NAME = "Dataset lifecycle sandbox"


def current_tenant_id(connection: sqlite3.Connection) -> str:
    """The id of the current tenant."""
    row = connection.execute("SELECT id FROM tenant WHERE current = 1").fetchone()
    return str(row["id"])


def ensure_tenant(connection: sqlite3.Connection) -> None:
    """Create the first tenant, unless the file has one."""
    if connection.execute("SELECT 1 FROM tenant").fetchone() is None:
        make_tenant_current(connection, new_tenant_id())


def new_tenant_id() -> str:
    """A new random id of a tenant."""
    return f"sandbox-{secrets.token_hex(3)}"


def make_tenant_current(connection: sqlite3.Connection, tenant_id: str) -> None:
    """Make the tenant of this id the current one; create it when there is none."""
    connection.execute("UPDATE tenant SET current = 0")
    connection.execute(
        "INSERT INTO tenant (id, name, current) VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET current = 1",
        (tenant_id, TENANT_NAME),
    )
