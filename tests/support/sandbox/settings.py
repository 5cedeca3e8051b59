"""Settings of a sandbox that no command reaches: its switches, its pace, and which tenant answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from server.sandbox.state.content.sync_jobs import PACE_SETTING
from server.sandbox.state.state import store_setting
from server.sandbox.state.switches import SWITCHES_SETTING, Switches, load_switches
from server.sandbox.state.tenants import current_tenant_id, make_tenant_current, new_tenant_id

if TYPE_CHECKING:
    import sqlite3

DOCUMENTED_DELAYS: Final = {"indexing_s": 18 * 60.0, "single_s": 3 * 60.0, "counts_lag_s": 3 * 3600.0}
"""How slow Glean says that it is: 15 to 20 minutes after an upload, minutes after a single document."""


def set_switches(connection: sqlite3.Connection, **changes: bool | float) -> None:
    """Turn some of the switches."""
    known = msgspec.to_builtins(load_switches(connection))
    switches = msgspec.convert({**known, **changes}, Switches, strict=False)
    store_setting(connection, SWITCHES_SETTING, msgspec.to_builtins(switches))


def set_indexing_rate(
    connection: sqlite3.Connection, documents_per_second: float, minimum_seconds: float
) -> None:
    """Say how fast jobs index that start from now on, and the least that they take."""
    if documents_per_second <= 0 or minimum_seconds < 0:
        raise ValueError("a rate must be more than 0 documents a second, the least time 0 seconds or more")
    store_setting(connection, PACE_SETTING, (documents_per_second, minimum_seconds))


def finish_jobs(connection: sqlite3.Connection, now: float) -> None:
    """Let all jobs that run be over by now."""
    connection.execute(
        "UPDATE job SET duration = min(duration, ?1 - started_at) WHERE status = 'RUNNING'", (now,)
    )


def replace_tenant(connection: sqlite3.Connection, *, keep_content: bool) -> str:
    """Put another tenant in the place of the present one, empty or (a copy) with its content; answers its id."""
    before, after = current_tenant_id(connection), new_tenant_id()
    make_tenant_current(connection, after)
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
    make_tenant_current(connection, tenant_id)
